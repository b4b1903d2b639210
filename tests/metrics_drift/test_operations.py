"""Operations: latency within 2 % of the rows, rates by hand, hours as long as the day."""

import json

import numpy as np
import pytest

from monitoring_dagster.metrics import operations
from monitoring_dagster.metrics.groups import WHOLE
from monitoring_dagster.metrics.measurement import Reason, Status
from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.profiles.grid import Grid, NumericCells
from monitoring_dagster.profiles.profile import ALL, Group, GroupCounts, Profile

EDGES = tuple(float(1e-6 * 1.02**i) for i in range(1_282))


@pytest.fixture(scope="module")
def grid() -> Grid:
    return Grid({"took": NumericCells(EDGES)}, {"carrier": (("UA",),)})


def served(
    grid: Grid,
    counting,
    latencies: np.ndarray,
    *,
    failures: int = 0,
    hours: int = 24,
    group: Group = WHOLE,
) -> Profile:
    requests, failed = np.zeros(25, dtype=np.int64), np.zeros(25, dtype=np.int64)
    requests[:hours] = np.bincount(np.arange(len(latencies)) % hours, minlength=hours)
    failed[0] = failures
    columns = {"took": counting.counted(grid.columns["took"], latencies)}
    return Profile(grid.id, {group: GroupCounts(len(latencies), columns, requests, failed)})


def values(monitor, grid, current, reference=None, hours: int = 24, group=WHOLE):
    rows = operations.measure(
        monitor, grid, current, hours=hours, reference=reference or Profile.empty(grid.id)
    )
    return {m.metric: m for m in rows if (m.model_version, m.segment) == group}


@pytest.mark.parametrize(
    "draw",
    [
        lambda rng: rng.lognormal(-2, 1, 4_000),
        lambda rng: rng.exponential(0.2, 4_000),
        lambda rng: np.where(rng.random(4_000) < 0.97, 0.05, 3.0) * rng.uniform(0.99, 1.01, 4_000),
        lambda _: np.full(4_000, 0.25),
    ],
    ids=["lognormal", "exponential", "two modes", "constant"],
)
def test_percentiles_are_within_two_per_cent_of_the_rows(draw, monitor, grid, counting) -> None:
    latencies = draw(np.random.default_rng(41))
    found = values(monitor, grid, served(grid, counting, latencies))
    for metric, share in (("latency_p50", 0.5), ("latency_p95", 0.95), ("latency_p99", 0.99)):
        estimate = found[metric].estimate
        assert estimate.value == pytest.approx(np.quantile(latencies, share), rel=0.02)
        assert estimate.ci_low <= estimate.value <= estimate.ci_high
        assert found[metric].column == "took"


def test_error_rate_requests_and_throughput_are_counts(monitor, grid, counting) -> None:
    current = served(grid, counting, np.full(2_300, 0.1), failures=23, hours=23)
    found = values(monitor, grid, current, hours=23)
    assert found["requests"].estimate.value == 2_300
    assert found["error_rate"].estimate.value == pytest.approx(0.01)
    assert found["error_rate"].column == "answer"
    assert found["throughput_per_hour"].estimate.value == 100
    assert found["hours_without_traffic"].estimate.value == 0


def test_a_day_of_25_hours_can_be_silent_for_25(monitor, grid, counting) -> None:
    current = served(grid, counting, np.full(5, 0.1), hours=5)
    assert values(monitor, grid, current, hours=25)["hours_without_traffic"].estimate.value == 20
    assert values(monitor, grid, current, hours=23)["hours_without_traffic"].estimate.value == 18


def test_rates_carry_the_reference_and_counts_do_not(monitor, grid, counting) -> None:
    reference = served(grid, counting, np.full(1_000, 0.2), failures=50)
    found = values(monitor, grid, served(grid, counting, np.full(100, 0.1)), reference)
    assert found["error_rate"].reference_value == pytest.approx(0.05)
    assert found["latency_p95"].reference_value == pytest.approx(0.2, rel=0.02)
    assert found["requests"].reference_value is None
    assert found["throughput_per_hour"].reference_value is None


def test_a_percentile_needs_one_request_beyond_it(monitor, grid, counting) -> None:
    found = values(monitor, grid, served(grid, counting, np.full(99, 0.1)))
    assert found["latency_p95"].estimate.status is Status.OK
    few = found["latency_p99"].estimate
    assert (few.status, few.reason) == (Status.NOT_ENOUGH_DATA, Reason.TOO_FEW_ROWS)
    assert few.detail == "99 requests with a latency; at least 100 are required"


