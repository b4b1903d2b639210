"""Hours: which of them are open, and when so many of them will have passed.

Business hours are wall-clock times of the monitor's zone; what is counted is the time that really
passes, so that an hour that a change of the clock leaves out or repeats is counted as it is.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from zoneinfo import ZoneInfo

from monitoring_dagster.monitors.alerting import BusinessHours, minutes_of
from monitoring_dagster.monitors.vocabulary import Weekday

WEEKDAYS = tuple(Weekday)
"""In the order of `datetime.date.weekday`."""

HOUR = dt.timedelta(hours=1)
A_DAY = dt.timedelta(days=1)


def at_wall_clock(day: dt.date, minutes: int, zone: ZoneInfo) -> dt.datetime:
    """The UTC instant at which clocks of the zone show so many minutes after midnight of `day`.

    A time that the clock leaves out is the instant at which it would have been; one that it shows
    twice is the first of both.

    >>> at_wall_clock(dt.date(2026, 7, 1), 570, ZoneInfo("Europe/Paris")).isoformat()
    '2026-07-01T07:30:00+00:00'
    """
    days, rest = divmod(minutes, 24 * 60)
    time = dt.time(*divmod(rest, 60))
    return dt.datetime.combine(day + days * A_DAY, time, tzinfo=zone).astimezone(dt.UTC)


def deadline(
    start: dt.datetime, wanted_hours: float, hours: BusinessHours, zone: ZoneInfo
) -> dt.datetime:
    """The first instant at which so many business hours have passed since `start`.

    >>> friday = dt.datetime(2026, 2, 6, 15, tzinfo=dt.UTC)
    >>> deadline(friday, 4, BusinessHours(), ZoneInfo("UTC")).isoformat()
    '2026-02-09T11:00:00+00:00'
    """
    left = wanted_hours * HOUR
    if left <= dt.timedelta():
        return start
    for opens, closes in _open_from(start, hours, zone):
        begin = max(opens, start)
        if closes - begin >= left:
            return begin + left
        left -= max(closes - begin, dt.timedelta())
    raise AssertionError  # weeks never end


def next_opening(start: dt.datetime, hours: BusinessHours, zone: ZoneInfo) -> dt.datetime:
    """`start` itself where it lies in business hours, else when they begin next."""
    return next(
        max(opens, start) for opens, closes in _open_from(start, hours, zone) if closes > start
    )


def _open_from(
    start: dt.datetime, hours: BusinessHours, zone: ZoneInfo
) -> Iterator[tuple[dt.datetime, dt.datetime]]:
    """Windows from the one that `start` may lie in, in order, without end.

    One that a change of the clock swallows is left out.
    """
    day = start.astimezone(zone).date() - A_DAY
    while True:
        if WEEKDAYS[day.weekday()] in hours.days:
            opens = at_wall_clock(day, minutes_of(hours.opens), zone)
            closes = at_wall_clock(day, minutes_of(hours.closes), zone)
            if opens < closes:
                yield opens, closes
        day += A_DAY
