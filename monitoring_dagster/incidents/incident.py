"""The incident: what people deal with, and everything that a message about it may say.

Only shapes. How verdicts become incidents is `grouping` and `lifecycle`, who hears of them and
when `owed`, where they are kept `desk`.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from enum import StrEnum

from monitoring_dagster.decisions.verdict import Cost, Level
from monitoring_dagster.incidents.cause import Cause

SYSTEM = "monitoring-dagster"
"""The actor of what no person did."""


class Status(StrEnum):
    """Where an incident stands."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


class Priority(StrEnum):
    """How soon somebody has to look: P1 now, P2 in today's hours, P3 this week, P4 some time."""

    P1 = "P1"
    P2 = "P2"
    P3 = "P3"
    P4 = "P4"


class SignalState(StrEnum):
    """Whether a signal counts: it fires, it has stopped, or something upstream explains it."""

    FIRING = "firing"
    CLEARED = "cleared"
    SUPPRESSED = "suppressed"


class EventKind(StrEnum):
    """What can happen to an incident."""

    OPENED = "opened"
    WORSENED = "worsened"
    EASED = "eased"
    SUPPRESSED = "suppressed"
    REVISED = "revised"
    REOPENED = "reopened"
    RESOLVED = "resolved"
    FLAPPING = "flapping"
    ACKNOWLEDGED = "acknowledged"
    SNOOZED = "snoozed"
    SILENCED = "silenced"
    SILENCE_ENDED = "silence_ended"
    ESCALATED = "escalated"
    REMINDED = "reminded"
    RETRAINING = "retraining"


class NextStep(StrEnum):
    """What to do first."""

    FIX_DATA = "fix the data"
    RETRAIN = "retrain"
    WAIT = "wait"
    INVESTIGATE = "investigate"
    FIX_SERVICE = "fix the service"
    FIX_MONITORING = "fix the monitoring"
    ACCEPT = "accept as the new normal"
    APPROVE = "approve or reject"
    ROLL_BACK = "roll back"


@dataclass(frozen=True, slots=True)
class Signal:
    """One verdict's subject within an incident, from its first day to its last.

    `subject` is `decisions.verdict.Subject.key`. Of days that differ the latest is told.
    `suppressed_by` says which cause upstream explains it, where one does.
    """

    subject: str
    state: SignalState
    level: Level
    reason: str
    text: str
    first_day: dt.date
    last_day: dt.date
    effect: float | None = None
    impact: float | None = None
    cost: Cost | None = None
    suppressed_by: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """A place where more is to be seen: what it is, and its URL."""

    text: str
    url: str


@dataclass(frozen=True, slots=True)
class Context:
    """What somebody who is called needs to know, in sentences and figures.

    Every text may hold what came from telemetry: whoever shows it has to escape it.

    Args:
        what: one sentence: what is wrong.
        how_sure: one sentence: why it is not chance.
        how_large: one sentence: the effect, in the words of the metric.
        cost: per day of the monitor's shortfall, where an objective names one.
        columns: top columns by impact, the worst first, each a short text.
        segments: top segments by impact, the worst first.
        checks: failed quality checks of the same days.
        versions: what else changed: model, configuration, schema; each a short text.
        trend: the leading metric day by day, oldest first, for the picture.
        trend_of: what `trend` shows, with its unit; empty without a picture.
        trend_limit: the objective or threshold that the trend is held against.
        next_step: what to do first.
        next_step_because: why that.
        links: to Dagster, the report, the registry, the runbook.
        details: further facts by name, shown as they are.
    """

    what: str = ""
    how_sure: str = ""
    how_large: str = ""
    cost: Cost | None = None
    columns: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()
    trend: tuple[tuple[dt.date, float], ...] = ()
    trend_of: str = ""
    trend_limit: float | None = None
    next_step: NextStep = NextStep.INVESTIGATE
    next_step_because: str = ""
    links: tuple[Link, ...] = ()
    details: tuple[tuple[str, str], ...] = ()


class Outcome(StrEnum):
    """What one day says of one cause.

    `absent` says more than `unknown`: the whole traffic was judged, and of the part that the cause
    is about there is not even a verdict.
    """

    FIRING = "firing"
    CLEAR = "clear"
    UNKNOWN = "unknown"
    ABSENT = "absent"

    @property
    def is_judged(self) -> bool:
        """Whether the day says that the cause fires, or that it does not."""
        return self in (Outcome.FIRING, Outcome.CLEAR)


@dataclass(frozen=True, slots=True)
class CauseOfDay:
    """One cause on one day, with everything that fires because of it or is suppressed by it."""

    cause: Cause
    level: Level
    signals: tuple[Signal, ...]


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to an incident, as its timeline tells it."""

    at: dt.datetime
    kind: EventKind
    actor: str
    text: str


@dataclass(frozen=True, slots=True)
class Incident:
    """One cause of one monitor, from when it was opened to when it was resolved.

    Args:
        ref: short name for people, such as `MD-7F3A9C`; unique.
        since: first day on which it fired; `last_day` is the last.
        opened_at: instant at which it was known.
        alerted_at: instant since which people are owed a message: when it was opened or came
            back, got worse, or a silence ended; None while nobody is called for it.
        told: the priority that people were called for, or have seen it fall to; None while
            nobody was. A graver one has still to be told.
        calls: how often people were called anew since it was opened or came back: because it got
            worse, or because a silence ended. Escalations and reminders begin anew with each.
        muted_since: instant from which something was kept from people who had been told of it;
            None where they know as much as there is to know.
        reopened: how often it came back after it was resolved.
        is_late: it was found in days so old that nobody is called for it; told in a digest.
        resolved_by: who ended it: a person, or `SYSTEM`.
        escalations: how many levels of the escalation chain have been told since the last call.
        reminders: how many reminders have been sent since then.
        revision: raised with every change that a message should show.
        retraining: one sentence on what is done about it by training anew, or why nothing is;
            empty where that is no question.
    """

    ref: str
    monitor: str
    cause: Cause
    status: Status
    priority: Priority
    title: str
    since: dt.date
    last_day: dt.date
    opened_at: dt.datetime
    updated_at: dt.datetime
    alerted_at: dt.datetime | None = None
    told: Priority | None = None
    calls: int = 0
    muted_since: dt.datetime | None = None
    reopened: int = 0
    acknowledged_at: dt.datetime | None = None
    acknowledged_by: str | None = None
    snoozed_until: dt.datetime | None = None
    resolved_at: dt.datetime | None = None
    resolved_because: str | None = None
    resolved_by: str | None = None
    is_flapping: bool = False
    is_late: bool = False
    escalations: int = 0
    reminders: int = 0
    revision: int = 1
    signals: tuple[Signal, ...] = ()
    context: Context = field(default_factory=Context)
    retraining: str = ""

    @property
    def is_open(self) -> bool:
        """Whether it is not resolved."""
        return self.status is not Status.RESOLVED
