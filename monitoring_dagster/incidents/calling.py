"""Calling: when people are called for an incident, when anew, and what is kept from them meanwhile.

As in `changes`, of which it is a part: incidents in, incidents and events out. Which messages
follow is `owed`; who is called because nobody has answered is `escalation`.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from monitoring_dagster.incidents.incident import (
    SYSTEM,
    Event,
    EventKind,
    Incident,
    Priority,
    Status,
)
from monitoring_dagster.incidents.silences import Mute

URGENT = (Priority.P1, Priority.P2)
"""Priorities that somebody has to answer within hours."""

Change = tuple[Incident, list[Event]]


def heard(incident: Incident, at: dt.datetime) -> Incident:
    """People are called for it for the first time since it was opened or came back."""
    return replace(incident, alerted_at=at, told=incident.priority)


def weighed(
    incident: Incident, priority: Priority, *, mute: Mute | None, is_late: bool, at: dt.datetime
) -> Incident:
    """An open incident with the priority that a day gives it, and people called if that is due.

    They are called for an incident that they have not heard of, and anew for one that has become
    urgent, or more urgent, than they were told: then it has to be acknowledged anew, too. What is
    found in a day that is too old raises the priority, and calls nobody for it; what rises while
    it is muted is told when that ends.
    """
    is_heard = mute is None and not is_late and priority is not Priority.P4
    if incident.alerted_at is None:
        # What was minor stays so for people until a fresh day says more.
        is_late = incident.is_late or (is_late and incident.priority is Priority.P4)
        after = replace(incident, priority=priority, is_late=is_late)
        return heard(after, at) if is_heard else after
    after = replace(incident, priority=priority, told=incident.told or incident.priority)
    if not _has_risen(after):
        return replace(after, told=priority)
    if is_heard:
        return _called_anew(after, at)
    is_kept_back = mute is not None and not is_late
    return replace(after, muted_since=incident.muted_since or at) if is_kept_back else after


def kept_back(incident: Incident, mute: Mute, at: dt.datetime, *, is_due: bool) -> Incident:
    """A muted incident, with that something is kept from people: its end has to be told them.

    Who silences or snoozes an incident wants to know what is left of it afterwards. A window of
    maintenance comes every week: its end is told only if something would have been said in it.

    Args:
        incident: as it stands.
        mute: why nobody is called.
        at: the instant.
        is_due: whether something would be said now.
    """
    was_told = incident.alerted_at is not None and incident.priority is not Priority.P4
    if incident.status is not Status.OPEN or not was_told or incident.muted_since is not None:
        return incident
    is_told = is_due or not mute.is_planned
    return replace(incident, muted_since=at) if is_told else incident


def waits(incident: Incident, now: dt.datetime) -> bool:
    """Whether something has to be said of it, or written down, as soon as nothing mutes it.

    People have not heard of it, something was kept from them, or its snooze is over.
    """
    if not incident.is_open:
        return False
    has_woken = incident.snoozed_until is not None and incident.snoozed_until <= now
    return has_woken or incident.muted_since is not None or _is_unheard(incident)


def called(incident: Incident, because: str, at: dt.datetime) -> Change:
    """An open incident at the end of a silence, a window or a snooze: from now on it calls.

    `because` says what has ended. Deadlines count from now. Of one that somebody deals with
    nothing is said, unless it has become urgent meanwhile: that has to be acknowledged anew.
    """
    if not incident.is_open:
        return incident, []
    after = replace(incident, snoozed_until=None, muted_since=None)
    if _is_unheard(incident):
        after = heard(after, at)
    elif incident.alerted_at is not None and incident.priority is not Priority.P4:
        is_answered = incident.status is Status.ACKNOWLEDGED and not _has_risen(incident)
        after = after if is_answered else _called_anew(after, at)
    if after == incident:
        return incident, []
    return revised(incident, after, at), [Event(at, EventKind.SILENCE_ENDED, SYSTEM, because)]


def revised(before: Incident, after: Incident, at: dt.datetime) -> Incident:
    """`after` with its times, and with a new revision if a message would show the change."""
    if after == before:
        return before
    unseen = replace(
        after,
        alerted_at=before.alerted_at,
        told=before.told,
        calls=before.calls,
        muted_since=before.muted_since,
        escalations=before.escalations,
        reminders=before.reminders,
    )
    return replace(after, updated_at=at, revision=before.revision + (unseen != before))


def _is_unheard(incident: Incident) -> bool:
    """Whether nobody was called for it although somebody has to be."""
    is_minor = incident.is_late or incident.priority is Priority.P4
    return incident.alerted_at is None and not is_minor


def _has_risen(incident: Incident) -> bool:
    """Whether it is urgent, and graver than people were told."""
    known = incident.told or incident.priority
    return incident.priority in URGENT and incident.priority < known


def _called_anew(incident: Incident, at: dt.datetime) -> Incident:
    """People are called for it once more: everything that they have to do counts from now."""
    return replace(
        incident,
        status=Status.OPEN,
        acknowledged_at=None,
        acknowledged_by=None,
        snoozed_until=None,
        muted_since=None,
        alerted_at=at,
        told=incident.priority,
        calls=incident.calls + 1,
        escalations=0,
        reminders=0,
    )
