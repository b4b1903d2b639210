"""Grouping: from a day's verdicts to its causes, by lineage, the most upstream first.

What a finding is about is `themes`, what broken data explains `breaks`, what has been open for
long `memory`. Whether a cause becomes an incident is `lifecycle`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from monitoring_dagster.decisions.verdict import Level, Reason, Rule, Verdict
from monitoring_dagster.incidents.breaks import (
    MANY_SEGMENTS,
    Break,
    breaks,
    explaining,
    homes,
    segments_of,
)
from monitoring_dagster.incidents.cause import Cause, CauseKind
from monitoring_dagster.incidents.figures import effect_of, impact_of, is_exhausted
from monitoring_dagster.incidents.incident import CauseOfDay, Incident, Signal, SignalState
from monitoring_dagster.incidents.memory import Memory, upstream_first
from monitoring_dagster.incidents.outcomes import outcome
from monitoring_dagster.incidents.subjects import is_whole, ranked, worst
from monitoring_dagster.incidents.themes import BASE_RATE, BROKEN, Clue, Theme, clue, fires
from monitoring_dagster.incidents.withheld import withheld
from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.profiles.profile import ALL

__all__ = ["group", "outcome"]

_INPUTS = Cause(CauseKind.INPUTS)
_PREDICTIONS = Cause(CauseKind.PREDICTIONS)
_PERFORMANCE = Cause(CauseKind.PERFORMANCE)
_LABELS = Cause(CauseKind.LABELS)


def group(
    monitor: Monitor,
    day: dt.date,
    verdicts: Sequence[Verdict],
    open_incidents: Sequence[Incident] = (),
) -> list[CauseOfDay]:
    """The causes of a day, the most upstream first; each with its signals, the gravest first.

    Each verdict that fires is a signal of exactly one cause; as `suppressed` where a break of the
    same day explains it. Verdicts that were withheld stand with the break that withheld them.

    Args:
        monitor: says what columns are for.
        day: the day of the verdicts.
        verdicts: all of the day, in any order.
        open_incidents: those of the monitor that are not resolved: what they hold stays theirs.
    """
    memory = Memory(monitor, open_incidents)
    ordered = sorted(verdicts, key=lambda v: v.subject.key)
    clues = [clue(monitor, v) for v in ordered if fires(v)]
    home = homes(monitor, clues, memory)
    broken = breaks(monitor, day, clues, home, memory)
    sorted_out = _Sorted(monitor, day, memory, home, broken)
    sorted_out.place(clues)
    importance = _importance(ordered)
    signals: dict[Cause, list[Signal]] = {}
    for one, cause in sorted_out.own:
        signals.setdefault(cause, []).append(_signal(one, day, importance))
    for one, cause in sorted_out.explained:
        signals.setdefault(cause, []).append(_signal(one, day, importance, by=cause))
    for cause, signal in withheld(day, ordered, clues, home):
        signals.setdefault(cause, []).append(signal)
    return [_of_day(cause, signals[cause]) for cause in sorted(signals, key=upstream_first)]


@dataclass
class _Sorted:
    """A day's clues, sorted into causes step by step: first what is broken, then what is left."""

    monitor: Monitor
    day: dt.date
    memory: Memory
    home: dict[Theme, Cause]
    broken: list[Break]
    own: list[tuple[Clue, Cause]] = field(default_factory=list[tuple[Clue, Cause]])
    explained: list[tuple[Clue, Cause]] = field(default_factory=list[tuple[Clue, Cause]])

    def place(self, clues: Sequence[Clue]) -> None:
        """Give each clue its cause."""
        left: list[Clue] = []
        for one in clues:
            if one.theme in self.home:
                self.own.append((one, self.home[one.theme]))
            elif (by := explaining(self.monitor, one, self._began(one), self.broken)) is not None:
                self.explained.append((one, by.cause))
            else:
                left.append(one)
        whole = self._of_the_whole(left)
        # Those whose cause hangs on what else has one come last.
        for one in sorted(left, key=_hangs_on_others):
            self.own.append((one, self._cause(one, whole)))

    def _began(self, one: Clue) -> dt.date:
        began = min(one.verdict.since or self.day, self.day)
        return min(began, self.memory.first_day(one.subject.key, self.day))

    def _of_the_whole(self, clues: Sequence[Clue]) -> set[Theme]:
        """Themes that are no matter of a segment: of today, and of what is open."""
        many = {t for t, count in segments_of(clues).items() if count >= MANY_SEGMENTS}
        return {c.theme for c in clues if is_whole(c.subject)} | many | self.memory.of_the_whole

    def _cause(self, one: Clue, whole: set[Theme]) -> Cause:
        subject, theme = one.subject, one.theme
        if theme.family is CauseKind.METRIC:
            return Cause(CauseKind.METRIC, theme.about)
        if theme in whole and theme.family not in BROKEN:
            return self._cause_of_whole(theme)
        if subject.segment != ALL:
            return Cause(CauseKind.SEGMENT, subject.segment)
        return Cause(CauseKind.VERSION, subject.model_version)

    def _cause_of_whole(self, theme: Theme) -> Cause:
        if theme.family is CauseKind.PREDICTIONS:
            return self._cause_of_predictions(theme)
        if theme == (CauseKind.PERFORMANCE, BASE_RATE):
            return self._cause_of_base_rate(theme)
        return Cause(theme.family)

    def _cause_of_predictions(self, theme: Theme) -> Cause:
        """Predictions move because inputs do, unless they began to move without them."""
        holder = self.memory.holder(theme, {CauseKind.INPUTS, CauseKind.PREDICTIONS})
        if holder is not None:
            return holder
        if self.memory.has(_PREDICTIONS):
            return _PREDICTIONS
        return _INPUTS if self._fires(_INPUTS) or self.memory.has(_INPUTS) else _PREDICTIONS

    def _cause_of_base_rate(self, theme: Theme) -> Cause:
        """Other outcomes than before are a matter of performance once it has suffered."""
        holder = self.memory.holder(theme, {CauseKind.LABELS, CauseKind.PERFORMANCE})
        if holder is not None:
            return holder
        return _PERFORMANCE if self._fires(_PERFORMANCE) else _LABELS

    def _fires(self, cause: Cause) -> bool:
        return any(placed == cause for _, placed in self.own)


