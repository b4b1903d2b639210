"""How messages speak of days, instants, money and counts.

Only phrases, the same in every message and independent of the machine's language. Numbers are
`decisions.wording`.
"""

from __future__ import annotations

import datetime as dt
import math

from monitoring_dagster.decisions.verdict import Cost
from monitoring_dagster.decisions.wording import number

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def day(when: dt.date) -> str:
    """A day with its weekday, which explains many a change.

    >>> day(dt.date(2013, 11, 14))
    'Thu 14 Nov 2013'
    """
    return f"{_WEEKDAYS[when.weekday()]} {when.day} {_MONTHS[when.month - 1]} {when.year}"


def days(first: dt.date, last: dt.date) -> str:
    """A span of days, as short as it is clear.

    >>> days(dt.date(2013, 11, 14), dt.date(2013, 11, 16))
    '14–16 Nov 2013'
    >>> days(dt.date(2013, 4, 1), dt.date(2013, 12, 31))
    '1 Apr–31 Dec 2013'
    """
    end = f"{last.day} {_MONTHS[last.month - 1]} {last.year}"
    if first >= last:
        return end
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.day}–{end}"
    year = "" if first.year == last.year else f" {first.year}"
    return f"{first.day} {_MONTHS[first.month - 1]}{year}–{end}"


def instant(at: dt.datetime) -> str:
    """An instant to the minute, in UTC.

    >>> instant(dt.datetime(2013, 11, 15, 9, 5, tzinfo=dt.UTC))
    '15 Nov 2013, 09:05 UTC'
    """
    utc = at.astimezone(dt.UTC)
    return f"{utc.day} {_MONTHS[utc.month - 1]} {utc.year}, {utc.hour:02d}:{utc.minute:02d} UTC"


def counted(count: int, what: str, many: str = "") -> str:
    """A count with its noun.

    >>> counted(1, "day"), counted(1_200, "day")
    ('1 day', '1,200 days')
    """
    return f"{count:,} {what if count == 1 else many or what + 's'}"


def times(count: int) -> str:
    """How often.

    >>> times(1), times(2), times(5)
    ('once', 'twice', '5 times')
    """
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def per_day(cost: Cost) -> str:
    """What a day of it costs; empty where that is not known.

    >>> per_day(Cost(3476.6, 1929.9, 5029.6, "USD", "rebooking"))
    '3,477 USD a day (1,930 to 5,030), rebooking'
    """
    if not math.isfinite(cost.value):
        return ""
    is_bounded = math.isfinite(cost.low) and math.isfinite(cost.high)
    span = f" ({number(cost.low)} to {number(cost.high)})" if is_bounded else ""
    what = f", {cost.what}" if cost.what else ""
    return f"{number(cost.value)} {cost.currency} a day{span}{what}"
