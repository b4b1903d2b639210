"""Escalation: whom time alone calls: those after the first, when nobody has answered; reminders.

What is due follows from the incident as it is and from the clock. After a downtime the latest of
everything is due, once; what was missed is not made up for, and nothing is due of days long over.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import replace
from enum import StrEnum
from typing import NamedTuple

from monitoring_dagster.decisions.verdict import Level
from monitoring_dagster.incidents.audience import Audience
from monitoring_dagster.incidents.calling import URGENT, Change
from monitoring_dagster.incidents.cause import CauseKind
from monitoring_dagster.incidents.hours import HOUR, deadline
from monitoring_dagster.incidents.incident import (
    SYSTEM,
    CauseOfDay,
    Event,
    EventKind,
    Incident,
    Priority,
    Status,
)
from monitoring_dagster.incidents.lateness import is_late
from monitoring_dagster.incidents.silences import Mute
from monitoring_dagster.monitors.alerting import EscalationStep
from monitoring_dagster.monitors.calendar import taken_at
from monitoring_dagster.monitors.contract import Monitor

REMINDED_AFTER = (4 * HOUR, 24 * HOUR, 72 * HOUR)
"""After the alert, for P1 and P2; then every week. P3 is brought to mind every week."""

WEEK = dt.timedelta(days=7)


class DueKind(StrEnum):
    """What time brings."""

    ESCALATION = "escalation"
    REMINDER = "reminder"


class Due(NamedTuple):
    """Something that time has brought.

    `number` is the level that the escalation reaches (1 is the first step), or which reminder it
    is; `since` the instant from which it was due.
    """

    kind: DueKind
    number: int
    since: dt.datetime


def due(
    incident: Incident,
    events: Iterable[Event],
    monitor: Audience,
    now: dt.datetime,
    *,
    mute: Mute | None,
) -> list[Due]:
    """What is due of an incident: an escalation, or a reminder, or nothing.

    Nothing for incidents that are over, acknowledged, muted, late or flapping, or of which nobody
    is owed a message. An escalation reminds, too: both are never due at once.

    Args:
        incident: as it stands.
        events: its timeline, which says when it was brought to mind last.
        monitor: its escalation steps, deadlines and business hours.
        now: the instant at which it is asked.
        mute: why nobody is called, if so (`silences.muted`).
    """
    alerted_at = incident.alerted_at
    is_quiet = incident.is_late or incident.is_flapping or mute is not None
    if alerted_at is None or is_quiet or incident.status is not Status.OPEN:
        return []
    reached = [
        Due(DueKind.ESCALATION, level, passed)
        for level, step in enumerate(monitor.alerting.escalation, start=1)
        if level > incident.escalations
        and (passed := _deadline(incident.priority, alerted_at, step, monitor)) is not None
        and passed <= now
    ]
    return reached[-1:] or _reminder(incident, alerted_at, events, now)


def is_stale(
    incident: Incident, monitor: Audience, judged_until: dt.date, now: dt.datetime
) -> bool:
    """Whether all that is known of it is so old that nobody is called for it.

    After a replay of old days, or a long downtime, nothing is due of it until a fresh day is
    judged. What is wrong with the monitoring is looked at by the clock, and never stale.

    Args:
        incident: as it stands; its last firing day counts from when that could be known.
        monitor: how old is too old (`alerting.old_after_hours`).
        judged_until: the latest day of which there is a word on its cause, whatever it says.
        now: the instant at which it is asked.
    """
    if incident.cause.kind is CauseKind.MONITORING or not isinstance(monitor, Monitor):
        return False
    last = CauseOfDay(incident.cause, Level.WARN, incident.signals)
    judged_at = taken_at(monitor, judged_until)
    is_past = judged_at + monitor.alerting.old_after < now
    return is_past and is_late(monitor, last, incident.last_day, now)


def told(incident: Incident, what: Due, at: dt.datetime) -> Change:
    """The incident once what is due has been written down as owed."""
    if what.kind is DueKind.REMINDER:
        if what.number <= incident.reminders:
            return incident, []
        after = replace(incident, reminders=what.number, updated_at=at)
        return after, [Event(at, EventKind.REMINDED, SYSTEM, f"reminder {what.number}")]
    if what.number <= incident.escalations:
        return incident, []
    after = replace(
        incident, escalations=what.number, updated_at=at, revision=incident.revision + 1
    )
    text = f"nobody has acknowledged it by {what.since:%Y-%m-%d %H:%M} UTC: step {what.number}"
    return after, [Event(at, EventKind.ESCALATED, SYSTEM, text)]


def _deadline(
    priority: Priority, alerted_at: dt.datetime, step: EscalationStep, monitor: Audience
) -> dt.datetime | None:
    """When the step is due: around the clock for P1, in business hours for P2, else never."""
    alerting = monitor.alerting
    within = alerting.acknowledge_within_hours
    if priority is Priority.P1:
        return alerted_at + (within.p1 + step.after_hours) * HOUR
    if priority is Priority.P2:
        hours = within.p2 + step.after_hours
        return deadline(alerted_at, hours, alerting.business_hours, monitor.zone)
    return None


def _reminder(
    incident: Incident, alerted_at: dt.datetime, events: Iterable[Event], now: dt.datetime
) -> list[Due]:
    since = _latest_slot(incident.priority, alerted_at, now)
    tellings = (EventKind.REMINDED, EventKind.ESCALATED)
    last = max((e.at for e in events if e.kind in tellings), default=alerted_at)
    if since is None or since <= last:
        return []
    return [Due(DueKind.REMINDER, incident.reminders + 1, since)]


def _latest_slot(
    priority: Priority, alerted_at: dt.datetime, now: dt.datetime
) -> dt.datetime | None:
    """The latest instant up to `now` at which a reminder belongs; None before the first."""
    if priority is Priority.P4:
        return None
    first = REMINDED_AFTER if priority in URGENT else (dt.timedelta(),)
    weekly = alerted_at + first[-1]
    weeks = (now - weekly) // WEEK
    if weeks >= 1:
        return weekly + weeks * WEEK
    passed = [alerted_at + after for after in first if after and alerted_at + after <= now]
    return passed[-1] if passed else None
