from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from monitoring_dagster.monitors.contract import Kind, Severity
from monitoring_dagster.profiles import engine
from monitoring_dagster.profiles.constraints import learn
from monitoring_dagster.profiles.freezing import freeze_grid
from monitoring_dagster.profiles.profile import Profile
from monitoring_dagster.profiles.reference import FrozenReference

NUMBER = {"role": "feature", "type": "number"}
WORD = {"role": "feature", "type": "category"}
FIRST = dt.date(2026, 3, 1)


@pytest.fixture
def learnt(monitor_of, snapshots_of):
    """What is learnt from days of one column; a prediction column lies in the predictions."""

    def build(column, days):
        monitor = monitor_of({"x": column})
        kind = "predictions" if column["role"] in ("score", "latency") else "features"
        taken = {}
        for i, values in enumerate(days):
            day = FIRST + dt.timedelta(days=i)
            rows = {"id": [*map(str, range(len(values)))], "x": values}
            taken[day] = snapshots_of(monitor, **{kind: rows}, day=day)
        grid, mean = freeze_grid(monitor, list(taken.values()))
        profiles = engine.count(monitor, grid, taken)
        total = sum(profiles.values(), Profile.empty(grid.id))
        now = dt.datetime(2026, 4, 1, tzinfo=dt.UTC)
        frozen = FrozenReference("r", grid, total, None, profiles, {}, mean, 0, now, {})
        return learn(monitor, frozen)

    return build


def normal_days(count=9, rows=200, seed=0):
    r = np.random.default_rng(seed)
    return [r.normal(50, 5, rows).tolist() for _ in range(count)]


def found(expectations, expect, severity=Severity.WARNING):
    return [e for e in expectations if e.expect == expect and e.severity is severity]


def test_a_column_without_nulls_is_expected_to_have_hardly_any(learnt):
    expectations = learnt(NUMBER, normal_days())
    assert [e.mostly for e in found(expectations, "not_null")] == [0.99]
    assert [e.mostly for e in found(expectations, "not_null", Severity.CRITICAL)] == [0.5]


def test_a_column_with_nulls_may_keep_them(learnt):
    days = [[*day[:160], *[None] * 40] for day in normal_days()]
    (warning,) = found(learnt(NUMBER, days), "not_null")
    assert 0.6 < warning.mostly < 0.8


def test_not_a_number_counts_as_null_since_the_check_sees_it_so(learnt):
    days = [[*day[:160], *[float("nan")] * 40] for day in normal_days()]
    (warning,) = found(learnt(NUMBER, days), "not_null")
    assert warning.mostly < 0.8


def test_a_column_that_is_mostly_null_is_expected_nothing(learnt):
    days = [[*day[:20], *[None] * 180] for day in normal_days()]
    assert not found(learnt(NUMBER, days), "not_null")
    assert not found(learnt(NUMBER, days), "not_null", Severity.CRITICAL)


def test_a_range_has_a_wide_margin_and_a_critical_one_a_very_wide(learnt):
    expectations = learnt(NUMBER, normal_days())
    values = np.concatenate(normal_days())
    low, high = values.min(), values.max()
    (warning,) = found(expectations, "between")
    (critical,) = found(expectations, "between", Severity.CRITICAL)
    assert warning.minimum == pytest.approx(max(low - (high - low), 0))
    assert warning.maximum == pytest.approx(high + (high - low))
    assert (critical.mostly, critical.minimum) == (0.5, 0.0)
    assert critical.maximum == pytest.approx(high + 10 * (high - low))


@pytest.mark.parametrize(
    "days",
    [
        pytest.param([[d * 100.0 + i for i in range(50)] for d in range(9)], id="grows with time"),
        pytest.param([[2013.0] * 50 for _ in range(9)], id="never varied"),
        pytest.param([[None] * 50 for _ in range(9)], id="has no values"),
        pytest.param(normal_days(count=3), id="has three days only"),
    ],
)
def test_no_range_is_expected_of_a_column_that(learnt, days):
    expectations = learnt(NUMBER, days)
    assert not [e for e in expectations if e.expect == "between"]


def test_a_score_between_zero_and_one_stays_there(learnt):
    r = np.random.default_rng(1)
    expectations = learnt({"role": "score"}, [r.random(50).tolist() for _ in range(2)])
    ranges = [e for e in expectations if e.expect == "between"]
    assert [(e.minimum, e.maximum, e.severity) for e in ranges] == [
        (0.0, 1.0, Severity.WARNING),
        (0.0, 1.0, Severity.CRITICAL),
    ]
    assert {e.kind for e in ranges} == {Kind.PREDICTIONS}


def test_a_latency_is_not_negative_in_whatever_unit_it_is_logged(learnt):
    expectations = learnt({"role": "latency"}, [[1.0, 20.0, 300.0]] * 6)
    (warning,) = [e for e in expectations if e.expect == "between"]
    assert (warning.minimum, warning.maximum) == (0.0, None)


def test_known_categories_are_expected_where_new_ones_are_rare(learnt):
    expectations = learnt(WORD, [["a", "b", "b"] * 20] * 6)
    (warning,) = found(expectations, "in_set")
    assert (warning.values, warning.mostly) == (("b", "a"), 0.95)
    assert [e.mostly for e in found(expectations, "in_set", Severity.CRITICAL)] == [0.5]


@pytest.mark.parametrize(
    "days",
    [
        pytest.param([[f"day-{d}"] * 50 for d in range(9)], id="brings new ones every day"),
        pytest.param([[f"w{i}" for i in range(60)] for _ in range(9)], id="has more than fifty"),
        pytest.param([["a", "b"] * 20] * 3, id="has three days only"),
        pytest.param([[None] * 5] * 9, id="has none"),
    ],
)
def test_no_set_of_categories_is_expected_of_a_column_that(learnt, days):
    assert not [e for e in learnt(WORD, days) if e.expect == "in_set"]


def test_integer_codes_are_expected_as_integers(learnt):
    expectations = learnt({"role": "segment", "type": "integer"}, [[7, 7, -1] * 10] * 6)
    (warning,) = found(expectations, "in_set")
    assert warning.values == (7, -1)


def test_rows_are_expected_between_a_third_and_three_times_what_they_were(learnt):
    expectations = learnt(NUMBER, [day[: 100 + i] for i, day in enumerate(normal_days())])
    (rows,) = found(expectations, "row_count")
    assert (rows.kind, rows.minimum, rows.maximum) == (Kind.FEATURES, 33.0, 324.0)


def test_a_short_reference_expects_no_number_of_rows(learnt):
    assert not found(learnt(NUMBER, normal_days(count=4)), "row_count")


def test_days_like_the_reference_break_nothing_that_was_learnt(learnt):
    """Ten later days of ten references each."""
    broken = 0
    for seed in range(10):
        expectations = learnt(NUMBER, normal_days(seed=seed))
        for day in normal_days(count=10, seed=1_000 + seed):
            values = np.array(day)
            for e in found(expectations, "between"):
                broken += np.mean((values >= e.minimum) & (values <= e.maximum)) < e.mostly
    assert broken == 0
