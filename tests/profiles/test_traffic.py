from __future__ import annotations

import datetime as dt

import pytest

from monitoring_dagster.monitors.contract import Kind
from monitoring_dagster.profiles import engine
from monitoring_dagster.profiles.grid import Grid
from monitoring_dagster.profiles.profile import EVERYTHING

DAY = dt.date(2026, 3, 2)
COLUMNS = {
    "at": {"role": "timestamp"},
    "status": {"role": "status"},
}


def whole_of(monitor, day, snapshots):
    return engine.count(monitor, Grid({}, {}), {day: snapshots})[day].groups[EVERYTHING]


def hours(counts):
    """Hours that are not empty."""
    return {hour: n for hour, n in enumerate(counts.tolist()) if n}


@pytest.mark.parametrize(
    ("day", "count"),
    [
        pytest.param(dt.date(2026, 3, 7), 24, id="an ordinary day"),
        pytest.param(dt.date(2026, 3, 8), 23, id="a day of 23 hours"),
        pytest.param(dt.date(2026, 11, 1), 25, id="a day of 25 hours"),
    ],
)
def test_every_elapsed_hour_of_the_day_has_its_requests(monitor_of, snapshots_of, day, count):
    monitor = monitor_of({"at": {"role": "timestamp"}}, time_zone="America/New_York")
    start = dt.datetime.combine(day, dt.time(), tzinfo=monitor.zone).astimezone(dt.UTC)
    times = [start + dt.timedelta(hours=h, minutes=59, seconds=59) for h in range(count)]
    rows = {"id": [*map(str, range(count))], "at": times}
    counts = whole_of(monitor, day, snapshots_of(monitor, predictions=rows, day=day))
    assert counts.requests.tolist() == [1] * count + [0] * (25 - count)


def test_requests_add_up_to_rows_whatever_their_times_are(monitor_of, snapshots_of):
    monitor = monitor_of({"at": {"role": "timestamp"}})
    noon = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)
    times = [noon, None, noon - dt.timedelta(days=2), noon + dt.timedelta(days=2)]
    rows = {"id": ["1", "2", "3", "4"], "at": times}
    counts = whole_of(monitor, DAY, snapshots_of(monitor, predictions=rows))
    assert hours(counts.requests) == {0: 2, 12: 1, 23: 1}


def test_without_a_timestamp_requests_lie_in_the_first_hour(monitor_of, snapshots_of):
    monitor = monitor_of({"status": {"role": "status"}})
    rows = {"id": ["1", "2"], "status": ["ok", "boom"]}
    counts = whole_of(monitor, DAY, snapshots_of(monitor, predictions=rows))
    assert (hours(counts.requests), hours(counts.failures)) == ({0: 2}, {0: 1})


def test_a_timestamp_that_only_the_features_have_is_missing_for_the_traffic(
    monitor_of, snapshots_of
):
    monitor = monitor_of({"at": {"role": "timestamp"}})
    noon = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)
    rows = {"id": ["1"], "at": [noon]}
    gone = {Kind.PREDICTIONS: {"at": "column_missing"}}
    snapshots = snapshots_of(monitor, features=rows, predictions=rows, missing=gone)
    profile = engine.count(monitor, Grid({}, {}), {DAY: snapshots})[DAY]
    assert profile.missing == {"at": "column_missing"}
    assert hours(profile.groups[EVERYTHING].requests) == {0: 1}


def test_a_status_that_only_the_features_have_says_nothing_of_the_requests(
    monitor_of, snapshots_of
):
    monitor = monitor_of({"status": {"role": "status", "in": ["features"]}})
    snapshots = snapshots_of(
        monitor, features={"id": ["1"], "status": ["boom"]}, predictions={"id": ["1"]}
    )
    profile = engine.count(monitor, Grid({}, {}), {DAY: snapshots})[DAY]
    assert profile.missing == {"status": "column_missing"}
    assert hours(profile.groups[EVERYTHING].failures) == {}


@pytest.mark.parametrize(
    ("column", "statuses", "failures"),
    [
        pytest.param(
            {},
            ["ok", "OK", "Success", "200", "true", "302", None, "error", "500", ""],
            3,
            id="words that mean success, and null, are no failures",
        ),
        pytest.param(
            {"type": "integer"},
            [200, 204, 301, 404, 500, 20, None],
            3,
            id="integers from 200 to 399 are no failures",
        ),
        pytest.param({"type": "boolean"}, [True, False, None], 1, id="false is a failure"),
        pytest.param(
            {"ok_values": ["fine", "meh"]},
            ["fine", "meh", "ok", "FINE", None],
            2,
            id="declared values replace the usual ones",
        ),
        pytest.param(
            {"type": "integer", "ok_values": [0]},
            [0, 200, 1, None],
            2,
            id="declared integers replace the usual ones",
        ),
        pytest.param(
            {"type": "boolean", "ok_values": [False]},
            [True, False, None],
            1,
            id="declared booleans replace the usual ones",
        ),
    ],
)
def test_a_failure_is_a_status_that_is_not_ok(monitor_of, snapshots_of, column, statuses, failures):
    monitor = monitor_of({"status": {"role": "status", **column}})
    rows = {"id": [*map(str, range(len(statuses)))], "status": statuses}
    counts = whole_of(monitor, DAY, snapshots_of(monitor, predictions=rows))
    assert counts.failures.sum() == failures


def test_failures_are_filed_under_the_hour_of_their_request(monitor_of, snapshots_of):
    monitor = monitor_of(COLUMNS)
    start = dt.datetime(2026, 3, 2, tzinfo=dt.UTC)
    rows = {
        "id": ["1", "2", "3"],
        "at": [start + dt.timedelta(hours=h) for h in (1, 1, 5)],
        "status": ["ok", "boom", "boom"],
    }
    counts = whole_of(monitor, DAY, snapshots_of(monitor, predictions=rows))
    assert (hours(counts.requests), hours(counts.failures)) == ({1: 2, 5: 1}, {1: 1, 5: 1})
