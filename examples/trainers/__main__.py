"""Run every trainer of this folder as a retraining does: in a limited process of its own.

The rows are those of breast cancer diagnoses in Wisconsin, which come with scikit-learn.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from monitoring_dagster.models import load
from monitoring_dagster.models.allowed import Allowed
from monitoring_dagster.monitors.retraining import Limits
from monitoring_dagster.retraining import handover, process
from monitoring_dagster.telemetry.sources.access import Access

TRAINERS = ("trees", "boosting", "forest")


def rows() -> pa.Table:
    """569 diagnoses as `frames` would hand them over, ten a day."""
    from sklearn.datasets import load_breast_cancer

    data = load_breast_cancer(as_frame=True)
    days = np.datetime64("2026-01-01") + np.arange(len(data.frame)) // 10
    features = data.data.rename(columns=lambda name: name.replace(" ", "_"))
    return (
        pa.Table.from_pandas(features, preserve_index=False)
        .append_column(handover.LABEL, pa.array(data.target))
        .append_column(handover.WEIGHT, pa.array(np.ones(len(days))))
        .append_column(handover.DAY, pa.array(days))
    )


def trained(name: str, diagnoses: pa.Table, folder: Path) -> str:
    """Train on the first 400 rows, and tell the AUC of the model that was saved on the others."""
    from sklearn.metrics import roc_auc_score

    validation = diagnoses.slice(400)
    pq.write_table(diagnoses.slice(0, 400), folder / handover.TRAINING)
    pq.write_table(validation, folder / handover.VALIDATION)
    features = {n: "double" for n in diagnoses.column_names if not n.startswith("@")}
    order = handover.Order(f"examples.trainers.{name}:train", 7, {}, "binary", features, 1)
    found = process.train(
        folder,
        order,
        limits=Limits(minutes=5, memory_mb=4_000),
        is_wanted=lambda: True,
        environment=os.environ,
        monotonic=time.monotonic,
    )
    if found is None:
        return f"{name}: not wanted any more"
    here = Allowed(Access(roots=(str(folder),), base=folder))
    model = load(str(found.folder), tracking_uri=None, allowed=here)
    auc = roc_auc_score(validation[handover.LABEL].to_numpy(), model.predict(validation)[:, 1])
    return f"{name}: {found.flavor}, AUC {auc:.4f}, {found.seconds:.1f} s"


if __name__ == "__main__":
    for trainer in TRAINERS:
        with tempfile.TemporaryDirectory() as private:
            print(trained(trainer, rows(), Path(private)))
