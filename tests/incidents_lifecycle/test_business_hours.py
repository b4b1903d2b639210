"""Business hours: over weekends, changes of the clock, and weeks with hardly any."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitoring_dagster.incidents.hours import at_wall_clock, deadline, next_opening
from monitoring_dagster.monitors.alerting import BusinessHours, minutes_of
from monitoring_dagster.monitors.vocabulary import Weekday

ZONES = [
    ZoneInfo(name)
    for name in ("UTC", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kolkata")
]
NEW_YORK = ZoneInfo("America/New_York")

INSTANTS = st.integers(0, 2 * 365 * 24 * 60).map(
    lambda minutes: dt.datetime(2025, 1, 1, tzinfo=dt.UTC) + dt.timedelta(minutes=minutes)
)


@st.composite
def open_hours(draw: st.DrawFn) -> BusinessHours:
    days = draw(st.lists(st.sampled_from(Weekday), min_size=1, unique=True))
    opens, closes = sorted(draw(st.lists(st.integers(0, 48), min_size=2, max_size=2, unique=True)))
    return hours(days, _time(opens), _time(closes))


def _time(half_hours: int) -> str:
    return f"{half_hours // 2:02d}:{30 * (half_hours % 2):02d}"


def hours(days: list[Weekday], opens: str, closes: str) -> BusinessHours:
    return BusinessHours.model_validate({"days": days, "from": opens, "to": closes})


def open_between(
    start: dt.datetime, end: dt.datetime, when: BusinessHours, zone: ZoneInfo
) -> float:
    """Business hours between two instants, added up day by day."""
    passed, a_day = dt.timedelta(), dt.timedelta(days=1)
    day = start.astimezone(zone).date() - a_day
    while day <= end.astimezone(zone).date():
        if list(Weekday)[day.weekday()] in when.days:
            opens = at_wall_clock(day, minutes_of(when.opens), zone)
            closes = at_wall_clock(day, minutes_of(when.closes), zone)
            passed += max(min(closes, end) - max(opens, start), dt.timedelta())
        day += a_day
    return passed / dt.timedelta(hours=1)


def utc(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("start", "wanted", "expected"),
    [
        pytest.param("2026-02-02T10:00", 4, "2026-02-02T14:00", id="within one day"),
        pytest.param("2026-02-02T15:00", 4, "2026-02-03T11:00", id="over a night"),
        pytest.param("2026-02-06T15:00", 4, "2026-02-09T11:00", id="over a weekend"),
        pytest.param("2026-02-07T12:00", 4, "2026-02-09T13:00", id="from within a weekend"),
        pytest.param("2026-02-02T10:00", 7, "2026-02-02T17:00", id="until they close"),
        pytest.param("2026-02-02T10:00", 40, "2026-02-09T10:00", id="a whole week of them"),
        pytest.param("2026-02-07T12:00", 0, "2026-02-07T12:00", id="none at all"),
    ],
)
def test_a_deadline_counts_open_hours_only(start: str, wanted: float, expected: str) -> None:
    assert deadline(utc(start), wanted, BusinessHours(), ZoneInfo("UTC")) == utc(expected)


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        pytest.param(dt.date(2026, 3, 7), 6, id="the day before the clock changes"),
        pytest.param(dt.date(2026, 3, 8), 5, id="an hour is left out"),
        pytest.param(dt.date(2026, 11, 1), 7, id="an hour comes twice"),
    ],
)
def test_hours_that_pass_are_counted_as_they_pass(date: dt.date, expected: float) -> None:
    always = hours(list(Weekday), "00:00", "06:00")
    start = dt.datetime.combine(date, dt.time(), tzinfo=NEW_YORK).astimezone(dt.UTC)
    end = dt.datetime.combine(date, dt.time(6), tzinfo=NEW_YORK).astimezone(dt.UTC)
    assert deadline(start, expected, always, NEW_YORK) == end


def test_the_wall_clock_counts_and_not_utc() -> None:
    for start, end in (
        ("2026-03-06T14:00", "2026-03-06T15:00"),
        ("2026-03-09T13:00", "2026-03-09T14:00"),
    ):
        assert deadline(utc(start), 1, BusinessHours(), NEW_YORK) == utc(end)


def test_a_window_that_the_clock_leaves_out_is_not_there() -> None:
    lost = hours([Weekday.SUN], "02:00", "03:00")
    start = utc("2026-03-07T12:00")
    assert deadline(start, 1, lost, NEW_YORK) == utc("2026-03-15T07:00")
    assert next_opening(start, lost, NEW_YORK) == utc("2026-03-15T06:00")


def test_nothing_is_open_in_a_weekend() -> None:
    start, end = utc("2026-02-06T17:00"), utc("2026-02-09T09:00")
    assert next_opening(start, BusinessHours(), ZoneInfo("UTC")) == end
    assert next_opening(end, BusinessHours(), ZoneInfo("UTC")) == end


@given(INSTANTS, st.integers(1, 200), open_hours(), st.sampled_from(ZONES))
@settings(max_examples=100, deadline=None)
def test_until_a_deadline_exactly_the_wanted_hours_pass(
    start: dt.datetime, quarters: int, when: BusinessHours, zone: ZoneInfo
) -> None:
    wanted = quarters / 4
    end = deadline(start, wanted, when, zone)
    assert open_between(start, end, when, zone) == pytest.approx(wanted)
    just_before = end - dt.timedelta(minutes=1)
    assert open_between(start, just_before, when, zone) < wanted


@given(INSTANTS, st.floats(0.25, 50), st.floats(0, 50), open_hours(), st.sampled_from(ZONES))
@settings(max_examples=60, deadline=None)
def test_more_hours_are_never_due_earlier(
    start: dt.datetime, wanted: float, more: float, when: BusinessHours, zone: ZoneInfo
) -> None:
    assert deadline(start, wanted + more, when, zone) >= deadline(start, wanted, when, zone)
