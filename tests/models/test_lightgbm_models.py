from __future__ import annotations

import pickle
from pathlib import Path

import lightgbm
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from monitoring_dagster.errors import ModelRefused
from monitoring_dagster.models import lightgbm_model, lightgbm_text, load
from monitoring_dagster.models.serving import fitted_to

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]

SETTINGS = {"verbose": -1, "min_data_in_leaf": 5, "num_leaves": 6, "num_threads": 1, "seed": 1}
LARGE_CATEGORIES = {"max_cat_to_onehot": 1, "min_data_per_group": 1, "cat_smooth": 1}


class Trap:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self):
        return Path.touch, (self.marker,)


@pytest.fixture(scope="module")
def fitted_frame(frame):
    return frame.assign(region=pd.Categorical(frame["region"]))


@pytest.fixture(scope="module")
def target(frame):
    return ((frame["age"] > 45) ^ (frame["region"] == "north")).astype(int).to_numpy()


def trained(frame, target, **more):
    settings = {"objective": "binary", **SETTINGS, **LARGE_CATEGORIES, **more}
    return lightgbm.train(settings, lightgbm.Dataset(frame, target), 5)


def written(booster, folder):
    path = folder / "model.lgb.txt"
    booster.save_model(path)
    return path


@pytest.fixture(scope="module")
def booster(fitted_frame, target):
    return trained(fitted_frame, target)


@pytest.fixture(scope="module")
def text(booster):
    return booster.model_to_string()


def test_a_booster_with_categories_and_gaps_answers_as_lightgbm_itself(
    booster, monitor_of, rows, fitted_frame, tmp_path, below
):
    path = written(booster, tmp_path)
    served = fitted_to(load(path.as_uri(), tracking_uri=None, allowed=below), monitor_of())
    assert served.predict(rows) == pytest.approx(booster.predict(fitted_frame), abs=1e-12)
    assert served.predict(rows.slice(0, 0)).shape == (0,)


def test_a_booster_of_mlflow_is_read_from_its_folder(
    booster, monitor_of, rows, fitted_frame, frame, tmp_path, below, flavor
):
    folder = tmp_path / "model"
    flavor("lightgbm").save_model(
        booster,
        folder,
        signature=flavor("models").infer_signature(frame),
        pip_requirements=["lightgbm"],
    )
    served = fitted_to(load(str(folder), tracking_uri=None, allowed=below), monitor_of())
    assert served.predict(rows) == pytest.approx(booster.predict(fitted_frame), abs=1e-12)


def test_an_unknown_category_and_a_gap_are_missing_values_to_the_booster(
    booster, fitted_frame, tmp_path
):
    served = lightgbm_model.read(written(booster, tmp_path))
    odd = pa.table({"age": [30, 30], "income": [1e4, 1e4], "region": ["moon", None]})
    known = pd.DataFrame({"age": 30, "income": 1e4, "region": pd.Categorical([None])})
    known["region"] = known["region"].cat.set_categories(fitted_frame["region"].cat.categories)
    assert served.predict(odd)[:, 1] == pytest.approx(np.repeat(booster.predict(known), 2))


def test_the_negative_class_is_what_remains(booster, monitor_of, rows, fitted_frame, tmp_path):
    monitor = monitor_of(model={"task": "binary", "threshold": 0.5, "positive_label": 0})
    served = fitted_to(lightgbm_model.read(written(booster, tmp_path)), monitor)
    assert served.predict(rows) == pytest.approx(1 - booster.predict(fitted_frame), abs=1e-12)


def test_classes_come_in_the_monitors_order(multiclass_of, fitted_frame, rows, tmp_path):
    codes = np.digitize(fitted_frame["age"], [35, 60])
    booster = trained(fitted_frame, codes, objective="multiclass", num_class=3)
    served = fitted_to(lightgbm_model.read(written(booster, tmp_path)), multiclass_of(2, 0, 1))
    expected = booster.predict(fitted_frame)[:, [2, 0, 1]]
    assert served.predict(rows) == pytest.approx(expected, abs=1e-12)


def test_names_of_classes_come_from_the_models_metadata(
    multiclass_of, fitted_frame, rows, tmp_path, below, flavor
):
    codes = np.digitize(fitted_frame["age"], [35, 60])
    booster = trained(fitted_frame, codes, objective="multiclass", num_class=3)
    names = ["low", "middle", "high"]
    flavor("lightgbm").save_model(
        booster, tmp_path / "m", pip_requirements=["lightgbm"], metadata={"classes": names}
    )
    model = load(str(tmp_path / "m"), tracking_uri=None, allowed=below)
    served = fitted_to(model, multiclass_of("high", "low", "middle"))
    expected = booster.predict(fitted_frame)[:, [2, 0, 1]]
    assert served.predict(rows) == pytest.approx(expected, abs=1e-12)


def test_classes_that_the_booster_knows_as_numbers_only_are_not_guessed(
    booster, monitor_of, tmp_path
):
    columns = {
        "id": {"role": "id"},
        **{n: {"role": "feature", "type": "number"} for n in ("age", "income", "region")},
        "score": {"role": "score"},
        "paid": {"role": "label", "type": "category"},
    }
    model = {"task": "binary", "threshold": 0.5, "positive_label": "yes", "uri": "models:/m/1"}
    with pytest.raises(ModelRefused, match=r"asks for 'yes'.*metadata=\{'classes': \[\.\.\.\]\}"):
        fitted_to(
            lightgbm_model.read(written(booster, tmp_path)),
            monitor_of(model=model, columns=columns),
        )


