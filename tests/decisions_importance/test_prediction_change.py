from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_dagster.decisions.importance import PredictionChange, prediction_change
from monitoring_dagster.decisions.importance.prediction_change import (
    as_reference,
    moved_categories,
)

rng = np.random.default_rng
categories = st.lists(st.integers(0, 4), min_size=1, max_size=60)
counts = st.lists(st.integers(0, 50), min_size=5, max_size=5).filter(any)


def column(values, kind=None):
    return pa.chunked_array([pa.array(values, kind)])


def sigmoid(rows):
    return 1 / (1 + np.exp(-rows["x"].to_numpy()))


def change(today, reference, predict, threshold=None):
    return prediction_change(
        predict, pa.table({"x": today}), pa.table({"x": reference}), "x", rng(0), threshold
    )


def test_a_shift_of_one_moves_a_linear_answer_by_its_slope():
    r = rng(1)
    found = change(r.normal(1, 1, 900), r.normal(0, 1, 20_000), lambda t: 2 * t["x"].to_numpy())
    # The day's mean has a standard error of 1/30, doubled by the slope.
    assert found.mean == pytest.approx(2.0, abs=0.2)
    assert found.mean_absolute == pytest.approx(2.0, abs=0.2)
    assert math.isnan(found.decision_rate)


def test_a_shift_is_told_as_what_it_did_to_decisions():
    r = rng(2)
    today, reference = r.normal(0.5, 1, 4_000), r.normal(0, 1, 20_000)
    found = change(today, reference, sigmoid, 0.5)
    # P(N(.5, 1) >= 0) - P(N(0, 1) >= 0) = .6915 - .5, standard error .008
    assert found.decision_rate == pytest.approx(0.1915, abs=0.025)
    assert found.mean > 0


@given(st.lists(st.integers(-5, 5), min_size=1, max_size=50))
def test_a_day_that_is_distributed_as_the_reference_changes_nothing(values):
    found = change(np.array(values, float), np.array(values[::-1] * 3, float), sigmoid, 0.5)
    assert found == PredictionChange(0.0, 0.0, 0.0)


@given(st.lists(st.sampled_from(["a", "b", None]), min_size=1, max_size=50))
def test_categories_as_often_as_in_the_reference_stay(values):
    today = column(values, pa.string())
    assert as_reference(today, column(values * 2, pa.string()), rng(0)) == today


@given(st.lists(st.floats(-9, 9), min_size=1, max_size=40), st.integers(1, 3))
def test_numbers_take_the_reference_values_and_keep_their_order(values, times):
    reference = np.sort(rng(3).normal(size=len(values)))
    moved = as_reference(column(values), column(np.repeat(reference, times)), rng(0)).to_numpy()
    assert np.sort(moved).tolist() == reference.tolist()
    order = np.argsort(values, kind="stable")
    distinct = np.diff(np.array(values)[order]) > 0
    assert (np.diff(moved[order])[distinct] >= 0).all()


def test_equal_values_share_the_ranks_that_they_have():
    today, reference = column(np.zeros(1_000)), column(np.arange(1_000.0))
    moved = as_reference(today, reference, rng(0)).to_numpy()
    assert np.sort(moved).tolist() == list(range(1_000))
    assert abs(np.corrcoef(moved, np.arange(1_000))[0, 1]) < 0.1


def test_missing_values_become_as_frequent_as_they_were():
    today = column([1.0] * 50 + [None] * 50)
    rare = as_reference(today, column([2.0] * 90 + [None] * 10), rng(0))
    assert rare.null_count == 10
    assert set(rare.drop_null().to_pylist()) == {2.0}
    assert as_reference(today, column([2.0] * 10 + [None] * 90), rng(0)).null_count == 90
    assert as_reference(today, column([None] * 9, pa.float64()), rng(0)).null_count == 100
    none_known = as_reference(column([None] * 8, pa.float64()), column([3.0, 4.0]), rng(0))
    assert set(none_known.to_pylist()) <= {3.0, 4.0}


@given(categories, counts)
def test_no_more_rows_change_their_category_than_must(today, reference):
    today, reference = np.array(today), np.array(reference)
    moved = moved_categories(today, reference, rng(0))
    here, then = np.bincount(today, minlength=5), np.bincount(moved, minlength=5)
    shares = len(today) * reference / reference.sum()
    assert then.sum() == len(today)
    assert (abs(then - shares) < 1 + 1e-9).all()
    assert (moved != today).sum() == np.maximum(here - then, 0).sum()


def test_a_category_that_the_reference_did_not_have_disappears():
    today = column(["new"] * 30 + ["a"] * 70)
    moved = as_reference(today, column(["a"] * 50 + ["b"] * 50), rng(0)).to_pylist()
    assert (moved.count("a"), moved.count("b")) == (50, 50)
    assert moved[30:].count("b") == 20


@pytest.mark.parametrize(
    ("today", "reference"),
    [
        (column([True, True, True, None]), column([True, False])),
        (column([1, 2, 3, None]), column([7, 7])),
        (column([1, 2, 3, 4], pa.timestamp("us", "UTC")), column([5], pa.timestamp("us", "UTC"))),
    ],
    ids=["truth", "integers", "points in time"],
)
def test_the_type_and_the_length_stay(today, reference):
    moved = as_reference(today, reference, rng(0))
    assert (moved.type, len(moved), moved.null_count) == (today.type, 4, 0)
    assert set(moved.to_pylist()) <= set(reference.to_pylist())


def test_of_several_classes_the_moved_mass_and_decisions_are_told():
    def predict(rows):
        is_b = np.array(rows["x"].to_pylist()) == "b"
        return np.where(is_b[:, None], [0.1, 0.7, 0.2], [0.6, 0.1, 0.3])

    today, reference = ["b"] * 40 + ["a"] * 60, ["a"] * 100
    found = change(today, reference, predict)
    # 40 rows move half of |.1-.6| + |.7-.1| + |.2-.3|.
    assert found.mean_absolute == pytest.approx(0.4 * 0.6)
    assert found.decision_rate == pytest.approx(0.4)
    assert math.isnan(found.mean)


def test_everything_else_stays_as_it_is_today():
    today = pa.table({"x": [5.0, 6.0], "other": [1.0, 2.0]})
    reference = pa.table({"x": [0.0, 1.0], "other": [8.0, 9.0]})
    asked = []

    def predict(rows):
        asked.append(rows)
        return rows["x"].to_numpy()

    found = prediction_change(predict, today, reference, "x", rng(0), None)
    assert found.mean == 5.0
    assert asked[0]["other"].to_pylist() == [1.0, 2.0, 1.0, 2.0]


def test_without_rows_nothing_is_known():
    nothing = pa.array([], pa.float64())
    for found in (change(nothing, [1.0], sigmoid), change([1.0], nothing, sigmoid)):
        assert math.isnan(found.mean_absolute)
        assert math.isnan(found.decision_rate)
