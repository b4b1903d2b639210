"""Models of every kind come back from their files as they were, and no others are saved."""

from __future__ import annotations

import logging
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from monitoring_dagster.errors import ModelRefused
from monitoring_dagster.models import load
from monitoring_dagster.models.allowed import Allowed
from monitoring_dagster.retraining import handover
from monitoring_dagster.retraining.saving import Saving, read_back, save
from monitoring_dagster.retraining.training import Frame
from monitoring_dagster.telemetry.sources import Access
from tests.retraining_training import trainers
from tests.retraining_training.conftest import order


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.chdir(tmp_path)
    logging.getLogger("mlflow").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of MLflow, about its own types
        import mlflow.pyfunc  # noqa: F401


@pytest.fixture
def frame(private: Path) -> Frame:
    return handover.frame_of(private / handover.TRAINING)


def saving(private: Path, *trusted: str, **asked: Any) -> Saving:
    told = order("plain", **asked)
    return Saving(private / handover.MODEL, told, trusted, {"numpy": np.__version__})


def answers(private: Path, what: Saving) -> np.ndarray:
    """What the saved model answers to the rows of validation."""
    here = Allowed(Access(roots=(str(private),), base=private))
    model = load(str(what.target), tracking_uri=None, trusted=what.trusted, allowed=here)
    return model.predict(pq.read_table(private / handover.VALIDATION))


def kept(private: Path, model: Any, what: Saving | None = None) -> tuple[str, np.ndarray]:
    what = what or saving(private)
    save(model, what)
    return read_back(what, private / handover.VALIDATION), answers(private, what)


def test_a_pipeline_of_scikit_learn_comes_back(private: Path, frame: Frame) -> None:
    model = trainers.logistic().fit(frame.features[["age", "income"]], frame.labels)
    flavor, scores = kept(private, model)
    rows = handover.frame_of(private / handover.VALIDATION).features[["age", "income"]]
    assert flavor == "sklearn"
    assert scores == pytest.approx(model.predict_proba(rows))


def test_a_saved_model_holds_versions_and_types_and_no_row(private: Path, frame: Frame) -> None:
    model = trainers.logistic().fit(frame.features[["age", "income"]], frame.labels)
    kept(private, model)
    files = {path.name: path.read_bytes() for path in (private / handover.MODEL).iterdir()}
    assert set(files) == {
        *("MLmodel", "model.skops", "requirements.txt", "conda.yaml", "python_env.yaml")
    }
    assert f"numpy=={np.__version__}" in files["requirements.txt"].decode()
    assert "skops==" in files["requirements.txt"].decode()
    assert '"type": "double"' in files["MLmodel"].decode()
    assert "example" not in files["MLmodel"].decode().replace("type_hint_from_example", "")


def test_a_classifier_of_lightgbm_keeps_its_classes(private: Path, frame: Frame) -> None:
    import lightgbm

    features = frame.features.astype({"region": "category"})
    said = frame.labels.map({0: "no", 1: "yes"})
    model = lightgbm.LGBMClassifier(n_estimators=5, verbose=-1).fit(features, said)
    flavor, scores = kept(private, model)
    rows = handover.frame_of(private / handover.VALIDATION).features
    assert flavor == "lightgbm"
    assert scores == pytest.approx(model.predict_proba(rows.astype({"region": "category"})))
    assert "classes:\n  - 'no'\n  - 'yes'" in (private / "model/MLmodel").read_text()


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        pytest.param({"positive_label": 1}, "- 0\n  - 1", id="numbers"),
        pytest.param({"positive_label": True}, "- false\n  - true", id="truth values"),
        pytest.param({"positive_label": "late"}, "- not late\n  - late", id="texts"),
    ],
)
def test_a_bare_booster_answers_the_chance_of_the_positive_label(
    private: Path, frame: Frame, asked: dict[str, Any], told: str
) -> None:
    import lightgbm

    data = lightgbm.Dataset(frame.features[["age", "income"]], frame.labels)
    booster = lightgbm.train({"objective": "binary", "verbose": -1}, data, 5)
    what = saving(private)
    what = replace(what, order=replace(what.order, **asked))
    flavor, scores = kept(private, booster, what)
    rows = handover.frame_of(private / handover.VALIDATION).features[["age", "income"]]
    assert flavor == "lightgbm"
    assert scores[:, 1] == pytest.approx(booster.predict(rows))
    assert told in (private / "model/MLmodel").read_text()


def onnx_of(frame: Frame) -> tuple[Any, bytes]:
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType

    model = trainers.logistic().fit(frame.features[["age", "income"]], frame.labels)
    inputs = [(name, FloatTensorType([None, 1])) for name in ("age", "income")]
    from sklearn.compose import make_column_transformer
    from sklearn.pipeline import make_pipeline

    whole = make_pipeline(make_column_transformer(("passthrough", ["age", "income"])), model)
    whole.fit(frame.features[["age", "income"]], frame.labels)
    graph = to_onnx(whole, initial_types=inputs, options={id(model): {"zipmap": False}})
    return whole, graph.SerializeToString()