def _hangs_on_others(one: Clue) -> bool:
    return one.theme.family is CauseKind.PREDICTIONS or one.theme.about == BASE_RATE


def _importance(verdicts: Sequence[Verdict]) -> dict[str, float]:
    """Importance of each feature, as the verdicts about its drift say, measured or not."""
    return {
        v.subject.column: v.importance
        for v in verdicts
        if v.subject.rule is Rule.DRIFT and v.importance is not None
    }


def _signal(
    one: Clue, day: dt.date, importance: dict[str, float], by: Cause | None = None
) -> Signal:
    v = one.verdict
    is_lost = one.theme.family is CauseKind.COLUMN and v.level is Level.CRITICAL
    return Signal(
        v.subject.key,
        SignalState.FIRING if by is None else SignalState.SUPPRESSED,
        v.level,
        # What is overdrawn stays that on its good days: nobody should be told of it anew.
        Reason.EXHAUSTED if is_exhausted(v) else v.reason,
        v.text,
        first_day=day,
        last_day=day,
        effect=effect_of(v),
        # Without any value all of a feature's importance is at stake.
        impact=importance.get(one.theme.about) if is_lost else impact_of(v),
        cost=v.cost,
        suppressed_by="" if by is None else str(by),
    )


def _of_day(cause: Cause, signals: Sequence[Signal]) -> CauseOfDay:
    ordered = list(_firing_first(ranked(signals)))
    level = worst(s.level for s in ordered if s.state is SignalState.FIRING)
    return CauseOfDay(cause, level, tuple(ordered))


def _firing_first(signals: Sequence[Signal]) -> Iterator[Signal]:
    yield from (s for s in signals if s.state is SignalState.FIRING)
    yield from (s for s in signals if s.state is not SignalState.FIRING)
