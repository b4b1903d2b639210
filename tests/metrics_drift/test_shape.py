"""The shape of a day: counts and shares that people can check by hand."""

import datetime as dt

import numpy as np
import pytest
from scipy import stats

from monitoring_dagster.metrics import shape
from monitoring_dagster.metrics.measurement import Measurement, Reason, Status
from monitoring_dagster.monitors.contract import Kind
from monitoring_dagster.profiles.grid import Grid
from monitoring_dagster.profiles.profile import ALL, Group, Profile
from monitoring_dagster.telemetry.manifest import Manifest

DAY = dt.date(2026, 2, 1)


@pytest.fixture(scope="module")
def grid(counting) -> Grid:
    return Grid(
        {
            "distance": counting.numeric_cells(np.arange(100.0)),
            "carrier": counting.category_cells(["UA", "AA"]),
        },
        {"carrier": (("UA",),)},
    )


@pytest.fixture(scope="module")
def reference(grid, counting) -> Profile:
    return counting.profile(
        grid, {"distance": np.arange(100.0), "carrier": ["UA"] * 60 + ["AA"] * 40}
    )


def measured(monitor, grid, reference, current) -> dict[tuple[str, str], Measurement]:
    rows = shape.measure(monitor, grid, reference, current, reference_days=4)
    return {(m.metric, m.column): m for m in rows if (m.segment, m.model_version) == (ALL, ALL)}


def test_shares_are_counts_over_rows_with_wilson_intervals(
    monitor, grid, reference, counting
) -> None:
    numbers = [*range(50), None, None, float("nan"), float("inf"), -float("inf"), -5.0, 200.0]
    carriers = ["UA"] * 30 + ["WN"] * 15 + ["DL"] * 5 + [None] * 7
    found = measured(
        monitor,
        grid,
        reference,
        counting.profile(grid, {"distance": numbers, "carrier": carriers}),
    )
    expected = {
        ("null_rate", "distance"): (2, 57),
        ("nan_rate", "distance"): (1, 57),
        ("infinity_rate", "distance"): (2, 57),
        ("below_range_rate", "distance"): (1, 52),
        ("above_range_rate", "distance"): (1, 52),
        ("null_rate", "carrier"): (7, 57),
        ("unseen_rate", "carrier"): (20, 50),
    }
    for key, (count, n) in expected.items():
        estimate = found[key].estimate
        wilson = stats.binomtest(count, n).proportion_ci(method="wilson")
        assert (estimate.value, estimate.n) == (pytest.approx(count / n), n)
        assert (estimate.ci_low, estimate.ci_high) == pytest.approx((wilson.low, wilson.high))
    assert found["unseen_rate", "carrier"].estimate.detail == "WN (15), DL (5)"
    assert found["distinct_cells", "distance"].estimate.value == 52
    assert found["rows", ""].estimate.value == 57
    assert found["rows", ""].reference_value == 25


def test_the_lowest_value_of_the_reference_is_within_its_range(
    monitor, grid, reference, counting
) -> None:
    current = counting.profile(grid, {"distance": np.zeros(40), "carrier": ["UA"] * 40})
    found = measured(monitor, grid, reference, current)
    assert found["below_range_rate", "distance"].estimate.value == 0
    assert found["is_constant", "distance"].estimate.value == 1
    assert found["is_constant", "distance"].reference_value == 0


@pytest.mark.parametrize(
    ("carriers", "is_constant"),
    [
        (["UA"] * 5, 1.0),
        (["WN"] * 5, 1.0),
        (["WN"] * 4 + ["DL"], 0.0),
        (["UA"] * 4 + [None], 1.0),
    ],
    ids=["one category", "one unseen value", "two unseen values", "one category and nulls"],
)
def test_a_constant_column_of_categories_is_told(
    carriers: list, is_constant: float, monitor, grid, reference, counting
) -> None:
    current = counting.profile(grid, {"distance": np.arange(5.0), "carrier": carriers})
    found = measured(monitor, grid, reference, current)
    assert found["is_constant", "carrier"].estimate.value == is_constant


def test_a_column_of_nulls_has_a_null_rate_and_a_reason_for_the_rest(
    monitor, grid, reference, counting
) -> None:
    current = counting.profile(grid, {"distance": [None] * 5, "carrier": [None] * 5})
    found = measured(monitor, grid, reference, current)
    assert found["null_rate", "distance"].estimate.value == 1
    assert found["above_range_rate", "distance"].estimate.reason is Reason.ALL_NULL
    assert found["is_constant", "carrier"].estimate.reason is Reason.ALL_NULL


def test_a_segment_without_rows_counts_none(monitor, grid, reference, counting) -> None:
    current = counting.profile(grid, {"distance": np.arange(5.0), "carrier": ["AA"] * 5})
    rows = shape.measure(monitor, grid, reference, current, reference_days=4)
    [silent] = [m for m in rows if m.segment == "carrier=UA"]
    assert (silent.metric, silent.estimate.value) == ("rows", 0.0)


def test_a_day_without_a_snapshot_has_no_rows_rather_than_zero(monitor, grid, reference) -> None:
    missing = {"distance": "no_snapshot", "carrier": "no_snapshot"}
    found = measured(monitor, grid, reference, Profile(grid.id, {}, missing))
    assert found["rows", ""].estimate.reason is Reason.NO_ROWS
    assert found["null_rate", "distance"].estimate.reason is Reason.NO_SNAPSHOT
    assert {m.estimate.status for m in found.values()} == {Status.NO_DATA}


def test_versions_are_counted_apart(monitor, grid, reference, counting) -> None:
    columns = {"distance": np.arange(5.0), "carrier": ["AA"] * 5}
    current = counting.profile(grid, columns) + counting.profile(grid, columns, Group("v2", ALL))
    rows = shape.measure(monitor, grid, reference, current, reference_days=4)
    assert [m.estimate.value for m in rows if m.model_version == "v2"] == [5.0]


def test_what_a_snapshot_refused_is_measured_as_shares_of_what_came() -> None:
    taken = Manifest(
        monitor="flights",
        kind=Kind.FEATURES,
        day=DAY,
        status="ok",
        rows=90,
        duplicates=4,
        conflicts=1,
        quarantined={"unparsable": 5, "conflicting_id": 1},
        undeclared=["tail"],
        undeclared_count=1,
    )
    found = {m.metric: m for m in shape.measure_snapshots({Kind.FEATURES: taken})}
    assert {m: found[m].estimate.value for m in found} == pytest.approx(
        {
            "snapshot_rows": 90,
            "duplicate_rate": 0.04,
            "conflict_rate": 0.01,
            "quarantine_rate": 0.06,
            "undeclared_columns": 1,
        }
    )
    assert found["quarantine_rate"].estimate.detail == "5 unparsable, 1 conflicting_id"
    assert {m.column for m in found.values()} == {"@features"}


def test_a_source_that_is_not_there_is_a_reason_for_each_of_its_metrics() -> None:
    absent = Manifest(
        monitor="flights",
        kind=Kind.LABELS,
        day=DAY,
        status="no_data",
        reason="source_missing",
        detail="labels/2026-02-01.parquet is not there",
    )
    found = shape.measure_snapshots({Kind.LABELS: absent})
    assert len(found) == 5
    for one in found:
        assert one.estimate.reason is Reason.SOURCE_MISSING
        assert one.estimate.detail == "labels/2026-02-01.parquet is not there"