@pytest.mark.parametrize("linear", [False, True], ids=["constant leaves", "linear leaves"])
def test_a_regression_answers_its_predictions(regression, frame, rows, tmp_path, linear):
    numbers = frame.assign(region=frame["region"].map({"north": 0, "south": 1, "west": 2}))
    booster = trained(numbers, frame["age"] * 2.0, objective="regression", linear_tree=linear)
    served = fitted_to(lightgbm_model.read(written(booster, tmp_path)), regression)
    coded = rows.set_column(2, "region", pa.array(numbers["region"]))
    assert served.predict(coded) == pytest.approx(booster.predict(numbers), abs=1e-9)


def test_text_is_refused_where_the_booster_takes_numbers(frame, target, tmp_path, rows):
    numbers = frame.assign(region=0)
    served = lightgbm_model.read(written(trained(numbers, target), tmp_path))
    with pytest.raises(ModelRefused, match=r"region holds string, and the booster takes a number"):
        served.predict(rows)


def test_an_objective_without_probabilities_is_refused_by_name(frame, target, tmp_path):
    data = lightgbm.Dataset(frame[["age"]], target, group=[300])
    ranker = lightgbm.train({"objective": "lambdarank", **SETTINGS}, data, 2)
    with pytest.raises(ModelRefused, match=r"objective is 'lambdarank'.*train it with one of"):
        lightgbm_model.read(written(ranker, tmp_path))


def replaced(text: str, old: str, new: str) -> str:
    """With the size of the tree corrected, so that only what was changed is wrong."""
    assert old in text
    changed = text.replace(old, new, 1)
    first = text.split("tree_sizes=")[1].split(" ", 1)[0]
    is_in_tree = text.index(old) > text.index("Tree=0")
    size = int(first) + (len(new) - len(old) if is_in_tree else 0)
    return changed.replace(f"tree_sizes={first} ", f"tree_sizes={size} ", 1)


def line(text: str, key: str) -> str:
    return next(one for one in text.split("\n") if one.startswith(f"{key}="))


def crafted(text: str, key: str, first: str) -> str:
    """The text with another first value in the first line of a key."""
    values = line(text, key).split("=", 1)[1].split(" ")
    return replaced(text, line(text, key), f"{key}={' '.join([first, *values[1:]])}")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("split_feature", "9"),
        ("split_feature", "-1"),
        ("left_child", "900"),
        ("right_child", "0"),
        ("left_child", "-900"),
        ("num_leaves", "900"),
        ("num_cat", "900"),
        ("cat_boundaries", "7"),
        ("leaf_value", "1 1"),
        ("num_tree_per_iteration", "50"),
        ("num_class", "50"),
        ("max_feature_idx", "50"),
        ("feature_infos", "none none"),
        ("feature_names", "region"),
        ("objective", "multiclass"),
    ],
    ids=[
        "a feature beyond the last",
        "a feature before the first",
        "a node beyond the last",
        "a node in a circle",
        "a leaf beyond the last",
        "more leaves than there are",
        "more tables than there are",
        "a table that begins elsewhere",
        "a leaf too many",
        "more trees a round than classes",
        "more classes than trees",
        "more features than names",
        "a range too many",
        "two features of one name",
        "classes that are not said",
    ],
)
def test_a_crafted_text_is_refused_before_lightgbm_reads_it(text, key, value):
    lightgbm_text.check(text)
    with pytest.raises(ModelRefused, match="damaged or crafted"):
        lightgbm_text.check(crafted(text, key, value))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text[: len(text) // 2],
        lambda text: text.replace("Tree=1\n", "Tree=1\nnum_leaves=2\n"),
        lambda text: text.replace("tree_sizes=", "tree_sizes=1 "),
        lambda _: "",
        lambda _: "tree\n",
        lambda text: text.replace("\n", "\r\n"),
    ],
    ids=["cut", "a line twice", "other sizes", "empty", "only its first line", "other line ends"],
)
def test_a_spoilt_text_is_refused(text, spoil):
    with pytest.raises(ModelRefused, match="damaged or crafted"):
        lightgbm_text.check(spoil(text))


def test_a_text_that_is_too_large_is_not_read(booster, tmp_path, monkeypatch):
    monkeypatch.setattr(lightgbm_model, "MOST_BYTES", 100)
    with pytest.raises(ModelRefused, match=r"more than the 100 that a booster may have"):
        lightgbm_model.read(written(booster, tmp_path))


def test_a_pickle_in_a_folder_of_lightgbm_is_refused_and_does_not_run(
    fitted_frame, target, tmp_path, below, flavor
):
    marker = tmp_path / "ran"
    estimator = lightgbm.LGBMClassifier(n_estimators=2, verbose=-1).fit(fitted_frame, target)
    flavor("lightgbm").save_model(
        estimator,
        tmp_path / "m",
        serialization_format="cloudpickle",
        pip_requirements=["lightgbm"],
    )
    (tmp_path / "m" / "model.pkl").write_bytes(pickle.dumps(Trap(marker)))
    with pytest.raises(ModelRefused, match=r"by cloudpickle.*store its booster with mlflow\.li"):
        load(str(tmp_path / "m"), tracking_uri=None, allowed=below)
    assert not marker.exists()


def test_a_pickle_in_the_name_of_a_booster_is_refused_and_does_not_run(
    booster, tmp_path, below, flavor
):
    marker = tmp_path / "ran"
    flavor("lightgbm").save_model(booster, tmp_path / "m", pip_requirements=["lightgbm"])
    (tmp_path / "m" / "model.lgb").write_bytes(pickle.dumps(Trap(marker)))
    with pytest.raises(ModelRefused, match="no text of a LightGBM booster"):
        load(str(tmp_path / "m"), tracking_uri=None, allowed=below)
    assert not marker.exists()
