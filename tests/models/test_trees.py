from __future__ import annotations

import numpy as np
import pytest
import skops.io
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from monitoring_dagster.errors import ModelRefused
from monitoring_dagster.models import trees, trust


def boosted(**settings):
    r = np.random.default_rng(1)
    rows = np.column_stack([r.normal(size=(400, 2)), r.integers(0, 8, 400)])
    target = rows[:, 0] + np.isin(rows[:, 2], [1, 5]) + r.normal(size=400)
    return HistGradientBoostingRegressor(max_iter=3, **settings).fit(rows, target), rows


def nodes(model):
    return model._predictors[0][0].nodes


def inner(model):
    return int(np.flatnonzero(nodes(model)["is_leaf"] == 0)[0])


@pytest.mark.parametrize("categories", [None, [2]], ids=["numbers", "categories"])
def test_trees_as_they_are_fitted_are_sound(categories):
    model, _ = boosted(categorical_features=categories)
    trees.check(model)
    trees.check(make_pipeline(StandardScaler(), model))


def test_trees_of_several_classes_are_sound():
    r = np.random.default_rng(2)
    rows = r.normal(size=(300, 2))
    labels = np.digitize(rows[:, 0], [-0.5, 0.5])
    trees.check(HistGradientBoostingClassifier(max_iter=2).fit(rows, labels))


@pytest.mark.parametrize(
    ("field", "value"),
    [("left", 10**6), ("right", 10**6), ("left", 0), ("feature_idx", 3), ("feature_idx", -1)],
    ids=["beyond the tree", "also right", "in a circle", "no such feature", "before the first"],
)
def test_a_crafted_tree_is_refused_before_it_is_asked(tmp_path, field, value):
    model, _ = boosted()
    nodes(model)[field][inner(model)] = value
    skops.io.dump(model, tmp_path / "model.skops")
    with pytest.raises(ModelRefused, match="damaged or crafted"):
        trust.read(tmp_path / "model.skops")


def test_a_category_table_that_is_not_there_is_refused():
    model, _ = boosted(categorical_features=[2])
    found = [p for stage in model._predictors for p in stage if p.nodes["is_categorical"].any()]
    by_category = np.flatnonzero(found[0].nodes["is_categorical"])[0]
    found[0].nodes["bitset_idx"][by_category] = 999
    with pytest.raises(ModelRefused, match="damaged or crafted"):
        trees.check(model)


def test_a_tree_outside_of_a_model_is_refused():
    model, _ = boosted()
    scaler = StandardScaler()
    scaler.spare = np.array([model._predictors[0][0]], dtype=object)
    with pytest.raises(ModelRefused, match="damaged or crafted"):
        trees.check(scaler)


def test_a_stored_model_answers_as_before(tmp_path):
    model, rows = boosted()
    skops.io.dump(model, tmp_path / "model.skops")
    assert trust.read(tmp_path / "model.skops").predict(rows).tolist() == (
        model.predict(rows).tolist()
    )
