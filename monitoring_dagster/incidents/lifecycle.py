"""The life of an incident: when a cause opens one, keeps it, ends it and brings it back.

Level-triggered: the latest judged days say what there should be, however often they are asked.
What changes in an incident by a move is `changes`; who hears of it `owed`.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Self

from monitoring_dagster.decisions.verdict import Level
from monitoring_dagster.incidents.audience import Audience
from monitoring_dagster.incidents.cause import BREAKS, Cause, CauseKind
from monitoring_dagster.incidents.incident import Incident, Outcome
from monitoring_dagster.incidents.subjects import worst

FACTS = BREAKS | {CauseKind.MONITORING}
"""Causes that one day proves, and one day ends."""


class Judged(NamedTuple):
    """What one day said of one cause; `level` is the gravest of what fired."""

    day: dt.date
    outcome: Outcome
    level: Level = Level.WARN


class Move(StrEnum):
    """What follows for a cause's latest incident."""

    NOTHING = "nothing"
    OPEN = "open"
    STAY = "stay"
    RESOLVE = "resolve"
    REOPEN = "reopen"


@dataclass(frozen=True, slots=True)
class Rules:
    """When one cause's incidents begin and end; all in judged days but the last.

    Args:
        firing_days: so many firing days open an incident,
        of_days: among so many of the latest judged ones; one that is critical does by itself.
        close_after_days: so many clear days in a row end it.
        reopen_within_days: calendar days after its end in which a firing day brings it back.
    """

    firing_days: int
    of_days: int
    close_after_days: int
    reopen_within_days: int

    @classmethod
    def of(cls, monitor: Audience, cause: Cause) -> Self:
        """The monitor's rules for a cause; a fact needs no second day, neither way."""
        alerting = monitor.alerting
        if cause.kind in FACTS:
            return cls(1, 1, 1, alerting.reopen_within_days)
        return cls(*alerting.warnings_open, alerting.close_after_days, alerting.reopen_within_days)


def move(latest: Incident | None, history: Iterable[Judged], rules: Rules) -> Move:
    """What the history of a cause means for its latest incident, open or resolved.

    Args:
        latest: None where the cause never had one.
        history: what days up to the one in question said, in any order, each once. Days that say
            nothing (`unknown`) neither count nor interrupt.
        rules: `Rules.of` the cause.

    A day that an incident has already seen never opens or reopens anything: neither when it is
    judged again, nor after a person has resolved what it found.
    """
    judged = _judged(history)
    if latest is not None and latest.is_open:
        return _of_open(latest, judged, rules)
    seen = latest.last_day if latest is not None else dt.date.min
    new = [j for j in judged if j.day > seen]
    if not new or new[-1].outcome is not Outcome.FIRING:
        return Move.NOTHING
    if latest is not None and new[-1].day <= _reopens_until(latest, new, rules):
        return Move.REOPEN
    recent = new[-rules.of_days :]
    enough = len(_firing(recent)) >= rules.firing_days
    return Move.OPEN if enough or new[-1].level is Level.CRITICAL else Move.NOTHING


def began(latest: Incident | None, history: Iterable[Judged], rules: Rules) -> dt.date:
    """The first of the firing days that open an incident now; `move` must have said so."""
    seen = latest.last_day if latest is not None else dt.date.min
    new = [j for j in _judged(history) if j.day > seen]
    return _firing(new[-rules.of_days :])[0].day


def lasting_level(history: Iterable[Judged], rules: Rules) -> Level:
    """The gravest level of the latest judged days: a level is gone after `close_after_days`.

    A priority that is made of it rises at once, and falls only when what was worse has been gone
    for so long.
    """
    recent = _judged(history)[-rules.close_after_days :]
    return worst(j.level for j in _firing(recent))


def is_lower(history: Iterable[Judged], rules: Rules) -> bool:
    """Whether the latest judged days are less grave than those before them."""
    judged = _judged(history)
    before = worst(j.level for j in _firing(judged[: -rules.close_after_days]))
    now = lasting_level(judged, rules)
    return before is not now and worst([before, now]) is before


def reference(dedup_key: str, opened_on: dt.date, taken: Container[str] = ()) -> str:
    """The short name of the incident that a day opens; the next free one where it is taken.

    >>> reference("NLAWRZ6KIDOUOBY7WHYCSGHDT5", dt.date(2026, 2, 1))
    'MD-27ACF9'
    """
    attempt = 0
    while True:
        suffix = f"|{attempt}" if attempt else ""
        text = f"{dedup_key}|{opened_on.isoformat()}{suffix}"
        ref = f"MD-{hashlib.sha256(text.encode()).hexdigest()[:6].upper()}"
        if ref not in taken:
            return ref
        attempt += 1


def _judged(history: Iterable[Judged]) -> list[Judged]:
    return sorted(j for j in history if j.outcome is not Outcome.UNKNOWN)


def _firing(judged: Sequence[Judged]) -> list[Judged]:
    return [j for j in judged if j.outcome is Outcome.FIRING]


def _of_open(latest: Incident, judged: Sequence[Judged], rules: Rules) -> Move:
    """Clear days count from the present only: a history that ends before says nothing of it."""
    recent = judged[-rules.close_after_days :]
    is_present = bool(judged) and judged[-1].day >= latest.last_day
    is_clear = len(recent) == rules.close_after_days and not _firing(recent)
    return Move.RESOLVE if is_present and is_clear else Move.STAY


def _reopens_until(latest: Incident, new: Sequence[Judged], rules: Rules) -> dt.date:
    """The last day that may still reopen a resolved incident.

    Counted in days of the cause's own history, which labels may delay by months, from the clear
    day that ended it or would have. Where a person ended it before such a day, from then.
    """
    clear: list[Judged] = []
    for judged in new:
        clear = [] if judged.outcome is Outcome.FIRING else [*clear, judged]
        if len(clear) == rules.close_after_days:
            ended = judged.day
            break
    else:
        ended = max(
            latest.last_day, latest.resolved_at.date() if latest.resolved_at else dt.date.min
        )
    return ended + dt.timedelta(days=rules.reopen_within_days)
