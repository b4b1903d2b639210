"""Guards: what keeps from training anew although there is a reason; each says so in a sentence.

Pure. The first that refuses is told; what a person may pass over is `OVERRIDABLE`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from monitoring_dagster.incidents.incident import Incident
from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.retraining.action import Action, ActionKind
from monitoring_dagster.retraining.windows import Plan

SWITCH = "MONITORING_DAGSTER_RETRAINING_DISABLED"
"""The environment variable that switches retraining off for a deployment."""

FEWEST_VALIDATION_DAYS = 7
"""Days without which a gate decides by weekdays."""

MOST_EXCLUDED = 0.5
"""Share of a window's days above which what is left of it does not stand for it."""


class Guard(StrEnum):
    """What refuses."""

    DISABLED = "disabled"
    NO_TRAINER = "no_trainer"
    NO_LABELS = "no_labels"
    IN_FLIGHT = "in_flight"
    COOLDOWN = "cooldown"
    BUDGET = "budget"
    BROKEN_DATA = "broken_data"
    CORRUPTED_WINDOW = "corrupted_window"
    FEW_VALIDATION_DAYS = "few_validation_days"
    FEW_LABELS = "few_labels"


OVERRIDABLE = frozenset({Guard.COOLDOWN, Guard.BUDGET})
"""Those that keep machines from training too often; a person who asks has a reason."""


class Refusal(NamedTuple):
    """A guard that refuses, and why."""

    guard: Guard
    text: str


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What guards look at before days are chosen.

    Args:
        document: with the section `retraining`.
        now: the instant at which it is asked.
        is_disabled: whether the deployment's switch is on.
        actions: of the monitor, as far as they were requested by then, the oldest first.
    """

    document: Monitor
    now: dt.datetime
    is_disabled: bool
    actions: Sequence[Action]

    @property
    def today(self) -> dt.date:
        """The day of `now` in the monitor's calendar."""
        return self.local(self.now)

    @property
    def trainings(self) -> list[Action]:
        """The retrainings among the actions."""
        return [a for a in self.actions if a.kind is ActionKind.RETRAINING]

    def local(self, at: dt.datetime) -> dt.date:
        """The day of an instant in the monitor's calendar."""
        return at.astimezone(self.document.zone).date()


def disabled(found: Circumstances) -> Refusal | None:
    """The deployment's switch is on."""
    if not found.is_disabled:
        return None
    return Refusal(Guard.DISABLED, f"retraining is switched off in this deployment ({SWITCH})")


def no_trainer(found: Circumstances) -> Refusal | None:
    """Nobody has said how to train."""
    if found.document.retraining.trainer is not None:
        return None
    return Refusal(Guard.NO_TRAINER, "the monitor names no trainer (`retraining.trainer`)")


def no_labels(found: Circumstances) -> Refusal | None:
    """There is nothing to learn from."""
    if found.document.telemetry.labels is not None:
        return None
    return Refusal(Guard.NO_LABELS, "the monitor has no labels to learn from")


def in_flight(found: Circumstances) -> Refusal | None:
    """Another action of the monitor is under way."""
    action = next((a for a in found.actions if not a.status.is_over), None)
    if action is None:
        return None
    since = found.local(action.requested_at)
    return Refusal(Guard.IN_FLIGHT, f"{action.ref} ({action.kind}) is under way since {since}")


def cooldown(found: Circumstances) -> Refusal | None:
    """The last retraining was decided on too short a time ago, whatever became of it."""
    rest = dt.timedelta(days=found.document.retraining.cooldown_days)
    past = [(a.decided_at or a.requested_at, a) for a in found.trainings]
    decided, last = max(past, key=lambda one: one[0], default=(found.now, None))
    if last is None:
        return None
    until = found.local(decided) + rest
    if found.today >= until:
        return None
    return Refusal(
        Guard.COOLDOWN,
        f"{last.ref} was {last.status.value.replace('_', ' ')} on {found.local(decided)}; the next "
        f"may follow from {until} on (`retraining.cooldown_days`)",
    )


