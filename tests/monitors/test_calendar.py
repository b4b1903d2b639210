"""Days are cut by the calendar of the monitor's zone, and labels mature on a morning of it."""

from __future__ import annotations

import datetime as dt
import itertools

import pytest

from monitoring_dagster.monitors.calendar import (
    Replay,
    Standing,
    days_between,
    matures_at,
    taken_at,
    window,
)
from monitoring_dagster.monitors.contract import Monitor

UTC = dt.UTC


def in_zone(monitor: Monitor, zone: str) -> Monitor:
    return monitor.model_copy(update={"time_zone": zone})


@pytest.mark.parametrize(
    ("zone", "day", "start", "end", "hours"),
    [
        pytest.param(
            "America/New_York", "2013-03-10", "2013-03-10T05:00", "2013-03-11T04:00", 23,
            id="New York in spring",
        ),
        pytest.param(
            "America/New_York", "2013-11-03", "2013-11-03T04:00", "2013-11-04T05:00", 25,
            id="New York in autumn",
        ),
        pytest.param(
            "America/New_York", "2013-07-04", "2013-07-04T04:00", "2013-07-05T04:00", 24,
            id="New York in summer",
        ),
        pytest.param(
            "UTC", "2013-03-10", "2013-03-10T00:00", "2013-03-11T00:00", 24, id="UTC has no summer"
        ),
        pytest.param(
            "Africa/Cairo", "2026-04-24", "2026-04-23T22:00", "2026-04-24T21:00", 23,
            id="Cairo, whose clock changes at midnight",
        ),
        pytest.param(
            "Australia/Lord_Howe", "2026-04-05", "2026-04-04T13:00", "2026-04-05T13:30", 25,
            id="Lord Howe, which changes by half an hour",
        ),
        pytest.param(
            "Asia/Kolkata", "2026-04-05", "2026-04-04T18:30", "2026-04-05T18:30", 24,
            id="Kolkata, half an hour off",
        ),
    ],
)  # fmt: skip
def test_a_day_is_cut_by_the_zone(
    zone: str, day: str, start: str, end: str, hours: int, churn_monitor: Monitor
) -> None:
    found = window(in_zone(churn_monitor, zone), dt.date.fromisoformat(day))
    assert found.start == dt.datetime.fromisoformat(start).replace(tzinfo=UTC)
    assert found.end == dt.datetime.fromisoformat(end).replace(tzinfo=UTC)
    assert found.hours == hours


def test_days_cover_time_without_gap_or_overlap(churn_monitor: Monitor) -> None:
    monitor = in_zone(churn_monitor, "America/New_York")
    days = days_between(dt.date(2013, 1, 1), dt.date(2013, 12, 31))
    windows = [window(monitor, day) for day in days]
    assert len(days) == 365
    assert all(one.end == other.start for one, other in itertools.pairwise(windows))
    assert sum(w.hours for w in windows) == 365 * 24


def test_a_day_is_taken_on_its_next_morning(churn_monitor: Monitor) -> None:
    monitor = in_zone(churn_monitor, "America/New_York")
    assert taken_at(monitor, dt.date(2013, 3, 9)) == dt.datetime(2013, 3, 10, 10, tzinfo=UTC)
    assert taken_at(monitor, dt.date(2013, 3, 8)) == dt.datetime(2013, 3, 9, 11, tzinfo=UTC)


def test_labels_mature_after_the_declared_days(churn_monitor: Monitor) -> None:
    # 30 days after 2026-03-01 is 2026-03-31; it is taken on April 1 at 6 in Paris, summer time.
    assert matures_at(churn_monitor, dt.date(2026, 3, 1)) == dt.datetime(2026, 4, 1, 4, tzinfo=UTC)


def test_without_labels_nothing_matures(churn_monitor: Monitor) -> None:
    telemetry = churn_monitor.telemetry.model_copy(update={"labels": None})
    monitor = churn_monitor.model_copy(update={"telemetry": telemetry})
    assert matures_at(monitor, dt.date(2026, 3, 1)) is None


def test_a_replay_sees_each_day_from_its_own_next_morning(churn_monitor: Monitor) -> None:
    now = dt.datetime(2026, 6, 1, tzinfo=UTC)
    day = dt.date(2026, 3, 1)
    assert Replay(now).as_of(churn_monitor, day) == taken_at(churn_monitor, day)
    assert Standing(now).as_of(churn_monitor, day) == now
