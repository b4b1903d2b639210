"""Days: when they begin, when they are over, and what was known by when.

A day is a half-open interval of UTC instants cut by the calendar of the monitor's zone, so it
has 23 or 25 hours twice a year. The clock is an argument everywhere; nothing here reads one.
"""

from __future__ import annotations

import datetime as dt
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from monitoring_dagster.monitors.contract import Monitor


@dataclass(frozen=True, slots=True)
class Window:
    """One day of one monitor as UTC instants, start included, end excluded."""

    day: dt.date
    start: dt.datetime
    end: dt.datetime

    @property
    def hours(self) -> int:
        """Hours begun: 24, and 23 or 25 where the clock changes (also where by half an hour)."""
        return math.ceil((self.end - self.start).total_seconds() / 3600)


def window(monitor: Monitor, day: dt.date) -> Window:
    """The instants of `day` in the monitor's time zone.

    >>> from types import SimpleNamespace
    >>> from zoneinfo import ZoneInfo
    >>> new_york = SimpleNamespace(zone=ZoneInfo("America/New_York"))
    >>> [window(new_york, dt.date(2026, 3, d)).hours for d in (7, 8, 9)]
    [24, 23, 24]
    """
    return Window(day, _midnight(monitor, day), _midnight(monitor, day + dt.timedelta(days=1)))


def taken_at(monitor: Monitor, day: dt.date) -> dt.datetime:
    """The UTC instant at which the schedule takes `day`: the next morning."""
    morning = dt.datetime.combine(
        day + dt.timedelta(days=1),
        dt.time(monitor.schedule.hour, monitor.schedule.minute),
        tzinfo=monitor.zone,
    )
    return morning.astimezone(dt.UTC)


def matures_at(monitor: Monitor, day: dt.date) -> dt.datetime | None:
    """The UTC instant from which the labels of `day` count as final; None without labels."""
    labels = monitor.telemetry.labels
    if labels is None:
        return None
    return taken_at(monitor, day + dt.timedelta(days=labels.maturity_days))


def closes_after_days(monitor: Monitor) -> int:
    """Days after which the labels of a day are no longer accepted; 0 without labels."""
    labels = monitor.telemetry.labels
    return 0 if labels is None else labels.maturity_days + labels.accepted_days


def days_between(first: dt.date, last: dt.date) -> list[dt.date]:
    """Every day from `first` to `last`, both included."""
    return [first + dt.timedelta(days=i) for i in range((last - first).days + 1)]


def _midnight(monitor: Monitor, day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), tzinfo=monitor.zone).astimezone(dt.UTC)


@dataclass(frozen=True, slots=True)
class Sitting:
    """Days that are decided on together, and the instant at which that is.

    `since` is the instant of the sitting before, where this is one of several in a replay.
    """

    now: dt.datetime
    days: tuple[dt.date, ...]
    since: dt.datetime | None = None

    @property
    def is_relived(self) -> bool:
        """Whether it is one of a replay."""
        return self.since is not None


class Clock(Protocol):
    """Says as of which instant a day is taken; what became known later is not used."""

    def as_of(self, monitor: Monitor, day: dt.date) -> dt.datetime:
        """The UTC instant at which `day` is seen."""
        ...

    def sittings(self, monitor: Monitor, days: Sequence[dt.date]) -> list[Sitting]:
        """When these days are decided on, in order."""
        ...


@dataclass(frozen=True, slots=True)
class Standing:
    """A clock that shows one instant: the present of a normal run, or a moment of a replay."""

    instant: dt.datetime

    def as_of(self, monitor: Monitor, day: dt.date) -> dt.datetime:  # noqa: ARG002 - the same for every day
        """The one instant."""
        return self.instant

    def sittings(self, monitor: Monitor, days: Sequence[dt.date]) -> list[Sitting]:  # noqa: ARG002 - the same for every monitor
        """All of them at once."""
        return [Sitting(self.instant, tuple(days))]


@dataclass(frozen=True, slots=True)
class Replay:
    """A clock that takes each day as of a morning after it, as history would have been lived.

    `days_later` 0 is the day's own next morning, when the schedule takes it. Nothing is seen
    before it happened, so a replay never looks beyond `now`.
    """

    now: dt.datetime
    days_later: int = 0

    def as_of(self, monitor: Monitor, day: dt.date) -> dt.datetime:
        """The morning `days_later` days after the next."""
        return min(self.now, taken_at(monitor, day + dt.timedelta(days=self.days_later)))

    def sittings(self, monitor: Monitor, days: Sequence[dt.date]) -> list[Sitting]:
        """Each of them on its own morning."""
        mornings = [(self.as_of(monitor, day), day) for day in sorted(days)]
        return [
            Sitting(now, (day,), since=min(now, taken_at(monitor, day - dt.timedelta(days=1))))
            for now, day in mornings
        ]


@dataclass(frozen=True, slots=True)
class Closing(Replay):
    """The end of a replay: mornings after its last day, on which only labels are new."""

    def sittings(self, monitor: Monitor, days: Sequence[dt.date]) -> list[Sitting]:
        """A morning for each day on which labels of the last are accepted; none is judged."""
        last = max(days)
        mornings = [
            min(self.now, taken_at(monitor, last + dt.timedelta(days=i)))
            for i in range(closes_after_days(monitor) + 1)
        ]
        return [Sitting(now, (), since) for since, now in itertools.pairwise(mornings)]
