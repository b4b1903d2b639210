from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import skops.io
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OrdinalEncoder

from monitoring_dagster.errors import ModelRefused, ModelUnavailable
from monitoring_dagster.models import load, loading, model_of, trust

pytestmark = [
    # MLflow's own: it calls pandas, SQLAlchemy and others in ways that their next versions drop.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning:mlflow"),
]

TREES = "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor"
FOREST = "sklearn.tree._tree.Tree"


class Trap:
    """An object whose pickle makes a file when it is opened."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self):
        return Path.touch, (self.marker,)


@pytest.fixture(scope="module")
def paid(frame):
    return (frame["age"] + 10 * (frame["region"] == "north") > 50).astype(int).to_numpy()


@pytest.fixture(scope="module")
def champion(registry, frame, paid):
    """A pipeline of categories, missing values and boosted trees, registered."""
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan)
    columns = ColumnTransformer([("region", encoder, ["region"])], remainder="passthrough")
    pipeline = make_pipeline(columns, HistGradientBoostingClassifier(max_iter=5)).fit(frame, paid)
    registry.register("loans", pipeline, frame, trusted=[TREES])
    return pipeline


def test_the_monitors_model_answers_as_the_one_that_was_registered(
    registry, champion, monitor_of, rows, frame
):
    model = model_of(monitor_of(), tracking_uri=registry.uri)
    assert list(model.features) == ["age", "income", "region"]
    assert model.predict(rows).tolist() == champion.predict_proba(frame)[:, 1].tolist()
    assert model.predict(rows.slice(0, 0)).shape == (0,)


@pytest.mark.parametrize("uri", ["models:/loans@champion", "models:/loans/1"])
def test_a_model_is_found_by_alias_and_by_version(registry, champion, rows, uri):
    assert load(uri, tracking_uri=registry.uri).predict(rows).shape == (300, 2)


def test_a_model_is_found_by_its_own_id(registry, champion, rows):
    logged = next((registry.folder / "artifacts/models").iterdir()).name
    assert load(f"models:/{logged}", tracking_uri=registry.uri).inputs


def test_reading_leaves_no_trace_of_a_registry_elsewhere(registry, champion, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    load("models:/loans@champion", tracking_uri=registry.uri)
    with pytest.raises(ModelUnavailable, match=r"there is no MLflow registry at .*none\.db"):
        load("models:/loans@champion", tracking_uri=f"sqlite:///{tmp_path / 'none.db'}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("uri", "told"),
    [
        ("models:/nobody@champion", "nobody"),
        ("models:/loans@nobody", "nobody"),
        ("models:/loans/99", "99"),
        ("models:/loans/Production", "give model.uri as models:/NAME@ALIAS"),
        ("file:///etc/passwd", "names no model of the registry"),
    ],
)
def test_what_is_not_registered_is_unavailable(registry, champion, uri, told):
    with pytest.raises(ModelUnavailable, match=told):
        load(uri, tracking_uri=registry.uri)


def test_a_monitor_without_a_model_says_how_to_name_one(monitor_of, registry):
    monitor = monitor_of(model={"task": "binary", "threshold": 0.5})
    with pytest.raises(ModelUnavailable, match=r"give model\.uri as models:/NAME@ALIAS"):
        model_of(monitor, tracking_uri=registry.uri)


def test_a_pickled_model_is_refused_and_does_not_run(registry, frame, paid, tmp_path):
    marker = tmp_path / "ran"
    numbers = frame[["age"]]
    files = registry.register(
        "pickled", LogisticRegression().fit(numbers, paid), numbers, written="cloudpickle"
    )
    (files / "model.pkl").write_bytes(pickle.dumps(Trap(marker)))
    with pytest.raises(ModelRefused, match=r"stored as cloudpickle.*serialization_format='skops'"):
        load("models:/pickled@champion", tracking_uri=registry.uri)
    assert not marker.exists()


def test_a_pickle_in_the_name_of_skops_is_refused_and_does_not_run(registry, frame, paid, tmp_path):
    marker = tmp_path / "ran"
    numbers = frame[["age"]]
    files = registry.register("disguised", LogisticRegression().fit(numbers, paid), numbers)
    trap = pickle.dumps(Trap(marker))
    (files / "model.skops").write_bytes(trap)
    with pytest.raises(ModelRefused, match=r"model\.skops is no model that skops can read"):
        load("models:/disguised@champion", tracking_uri=registry.uri)
    assert not marker.exists()
    pickle.loads(trap)  # noqa: S301  shows that the trap works
    assert marker.exists()


def test_a_type_that_is_not_trusted_is_refused_by_name_whatever_the_model_says_of_itself(
    registry, frame, paid, rows
):
    numbers = frame[["age"]]
    forest = RandomForestClassifier(3, random_state=0).fit(numbers, paid)
    registry.register("forest", forest, numbers, trusted=[FOREST])
    with pytest.raises(ModelRefused, match=r"not trusted: sklearn\.tree\._tree\.Tree"):
        load("models:/forest@champion", tracking_uri=registry.uri)
    trusting = load("models:/forest@champion", tracking_uri=registry.uri, trusted=[FOREST])
    assert trusting.predict(rows).tolist() == forest.predict_proba(numbers).tolist()


def test_a_model_that_does_not_name_its_inputs_is_refused(registry, frame, paid):
    nameless = LogisticRegression().fit(frame[["age"]].to_numpy(), paid)
    registry.register("nameless", nameless, None)
    with pytest.raises(ModelRefused, match="does not name its inputs"):
        load("models:/nameless@champion", tracking_uri=registry.uri)


def test_a_function_that_the_file_names_is_never_built(tmp_path):
    skops.io.dump(FunctionTransformer(os.system), tmp_path / "model.skops")
    with pytest.raises(ModelRefused, match=r"posix\.system"):
        trust.read(tmp_path / "model.skops")


def test_a_model_that_unpacks_to_too_much_is_refused(tmp_path, monkeypatch):
    skops.io.dump(LogisticRegression(), tmp_path / "model.skops")
    monkeypatch.setattr(trust, "MOST_BYTES", 100)
    with pytest.raises(ModelRefused, match="more than the 100 that a model may have"):
        trust.read(tmp_path / "model.skops")


@pytest.mark.parametrize(
    ("flavors", "told"),
    [
        ({"xgboost": {}, "python_function": {}}, "no scikit-learn model .*python_function, xgb"),
        (None, "its kinds: none"),
        ({"sklearn": {"pickled_model": "model.pkl"}}, "stored as pickle"),
        (
            {"sklearn": {"serialization_format": "skops", "pickled_model": "../model.skops"}},
            "lies outside the model",
        ),
        ({"sklearn": {"serialization_format": "skops", "pickled_model": ".."}}, "lies outside"),
    ],
    ids=["another library", "nothing", "an unnamed format", "a path upwards", "the folder above"],
)
def test_a_description_that_promises_no_skops_file_is_refused(flavors, told):
    with pytest.raises(ModelRefused, match=told):
        loading.stored_file({"flavors": flavors})
