"""Flapping: a cause that comes and goes too often for anybody to be told each time."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterable

from monitoring_dagster.incidents.lifecycle import Judged

MOST = 4
"""Changes between firing and clear that are still told one by one,"""

DAYS = 14
"""within so many days; after as many without a change it is quiet again."""


def is_flapping(history: Iterable[Judged], *, was: bool) -> bool:
    """Whether the cause flaps after the latest day of its history.

    Args:
        history: what its days said, in any order; days that say nothing are skipped.
        was: whether it did so before. Then any change within the days keeps it so.

    >>> from monitoring_dagster.incidents.incident import Outcome
    >>> day, firing, clear = dt.date(2026, 2, 1), Outcome.FIRING, Outcome.CLEAR
    >>> outcomes = [firing, clear, firing, clear, firing, clear]
    >>> days = [Judged(day + dt.timedelta(days=i), o) for i, o in enumerate(outcomes)]
    >>> is_flapping(days[:-1], was=False), is_flapping(days, was=False)
    (False, True)
    """
    changes = recent_changes(history)
    return changes > 0 if was else changes > MOST


def recent_changes(history: Iterable[Judged]) -> int:
    """Changes between firing and clear within the last days of the history."""
    days = sorted(history)
    if not days:
        return 0
    first = days[-1].day - dt.timedelta(days=DAYS)
    judged = [day for day in days if day.outcome.is_judged]
    return sum(
        later.day > first and earlier.outcome is not later.outcome
        for earlier, later in itertools.pairwise(judged)
    )
