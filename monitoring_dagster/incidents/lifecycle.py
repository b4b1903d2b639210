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
from monitoring_dagster.incidents.incident import SYSTEM, Incident, Outcome
from monitoring_dagster.incidents.subjects import worst

FACTS = BREAKS | {CauseKind.MONITORING}
"""Causes that one day proves, and one day ends."""


GONE_AFTER = 4
"""Times `close_after_days`: so many absent days in a row, and the cause is gone for good.

More than for an end by clear days, since a part of the traffic may rest for a week."""


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
    GONE = "gone"
    REOPEN = "reopen"


@dataclass(frozen=True, slots=True)
class Rules:
    """When one cause's incidents begin and end; all in judged days but the last.

    Args:
        firing_days: so many firing days open an incident,
        of_days: among so many of the latest judged ones; one that is critical does by itself.
        close_after_days: so many clear days in a row end it; and `GONE_AFTER` times as many
            days of the whole traffic without a verdict on what it is about.
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


def move(
    latest: Incident | None,
    history: Iterable[Judged],
    rules: Rules,
    *,
    later: Iterable[Judged] = (),
) -> Move:
    """What the history of a cause means for its latest incident, open or resolved.

    Args:
        latest: None where the cause never had one.
        history: what days up to the one in question said, in any order, each once. Days that say
            nothing (`unknown`) neither count nor interrupt.
        rules: `Rules.of` the cause.
        later: what days after the one in question have said so far; asked for only where it may
            be that days were corrected.

    A day that an incident has already seen neither opens nor reopens anything: not when it is
    judged again, nor after a person has resolved what it found. With one exception: where clear
    days ended it, and these are found to fire after all.
    """
    history = sorted(history)
    judged = _judged(history)
    if latest is not None and latest.is_open:
        return Move.GONE if _is_gone(latest, history, rules) else _of_open(latest, judged, rules)
    seen = latest.last_day if latest is not None else dt.date.min
    new = [j for j in judged if j.day > seen]
    if latest is not None and not new and _is_taken_back(latest, history, later):
        return Move.REOPEN
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


def is_same_episode(day: dt.date, since: dt.date, history: Iterable[Judged], rules: Rules) -> bool:
    """Whether what fired on a day lasted until `since`: nothing between them would have ended it.

    Args:
        day: the day, which may be as late as it likes.
        since: the first day of an incident.
        history: what the days between them said, among others.
        rules: `Rules.of` the cause.
    """
    clear = 0
    for judged in _judged(j for j in history if day < j.day < since):
        clear = 0 if judged.outcome is Outcome.FIRING else clear + 1
        if clear >= rules.close_after_days:
            return False
    return True


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
    return sorted(j for j in history if j.outcome.is_judged)


def _firing(judged: Sequence[Judged]) -> list[Judged]:
    return [j for j in judged if j.outcome is Outcome.FIRING]


def _is_gone(latest: Incident, history: Sequence[Judged], rules: Rules) -> bool:
    """Whether the latest days judge the whole, and know nothing of what the cause is about."""
    told = [j for j in history if j.outcome is not Outcome.UNKNOWN]
    wanted = GONE_AFTER * rules.close_after_days
    lately = told[-wanted:]
    is_absent = len(lately) == wanted and all(j.outcome is Outcome.ABSENT for j in lately)
    return is_absent and lately[0].day > latest.last_day


def _is_taken_back(latest: Incident, history: Sequence[Judged], later: Iterable[Judged]) -> bool:
    """Whether the days that ended it were corrected: the day in question fires, and is the last."""
    if latest.resolved_by != SYSTEM or any(j.outcome is not Outcome.UNKNOWN for j in later):
        return False
    return bool(history) and history[-1].outcome is Outcome.FIRING


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
