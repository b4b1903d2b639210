"""The trainers that the documentation shows run as they are, and give the same model twice."""

from __future__ import annotations

import importlib
import re
import shutil
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from examples.trainers import __main__ as all_of_them
from monitoring_dagster.models import load
from monitoring_dagster.models.allowed import Allowed
from monitoring_dagster.retraining import handover, process, saving
from monitoring_dagster.telemetry.sources import Access
from tests.retraining_training.conftest import Train, order

EXAMPLES = Path(all_of_them.__file__).parent


def answers(found: process.Trained, private: Path) -> np.ndarray:
    """What the model that was saved answers to the rows of validation."""
    here = Allowed(Access(roots=(str(private),), base=private))
    model = load(str(found.folder), tracking_uri=None, allowed=here)
    return model.predict(pq.read_table(private / handover.VALIDATION))[:, 1]


def tells_labels_apart(scores: np.ndarray, private: Path) -> bool:
    labels = pq.read_table(private / handover.VALIDATION)[handover.LABEL].to_numpy()
    return scores[labels == 1].mean() > scores[labels == 0].mean() + 0.1


@pytest.mark.parametrize(
    ("name", "flavor"),
    [
        pytest.param("trees", "sklearn", id="scikit-learn, stored by skops"),
        pytest.param("forest", "onnx", id="a folder of MLflow, with an ONNX graph"),
    ],
)
def test_an_example_trains_a_model_that_answers(
    train: Train, private: Path, name: str, flavor: str
) -> None:
    found = train(f"examples.trainers.{name}:train")
    assert found is not None
    assert found.flavor == flavor
    assert tells_labels_apart(answers(found, private), private)


def test_the_same_rows_and_seed_give_the_same_bytes(train: Train, private: Path) -> None:
    first = train("examples.trainers.boosting:train", seed=3)
    assert first is not None
    assert first.flavor == "lightgbm"
    assert int(first.notes["trees"]) > 0
    assert tells_labels_apart(answers(first, private), private)
    content = (first.folder / "model.lgb").read_bytes()
    shutil.rmtree(first.folder)
    second = train("examples.trainers.boosting:train", seed=3)
    assert second is not None
    assert (second.folder / "model.lgb").read_bytes() == content


@pytest.mark.parametrize("name", ["trees", "boosting", "forest"])
@pytest.mark.parametrize("kind", ["multiclass", "regression"])
def test_an_example_knows_every_task(
    private: Path, name: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(private)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of MLflow, about its own types
        import mlflow.pyfunc  # noqa: F401
    asked = replace(order("plain"), kind=kind, classes=(0, 1, 2) if kind == "multiclass" else ())
    task = handover.task_of(private, asked)
    age = task.training.features["age"]
    labels = age if kind == "regression" else (age > 0).astype(int) + (age > 1).astype(int)
    task = replace(task, training=replace(task.training, labels=labels))
    fitted = importlib.import_module(f"examples.trainers.{name}").train(task)
    saved = saving.Saving(private / handover.MODEL, asked, fitted.trusted_types, {})
    saving.save(fitted.model, saved)
    saving.read_back(saved, private / handover.VALIDATION)
    here = Allowed(Access(roots=(str(private),), base=private))
    rows = pq.read_table(private / handover.VALIDATION)
    scores = load(str(saved.target), tracking_uri=None, allowed=here).predict(rows)
    assert scores.shape == ((200,) if kind == "regression" else (200, 3))
    told = scores if kind == "regression" else scores @ np.arange(3)
    assert np.corrcoef(told, rows["age"].to_numpy())[0, 1] > 0.8


def test_the_trainer_of_the_documentation_trains(private: Path) -> None:
    text = (EXAMPLES.parents[1] / "docs/retraining.md").read_text()
    (snippet,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    names: dict[str, Any] = {}
    exec(snippet, names)  # noqa: S102 - our own documentation
    fitted = names["train"](handover.task_of(private, order("plain")))
    assert fitted.model.predict_proba(
        handover.frame_of(private / handover.VALIDATION).features[["age", "income"]]
    ).shape == (200, 2)


def test_all_trainers_of_the_folder_are_run_by_its_command() -> None:
    found = {path.stem for path in EXAMPLES.glob("[a-z]*.py")}
    assert found == set(all_of_them.TRAINERS)


@pytest.mark.parametrize("name", all_of_them.TRAINERS)
def test_an_example_is_short(name: str) -> None:
    assert len((EXAMPLES / f"{name}.py").read_text().splitlines()) < 50


def test_the_rows_of_the_command_are_those_of_a_task(tmp_path: Path) -> None:
    pq.write_table(all_of_them.rows(), tmp_path / "rows.parquet")
    frame = handover.frame_of(tmp_path / "rows.parquet")
    assert frame.features.shape == (569, 30)
    assert set(np.unique(frame.labels)) == {0, 1}
