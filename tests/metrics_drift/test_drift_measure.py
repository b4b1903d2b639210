"""Which drift measurements a day owes, and what it says where one cannot be had."""

import numpy as np
import pytest

from monitoring_dagster.errors import GridMismatch
from monitoring_dagster.metrics import drift
from monitoring_dagster.metrics.drift import CATEGORICAL, NUMERIC
from monitoring_dagster.metrics.drift.columns import OF_ROWS
from monitoring_dagster.metrics.groups import WHOLE
from monitoring_dagster.metrics.measurement import Reason, Status
from monitoring_dagster.profiles.grid import Grid
from monitoring_dagster.profiles.profile import ALL, Group, Profile

RNG = np.random.default_rng(31)
DISTANCE = RNG.normal(1_000, 300, 4_000)
CARRIER = RNG.choice(["UA", "AA", "B6"], 4_000, p=[0.5, 0.3, 0.2]).tolist()
SCORE = RNG.random(4_000)
UA = Group(ALL, "carrier=UA")


@pytest.fixture(scope="module")
def grid(counting) -> Grid:
    return Grid(
        {
            "distance": counting.numeric_cells(DISTANCE),
            "carrier": counting.category_cells(CARRIER),
            "score": counting.numeric_cells(SCORE),
        },
        {"carrier": (("UA",), ("AA",))},
    )


@pytest.fixture(scope="module")
def reference(grid, counting) -> Profile:
    is_ua = np.array(CARRIER) == "UA"
    whole = counting.profile(grid, {"distance": DISTANCE, "carrier": CARRIER, "score": SCORE})
    part = {"distance": DISTANCE[is_ua], "carrier": ["UA"] * is_ua.sum(), "score": SCORE[is_ua]}
    return whole + counting.profile(grid, part, UA)


def day(rows: int = 500, **columns) -> dict:
    """Rows like those of the reference, with some columns replaced."""
    return {"distance": DISTANCE[:rows], "carrier": CARRIER[:rows], "score": SCORE[:rows]} | columns


def found(measurements, column: str, metric: str, group: Group = WHOLE):
    [one] = [
        m
        for m in measurements
        if (m.column, m.metric, m.segment, m.model_version)
        == (column, metric, group.segment, group.model_version)
    ]
    return one.estimate


def test_every_column_metric_and_segment_has_exactly_one_row(
    monitor, grid, reference, counting
) -> None:
    current = counting.profile(grid, day()) + counting.profile(grid, day(100), UA)
    rows = [
        (m.metric, m.column, m.segment) for m in drift.measure(monitor, grid, reference, current)
    ]
    columns = {"distance": NUMERIC, "carrier": CATEGORICAL, "score": NUMERIC}
    segments = ["all", "carrier=UA", "carrier=AA"]
    expected = [
        (metric, column, segment)
        for column, metrics in columns.items()
        for segment in segments
        for metric in [*metrics, *OF_ROWS]
    ]
    assert sorted(rows) == sorted(expected)


def test_a_segment_is_compared_with_the_same_segment_of_the_reference(
    monitor, grid, reference, counting
) -> None:
    # Only UA flies: a change of the carriers for the whole, none for the segment.
    flights = day(carrier=["UA"] * 500)
    current = counting.profile(grid, flights) + counting.profile(grid, flights, UA)
    measured = drift.measure(monitor, grid, reference, current)
    assert found(measured, "carrier", "total_variation").value == pytest.approx(0.5, abs=0.03)
    assert found(measured, "carrier", "total_variation", UA).value == 0


def test_a_model_version_is_compared_with_the_whole_reference(
    monitor, grid, reference, counting
) -> None:
    version = Group("v2", ALL)
    current = counting.profile(grid, day()) + counting.profile(grid, day(200), version)
    measured = drift.measure(monitor, grid, reference, current)
    estimate = found(measured, "distance", "kolmogorov_smirnov", version)
    assert (estimate.status, estimate.n) == (Status.OK, 200)


def test_a_day_without_rows_has_no_data_and_still_all_its_rows(monitor, grid, reference) -> None:
    measured = drift.measure(monitor, grid, reference, Profile.empty(grid.id))
    assert len(measured) == 3 * (2 * 9 + 8)
    assert {(m.estimate.status, m.estimate.reason) for m in measured} == {
        (Status.NO_DATA, Reason.NO_ROWS)
    }


@pytest.mark.parametrize(
    ("why", "reason"),
    [
        ("column_unreadable", Reason.COLUMN_UNREADABLE),
        ("source_missing", Reason.SOURCE_MISSING),
        ("was decimal(9, 2)", Reason.COLUMN_MISSING),
    ],
    ids=["a column of the wrong type", "no source", "a reason that is none of ours"],
)
def test_a_missing_column_says_why_and_leaves_the_others(
    why: str, reason: Reason, monitor, grid, reference, counting
) -> None:
    columns = {name: values for name, values in day().items() if name != "distance"}
    current = counting.profile(grid, columns, missing={"distance": why})
    measured = drift.measure(monitor, grid, reference, current)
    lost = found(measured, "distance", "psi")
    assert (lost.status, lost.reason) == (Status.NO_DATA, reason)
    assert "'distance' is not in the day's snapshot" in lost.detail
    assert found(measured, "score", "psi").status is Status.OK


