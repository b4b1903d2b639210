"""Performance without labels: our estimates beside NannyML's, against what was realised.

`python -m benchmarks.estimates` prints a table; the data sets are those of NannyML's own wheel,
cut into chunks in file order. `--peers PATH` names a Python that has nannyml 0.13.1.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks import bundled
from benchmarks.peers import environment
from benchmarks.tables import Table
from benchmarks.worlds import SETS, World, world
from monitoring_dagster.metrics.measurement import Measurement, Status
from monitoring_dagster.monitors.contract import Role, Task


@dataclass(frozen=True)
class Row:
    """One line of the table: mean |estimate − realised| of a metric over chunks.

    Of regressions relative to the realised value. `coverage` is the share of chunks whose
    realised value lies in our band (plain, adapted). None where there is no such figure.
    """

    data: str
    metric: str
    plain: float
    adapted: float | None
    nannyml: float | None
    coverage: tuple[float, float | None]
    seconds: float


def missed(world: World, found: Sequence[list[Measurement]], name: str) -> tuple[float, float]:
    """Mean absolute error of the estimate `name` over chunks, and its band's coverage."""
    metric = name.removeprefix("estimated_").removeprefix("shift_adapted_")
    errors, inside = [], []
    for chunk, measured in zip(world.chunks, found, strict=True):
        estimate = next(m.estimate for m in measured if m.metric == name)
        if estimate.status is not Status.OK:
            raise ValueError(f"{name}: {estimate.detail}")
        truth = chunk.realised[metric]
        scale = truth if world.data.task is Task.REGRESSION else 1.0
        errors.append(abs(estimate.value - truth) / scale)
        inside.append(estimate.ci_low <= truth <= estimate.ci_high)
    return float(np.mean(errors)), float(np.mean(inside))


def ours(name: str) -> list[Row]:
    """Our figures for one data set."""
    here = world(name)
    estimates = here.estimates()
    start = time.process_time()
    found = [estimates.measure(chunk.profile, rows=chunk.rows) for chunk in here.chunks]
    seconds = (time.process_time() - start) / len(found)
    rows = []
    for metric in here.data.metrics:
        plain, covered = missed(here, found, f"estimated_{metric}")
        adapted, covered_adapted = None, None
        if here.data.task is not Task.REGRESSION:
            adapted, covered_adapted = missed(here, found, f"shift_adapted_{metric}")
        rows.append(Row(name, metric, plain, adapted, None, (covered, covered_adapted), seconds))
    return rows


_PEER = """
import json, sys, warnings
warnings.filterwarnings("ignore")
import nannyml, pandas
from pathlib import Path
told = json.loads(sys.argv[1])
pandas.set_option("future.infer_string", False)  # its encoders know no Arrow texts
def read(name):
    path = next(Path(told["folder"]).glob(name + ".*"))
    return pandas.read_csv(path) if path.suffix == ".csv" else pandas.read_parquet(path)
reference, analysis, target = (read(name) for name in told["files"])
common = dict(y_true=told["label"], y_pred=told["prediction"], chunk_size=told["chunk"],
              metrics=list(told["metrics"]))
if told["task"] == "regression":
    common["feature_column_names"] = told["features"]
    estimator = nannyml.DLE(**common)
else:
    scores = dict((c, name) for name, c in told["scores"])
    estimator = nannyml.CBPE(
        y_pred_proba=scores if told["task"] == "multiclass" else told["scores"][0][0],
        problem_type="classification_" + told["task"], **common)
found = estimator.fit(reference).estimate(analysis).filter(period="analysis").to_df()
print(json.dumps({m: found[(m, "value")].tolist() for m in told["metrics"]}))
"""
_THEIR_NAMES = {"roc_auc_macro": "roc_auc", "f1_macro": "f1"}
_THEIR_NAMES |= {"precision_macro": "precision", "recall_macro": "recall"}


def peers(name: str, python: Path) -> dict[str, float]:
    """NannyML's mean absolute errors (relative for regressions) on one data set."""
    here = world(name)
    data = here.data
    told = {
        "folder": str(bundled.folder()),
        "files": data.files,
        "task": data.task.value,
        "label": data.label,
        "prediction": data.prediction,
        "chunk": data.chunk,
        "scores": data.scores,
        "features": here.monitor.with_role(Role.FEATURE),
        "metrics": [_THEIR_NAMES.get(m, m) for m in data.metrics],
    }
    done = subprocess.run(
        [str(python), "-W", "ignore", "-c", _PEER, json.dumps(told)],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, **environment.QUIET},
    )
    if done.returncode:
        message = f"NannyML failed on {name}: {done.stderr.strip()[-2_000:]}"
        raise RuntimeError(message)
    found = json.loads(done.stdout.splitlines()[-1])
    errors = {}
    for metric in data.metrics:
        truth = np.array([chunk.realised[metric] for chunk in here.chunks])
        scale = truth if data.task is Task.REGRESSION else 1.0
        guess = np.array(found[_THEIR_NAMES.get(metric, metric)])
        errors[metric] = float(np.mean(np.abs(guess - truth) / scale))
    return errors


def rows(python: Path) -> list[Row]:
    """The whole table, for a report."""
    table: list[Row] = []
    for data in SETS:
        theirs = peers(data.name, python)
        table += [Row(**{**vars(row), "nannyml": theirs[row.metric]}) for row in ours(data.name)]
    return table


def tables(python: Path | None = None) -> list[Table]:
    """The rows as a table of the report."""
    shown = [
        [
            row.data,
            row.metric,
            _figure(row.nannyml),
            _figure(row.plain),
            _figure(row.adapted),
            " / ".join("–" if c is None else f"{c:.0%}" for c in row.coverage),
            f"{row.seconds:.2f} s",
        ]
        for row in rows(python or environment.python())
    ]
    header = ("data", "metric", "NannyML", "plain", "adapted", "in band", "a chunk takes")
    return [Table("Performance estimated without labels", header, shown, NOTES)]


NOTES = (
    (
        "Mean |estimate − realised| over chunks in file order; of car prices relative to the "
        "realised value. In band: chunks whose realised value lies in the band, plain / adapted."
    ),
    (
        "The settings of the adapted form were chosen on the MA data (about 25 were tried), so "
        "that its figures there are better than new data would give. On car loans, where inputs "
        "and outcomes change together, it is worse than the plain form."
    ),
)


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.5f}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", type=Path, help="a Python with nannyml 0.13.1")
    for table in tables(parser.parse_args().peers):
        print(table)


if __name__ == "__main__":
    main()