def budget(found: Circumstances) -> Refusal | None:
    """As many were requested in this quarter as are allowed."""
    most = found.document.retraining.per_quarter
    quarter = _quarter(found.today)
    those = [a for a in found.trainings if _quarter(found.local(a.requested_at)) == quarter]
    if len(those) < most:
        return None
    many = "1 retraining is" if most == 1 else f"{most} retrainings are"
    following = _first_of_next(quarter)
    return Refusal(
        Guard.BUDGET,
        f"{many} allowed in a quarter (`retraining.per_quarter`), and the budget of this one is "
        f"used up; the next begins on {following}",
    )


def broken_data(plan: Plan, incidents: Sequence[Incident]) -> Refusal | None:
    """Data is broken, not mended yet, and of days that would be learnt from or judged by.

    As long as it is open nobody knows how far it reaches.
    """
    first, last = plan.span or (dt.date.max, dt.date.min)
    for incident in incidents:
        if incident.since <= last and incident.last_day >= first:
            return Refusal(
                Guard.BROKEN_DATA,
                f"{incident.ref} ({incident.cause}) is open since {incident.since}: data of days "
                f"of the window ({first} to {last}) is broken",
            )
    return None


def corrupted_window(plan: Plan) -> Refusal | None:
    """More of the window is excluded than is left."""
    count = len(plan.excluded)
    if count <= MOST_EXCLUDED * plan.days:
        return None
    return Refusal(
        Guard.CORRUPTED_WINDOW,
        f"{count} of the window's {plan.days} days cannot be used, the last of them "
        f"{plan.excluded[-1].day} ({plan.excluded[-1].because})",
    )


def few_validation_days(plan: Plan) -> Refusal | None:
    """There are too few days to decide on."""
    count = len(plan.validation)
    if count >= FEWEST_VALIDATION_DAYS:
        return None
    left = "1 day is" if count == 1 else f"{count or 'no'} days are"
    return Refusal(
        Guard.FEW_VALIDATION_DAYS,
        f"{left} left to compare on, at least {FEWEST_VALIDATION_DAYS} with final labels that the "
        "champion was not fitted on are needed",
    )


def few_labels(document: Monitor, plan: Plan) -> Refusal | None:
    """There are too few rows to learn from."""
    least = document.retraining.minimum_labels
    if plan.rows >= least:
        return None
    return Refusal(
        Guard.FEW_LABELS,
        f"{plan.rows:,} labelled rows are final and before the days of validation, {least:,} are "
        "needed (`retraining.minimum_labels`)",
    )


BEFORE: Sequence[Callable[[Circumstances], Refusal | None]] = (
    disabled,
    no_trainer,
    no_labels,
    in_flight,
    cooldown,
    budget,
)
"""In the order in which they are asked: what no day can change first."""


def before(found: Circumstances) -> list[Refusal]:
    """What refuses before any day is looked at."""
    return [refusal for guard in BEFORE if (refusal := guard(found)) is not None]


def of_plan(document: Monitor, plan: Plan, incidents: Sequence[Incident]) -> Refusal | None:
    """What refuses because of the days; `incidents` are open, and about broken data."""
    return (
        broken_data(plan, incidents)
        or corrupted_window(plan)
        or few_validation_days(plan)
        or few_labels(document, plan)
    )


def binding(refusals: Collection[Refusal], *, passed_over: Collection[Guard]) -> Refusal | None:
    """The first refusal that is not passed over."""
    return next((r for r in refusals if r.guard not in passed_over), None)


def _quarter(day: dt.date) -> tuple[int, int]:
    """Year and quarter, counted from 0.

    >>> _quarter(dt.date(2026, 3, 31)), _quarter(dt.date(2026, 4, 1))
    ((2026, 0), (2026, 1))
    """
    return day.year, (day.month - 1) // 3


def _first_of_next(quarter: tuple[int, int]) -> dt.date:
    """The first day after a quarter.

    >>> _first_of_next((2026, 3)).isoformat()
    '2027-01-01'
    """
    year, place = quarter
    return dt.date(year + (place == 3), 1 if place == 3 else 3 * place + 4, 1)