def test_the_bytes_of_an_onnx_graph_come_back(private: Path, frame: Frame) -> None:
    model, content = onnx_of(frame)
    flavor, scores = kept(private, content)
    rows = handover.frame_of(private / handover.VALIDATION).features[["age", "income"]]
    assert flavor == "onnx"
    assert scores == pytest.approx(model.predict_proba(rows), abs=1e-5)


def test_a_folder_that_the_trainer_saved_is_taken_over(private: Path, frame: Frame) -> None:
    own = saved_by_the_trainer(private, frame)
    flavor, scores = kept(private, own)
    assert flavor == "sklearn"
    assert scores.shape == (200, 2)


def saved_by_the_trainer(private: Path, frame: Frame, **more: Any) -> Path:
    import mlflow.sklearn
    from mlflow.models import infer_signature

    features = frame.features[["age", "income"]]
    model = trainers.logistic().fit(features, frame.labels)
    own = private / "own"
    told = {
        "signature": infer_signature(features),
        "pip_requirements": ["skops"],
        "skops_trusted_types": ["numpy.dtype"],
        **more,
    }
    mlflow.sklearn.save_model(model, str(own), serialization_format="skops", **told)
    return own


def test_a_folder_with_rows_in_it_is_refused(private: Path, frame: Frame) -> None:
    own = saved_by_the_trainer(private, frame)
    (own / "input_example.json").write_text('{"columns": ["age"], "data": [[42]]}')
    with (own / "MLmodel").open("a") as description:
        description.write(
            "saved_input_example_info: {artifact_path: input_example.json, type: dataframe}\n"
        )
    with pytest.raises(ModelRefused, match="rows do not leave the lake"):
        save(own, saving(private))


def test_a_folder_with_code_in_it_is_refused(private: Path, frame: Frame) -> None:
    own = saved_by_the_trainer(private, frame, code_paths=[__file__])
    with pytest.raises(ModelRefused, match="brings code of its own"):
        save(own, saving(private))


def test_a_folder_with_a_link_in_it_is_refused(private: Path, frame: Frame) -> None:
    own = saved_by_the_trainer(private, frame)
    (own / "notes.txt").symlink_to("/etc/hostname")
    with pytest.raises(ModelRefused, match=r"notes\.txt"):
        save(own, saving(private))


def test_a_pickle_is_refused(private: Path, frame: Frame) -> None:
    own = saved_by_the_trainer(private, frame)
    described = own / "MLmodel"
    described.write_text(described.read_text().replace("format: skops", "format: cloudpickle"))
    with pytest.raises(ModelRefused, match="stored as cloudpickle"):
        kept(private, own)


def test_a_folder_that_is_none_is_refused(private: Path) -> None:
    with pytest.raises(ModelRefused, match="is no folder of an MLflow model"):
        save("nowhere", saving(private))


def test_types_that_would_be_refused_later_are_named_now(private: Path, frame: Frame) -> None:
    from sklearn.ensemble import RandomForestClassifier

    model = RandomForestClassifier(2).fit(frame.features[["age", "income"]], frame.labels)
    with pytest.raises(ModelRefused, match=r"not trusted: sklearn\.tree\._tree\.Tree\. Build it"):
        save(model, saving(private))


def test_types_that_the_trainer_answers_for_are_saved(private: Path, frame: Frame) -> None:
    from sklearn.ensemble import RandomForestClassifier

    model = RandomForestClassifier(2).fit(frame.features[["age", "income"]], frame.labels)
    flavor, _ = kept(private, model, saving(private, "sklearn.tree._tree.Tree"))
    assert flavor == "sklearn"


def test_a_model_that_reads_what_is_no_feature_is_refused(private: Path, frame: Frame) -> None:
    derived = frame.features[["age"]].assign(age_squared=frame.features["age"] ** 2)
    model = trainers.logistic().fit(derived, frame.labels)
    with pytest.raises(ModelRefused, match="it reads age_squared, and the features are age, inc"):
        save(model, saving(private))


def test_a_model_without_names_is_refused_unless_it_reads_all_features(
    private: Path, frame: Frame
) -> None:
    model = trainers.logistic().fit(frame.features[["age"]].to_numpy(), frame.labels)
    with pytest.raises(ModelRefused, match="1 columns without names, and there are 3 features"):
        save(model, saving(private))


def test_a_model_that_cannot_answer_every_row_is_refused(private: Path, frame: Frame) -> None:
    from sklearn.linear_model import LogisticRegression

    features = frame.features[["age", "income"]].fillna(0.0)
    model = LogisticRegression().fit(features, frame.labels)
    with pytest.raises(ModelRefused, match="Input X contains NaN"):
        kept(private, model)


@pytest.mark.parametrize(
    ("model", "told"),
    [
        pytest.param(b"no graph", "no ONNX model", id="bytes that are no graph"),
        pytest.param({"a": 1}, "builtins.dict cannot be served", id="a dictionary"),
    ],
)
def test_what_is_no_model_is_refused(private: Path, model: Any, told: str) -> None:
    with pytest.raises(ModelRefused, match=told):
        save(model, saving(private))