def test_a_column_of_nulls_has_no_distance_and_a_null_rate_that_rose_to_one(
    monitor, grid, reference, counting
) -> None:
    current = counting.profile(grid, day(distance=[None] * 400 + [float("nan")] * 100))
    measured = drift.measure(monitor, grid, reference, current)
    lost = found(measured, "distance", "wasserstein")
    assert (lost.status, lost.reason) == (Status.NO_DATA, Reason.ALL_NULL)
    assert lost.detail == "none of 500 rows has a value: 400 null, 100 not a number"
    assert found(measured, "distance", "null_rate_change").value == pytest.approx(0.8)


def test_too_few_values_say_how_many_there_are_and_are_needed(
    monitor, grid, reference, counting
) -> None:
    current = counting.profile(grid, day(29))
    for metric in [*NUMERIC, *OF_ROWS]:
        estimate = found(drift.measure(monitor, grid, reference, current), "distance", metric)
        assert (estimate.status, estimate.reason) == (
            Status.NOT_ENOUGH_DATA,
            Reason.TOO_FEW_ROWS,
        )
        assert estimate.detail.startswith("29 ")
        assert estimate.detail.endswith("at least 30 are required")
    enough = drift.measure(monitor, grid, reference, current, minimum_rows=29)
    assert found(enough, "distance", "psi").status is Status.OK


def test_a_segment_that_the_reference_lacks_says_so(monitor, grid, reference, counting) -> None:
    new = Group(ALL, "carrier=(other)")
    current = counting.profile(grid, day()) + counting.profile(grid, day(100), new)
    estimate = found(drift.measure(monitor, grid, reference, current), "distance", "psi", new)
    assert (estimate.status, estimate.reason) == (Status.NO_DATA, Reason.REFERENCE_EMPTY)


@pytest.mark.parametrize(
    ("values", "ks"),
    [([5.0] * 100, 0.0), ([5.0] * 60 + [7.0] * 40, 0.4), ([4.0] * 100, 1.0)],
    ids=["the same constant", "another value in 40 %", "another constant"],
)
def test_any_departure_from_a_constant_reference_is_drift(
    values: list[float], ks: float, monitor, counting
) -> None:
    grid = Grid({"distance": counting.numeric_cells(np.full(1_000, 5.0))}, {})
    before = counting.profile(grid, {"distance": np.full(1_000, 5.0)})
    measured = drift.measure(
        monitor, grid, before, counting.profile(grid, {"distance": np.array(values)})
    )
    assert found(measured, "distance", "kolmogorov_smirnov").value == pytest.approx(ks)
    assert (found(measured, "distance", "psi").value > 0.3) == (ks > 0)
    assert found(measured, "distance", "wasserstein").value == pytest.approx(
        abs(np.mean(values) - 5)
    )
    for name in ("wasserstein_scaled", "mean_change", "variance_ratio"):
        estimate = found(measured, "distance", name)
        assert (estimate.status, estimate.reason) == (Status.NO_DATA, Reason.CONSTANT_REFERENCE)
        assert "every reference value is 5" in estimate.detail


def test_a_metric_that_raises_stops_no_other(
    monitor, grid, reference, counting, monkeypatch
) -> None:
    def broken(comparison):
        raise ZeroDivisionError("no reason given")

    monkeypatch.setitem(NUMERIC, "psi", broken)
    measured = drift.measure(monitor, grid, reference, counting.profile(grid, day()))
    failed = found(measured, "distance", "psi")
    assert (failed.status, failed.reason) == (Status.ERROR, Reason.METRIC_FAILED)
    assert failed.detail == "psi failed: ZeroDivisionError: no reason given"
    assert found(measured, "distance", "hellinger").status is Status.OK


def test_numbers_near_the_largest_float_end_in_a_status(monitor, counting) -> None:
    values = np.array([-1.7e308, 1.7e308, 1.0, 2.0] * 20)
    with np.errstate(over="ignore"):
        grid = Grid({"distance": counting.numeric_cells(values)}, {})
        before = counting.profile(grid, {"distance": values})
        current = counting.profile(grid, {"distance": values * 0.9})
    for one in drift.measure(monitor, grid, before, current):
        assert one.estimate.status in (Status.OK, Status.ERROR)
        assert np.isfinite(one.estimate.value) == (one.estimate.status is Status.OK)


def test_a_profile_of_another_grid_is_refused(monitor, grid, reference) -> None:
    with pytest.raises(GridMismatch, match=r"a profile of grid other cannot be measured on grid"):
        drift.measure(monitor, grid, reference, Profile.empty("other"))