def test_latencies_below_and_beyond_the_grid_stay_between_the_extremes(
    monitor, grid, counting
) -> None:
    latencies = np.array([0.0] * 100 + [5e5] * 100)
    found = values(monitor, grid, served(grid, counting, latencies))
    assert found["latency_p95"].estimate.value <= 5e5
    assert found["latency_p50"].estimate.ci_low >= 0


def test_segments_and_versions_have_rates_and_no_silent_hours(monitor, grid, counting) -> None:
    ua, v2 = Group(ALL, "carrier=UA"), Group("v2", ALL)
    latencies = np.full(200, 0.1)
    current = served(grid, counting, latencies)
    for group in (ua, v2):
        current += served(grid, counting, latencies, failures=2, group=group)
    for group in (ua, v2):
        found = values(monitor, grid, current, group=group)
        assert found["error_rate"].estimate.value == pytest.approx(0.01)
        assert set(found) == {"requests", "error_rate", "latency_p50", "latency_p95", "latency_p99"}


def test_a_silent_segment_has_no_requests_and_no_error_rate(monitor, grid, counting) -> None:
    current = served(grid, counting, np.full(50, 0.1))
    found = values(monitor, grid, current, group=Group(ALL, "carrier=UA"))
    assert found["requests"].estimate.value == 0
    assert found["error_rate"].estimate.reason is Reason.NO_ROWS
    assert found["latency_p50"].estimate.reason is Reason.NO_ROWS


def test_a_day_without_a_snapshot_is_not_a_day_without_requests(monitor, grid) -> None:
    found = values(monitor, grid, Profile.empty(grid.id))
    assert {m.estimate.reason for m in found.values()} == {Reason.NO_ROWS}


def test_a_missing_status_column_is_not_a_day_without_errors(monitor, grid, counting) -> None:
    current = served(grid, counting, np.full(50, 0.1))
    without = Profile(grid.id, current.groups, {"answer": "column_missing"})
    estimate = values(monitor, grid, without)["error_rate"].estimate
    assert (estimate.status, estimate.reason) == (Status.NO_DATA, Reason.COLUMN_MISSING)


def test_a_status_column_that_cannot_be_read_says_so_with_its_own_reason(
    monitor, grid, counting
) -> None:
    current = served(grid, counting, np.full(50, 0.1))
    without = Profile(grid.id, current.groups, {"answer": "column_unreadable"})
    estimate = values(monitor, grid, without)["error_rate"].estimate
    assert (estimate.status, estimate.reason) == (Status.NO_DATA, Reason.COLUMN_UNREADABLE)


@pytest.mark.parametrize(
    ("why", "reason"),
    [("column_missing", Reason.COLUMN_MISSING), ("all_null", Reason.ALL_NULL)],
    ids=["no column", "a column of nulls"],
)
def test_requests_without_a_time_leave_no_hour_silent(
    why: str, reason: Reason, monitor, grid, counting
) -> None:
    current = served(grid, counting, np.full(48, 0.1), hours=1)
    without = Profile(grid.id, current.groups, {"scored_at": why})
    found = values(monitor, grid, without)
    silent = found.pop("hours_without_traffic").estimate
    assert (silent.status, silent.reason) == (Status.NO_DATA, reason)
    assert "'scored_at'" in silent.detail
    assert found["requests"].estimate.value == 48
    assert found["throughput_per_hour"].estimate.value == 2


def test_a_segment_whose_column_is_missing_is_not_one_without_requests(
    monitor, grid, counting
) -> None:
    current = served(grid, counting, np.full(50, 0.1))
    without = Profile(grid.id, current.groups, {"carrier": "column_missing"})
    found = values(monitor, grid, without, group=Group(ALL, "carrier=UA"))
    assert {m.estimate.reason for m in found.values()} == {Reason.COLUMN_MISSING}
    assert values(monitor, grid, without)["requests"].estimate.value == 50


def test_a_monitor_owes_what_its_columns_allow(document, grid, counting) -> None:
    columns = {
        name: column
        for name, column in document["columns"].items()
        if name not in ("took", "answer", "scored_at")
    }
    bare = Monitor.model_validate_json(json.dumps(document | {"columns": columns}))
    found = values(bare, grid, served(grid, counting, np.full(50, 0.1)))
    assert set(found) == {"requests", "throughput_per_hour"}
