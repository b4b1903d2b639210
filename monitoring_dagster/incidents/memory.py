"""What open incidents hold: so that the same thing does not hop from one cause to another.

Only looks up; what follows from it is `breaks` and `grouping`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from monitoring_dagster.decisions.verdict import Level
from monitoring_dagster.incidents.cause import Cause, CauseKind
from monitoring_dagster.incidents.incident import Incident, Signal, SignalState
from monitoring_dagster.incidents.subjects import subject_of
from monitoring_dagster.incidents.themes import BROKEN, Theme, of_signal
from monitoring_dagster.monitors.contract import Monitor

PARTS = frozenset({CauseKind.VERSION, CauseKind.SEGMENT})
"""Causes that are about a part of the traffic."""

UPSTREAM = tuple(CauseKind)


def upstream_first(cause: Cause) -> tuple[int, str]:
    """By lineage, then by name."""
    return UPSTREAM.index(cause.kind), cause.name


@dataclass(frozen=True, slots=True)
class Held:
    """One signal that an open incident holds and nothing upstream explains."""

    cause: Cause
    subject: str
    theme: Theme
    first_day: dt.date
    last_day: dt.date


@dataclass(frozen=True)
class Memory:
    """The open incidents of a monitor, found by what they hold."""

    monitor: Monitor
    incidents: Sequence[Incident]

    @cached_property
    def held(self) -> tuple[Held, ...]:
        """What open incidents hold as their own.

        Neither what is explained nor what was: once it has cleared, only its theme tells it.
        """
        signals = [(i.cause, s) for i in self.incidents if i.is_open for s in i.signals]
        own = [
            self._held(cause, signal)
            for cause, signal in signals
            if signal.state is not SignalState.SUPPRESSED and signal.level is not Level.SUPPRESSED
        ]
        return tuple(h for h in own if h.cause.kind not in BROKEN or h.theme.family in BROKEN)

    def _held(self, cause: Cause, signal: Signal) -> Held:
        about = of_signal(self.monitor, signal, subject_of(signal.subject, self.monitor.columns))
        return Held(cause, signal.subject, about, signal.first_day, signal.last_day)

    def has(self, cause: Cause) -> bool:
        """Whether an incident of the cause is open."""
        return any(i.is_open and i.cause == cause for i in self.incidents)

    def since(self, cause: Cause, day: dt.date) -> dt.date:
        """First day of the open incident of the cause; `day` where none is open or it is later."""
        return min([day, *(i.since for i in self.incidents if i.is_open and i.cause == cause)])

    def first_day(self, subject: str, day: dt.date) -> dt.date:
        """First day of a subject in the incidents that hold it; `day` where none does."""
        return min([day, *(h.first_day for h in self.held if h.subject == subject)])

    def holder(self, theme: Theme, kinds: Collection[CauseKind]) -> Cause | None:
        """The open cause, of these kinds, that held the theme last; the most upstream of equals."""
        found = [h for h in self.held if h.theme == theme and h.cause.kind in kinds]
        return _latest(found)

    @cached_property
    def of_the_whole(self) -> frozenset[Theme]:
        """Themes that open incidents of the whole traffic hold."""
        return frozenset(h.theme for h in self.held if h.cause.kind not in PARTS)


def _latest(found: Iterable[Held]) -> Cause | None:
    ordered = sorted(found, key=lambda h: (-h.last_day.toordinal(), *upstream_first(h.cause)))
    return ordered[0].cause if ordered else None
