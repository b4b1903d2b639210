"""Importance and effects come through one interface, whatever kind of model answers."""

from __future__ import annotations

import lightgbm
import numpy as np
import onnx
import pyarrow as pa
import pytest
import skops.io
from skl2onnx import to_onnx
from sklearn.linear_model import LogisticRegression

from monitoring_dagster.decisions.importance import learn, prediction_change
from monitoring_dagster.models import Model, model_of

NUMBERS = ["age", "income"]


@pytest.fixture(scope="module")
def known(rows, frame):
    """Labelled rows without gaps."""
    paid = (frame["age"] > 45).astype(int)
    income = frame["income"].fillna(20_000)
    columns = {"age": rows["age"], "income": pa.array(income), "region": rows["region"]}
    return pa.table({**columns, "score": pa.array(paid * 0.9), "paid": pa.array(paid)})


def of_skops(numbers, paid, folder):
    skops.io.dump(LogisticRegression().fit(numbers, paid), folder / "model.skops")
    return "model.skops"


def of_onnx(numbers, paid, folder):
    estimator = LogisticRegression().fit(numbers.to_numpy(np.float32), paid)
    graph = to_onnx(estimator, numbers.to_numpy(np.float32)[:1], options={"zipmap": False})
    onnx.helper.set_model_props(graph, {"features": '["age", "income"]'})
    (folder / "model.onnx").write_bytes(graph.SerializeToString())
    return "model.onnx"


def of_lightgbm(numbers, paid, folder):
    settings = {"objective": "binary", "verbose": -1, "num_threads": 1}
    lightgbm.train(settings, lightgbm.Dataset(numbers, paid), 5).save_model(folder / "m.lgb.txt")
    return "m.lgb.txt"


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.parametrize("kind", [of_skops, of_onnx, of_lightgbm])
def test_importance_and_effects_are_learnt_from(kind, known, monitor_of, tmp_path, below):
    frame = known.to_pandas()
    uri = kind(frame[NUMBERS], frame["paid"], tmp_path)
    monitor = monitor_of(model={"task": "binary", "threshold": 0.5, "uri": uri})
    model: Model = model_of(monitor, tracking_uri=None, allowed=below)
    importance = learn(monitor, known, model)
    assert (importance.method, max(importance.values, key=importance.values.get)) == (
        "permutation",
        "age",
    )
    older = known.set_column(0, "age", pa.array(frame["age"] + 30))
    rng = np.random.default_rng(0)
    change = prediction_change(model.predict, older, known, "age", rng, 0.5)
    assert change.decision_rate > 0.1
