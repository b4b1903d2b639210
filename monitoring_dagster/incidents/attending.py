"""Attending: what time alone brings to a monitor's incidents.

Silences and snoozes end, somebody has to be called who was not, an incident nobody has answered is
brought to mind. Asked as often as one likes: it follows from the incidents and the clock.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence

import sqlalchemy as sa

from monitoring_dagster.incidents import calling, escalation
from monitoring_dagster.incidents.audience import Audience
from monitoring_dagster.incidents.calling import Change
from monitoring_dagster.incidents.desk import Desk, Handled
from monitoring_dagster.incidents.escalation import Due
from monitoring_dagster.incidents.incident import SYSTEM, Event, Incident
from monitoring_dagster.store import cause_days, storms
from monitoring_dagster.store import silences as kept_silences


def attend(desk: Desk) -> None:
    """Do what is due at the desk's instant."""
    _end_silences(desk)
    for handled, incident, events in _due(desk):
        desk.change(handled, incident, events)


def is_due(desk: Desk) -> bool:
    """Whether `attend` would do anything; nothing is written."""
    is_any_over = any(silence.ends_at <= desk.now for silence in desk.silences)
    return is_any_over or next(_due(desk), None) is not None


def _due(desk: Desk) -> Iterator[tuple[Handled, Incident, list[Event]]]:
    """What becomes of which incidents by time alone; those that stay as they are left out."""
    timelines = desk.timelines()
    in_storms = storms.members(desk.connection, desk.monitor.name)
    for handled in desk.open():
        # Of what a storm has brought people are reminded together: `gathered`.
        timeline = None if handled.id in in_storms else timelines.get(handled.id, [])
        incident, events = _after(desk, handled, timeline)
        if events or incident != handled.incident:
            yield handled, incident, events


def _after(desk: Desk, handled: Handled, timeline: Sequence[Event] | None) -> Change:
    """What becomes of an incident by time; without a timeline it is not brought to mind by itself.

    What is muted is only marked, if something is kept from people.
    """
    incident, now, mute = handled.incident, desk.now, desk.mute(handled.incident)
    if mute is not None:
        would_be = _calls(desk, handled, incident, timeline)
        return calling.kept_back(incident, mute, now, is_due=bool(would_be)), []
    events: list[Event] = []
    is_known = incident.alerted_at is not None
    if calling.waits(incident, now) and not (is_known and _is_stale(desk, handled)):
        incident, events = calling.called(incident, "nothing mutes it any more", now)
    for what in _calls(desk, handled, incident, timeline):
        incident, said = escalation.told(incident, what, now)
        events = [*events, *said]
    return incident, events


def _calls(
    desk: Desk, handled: Handled, incident: Incident, timeline: Sequence[Event] | None
) -> list[Due]:
    """What would be due if nothing muted it."""
    if timeline is None:
        return []
    due = escalation.due(incident, timeline, desk.monitor, desk.now, mute=None)
    return [] if due and _is_stale(desk, handled) else due


def _is_stale(desk: Desk, handled: Handled) -> bool:
    return is_stale(desk.connection, desk.monitor, handled.incident, handled.key, desk.now)


def is_stale(
    connection: sa.Connection, monitor: Audience, incident: Incident, key: str, now: dt.datetime
) -> bool:
    """Whether it is of days long over, and none was judged since (`escalation.is_stale`).

    Args:
        connection: asked for the cause's days only where the incident's own last day is old.
        monitor: whose incident it is.
        incident: as it stands.
        key: the identity under which it is kept.
        now: the instant.
    """
    if not escalation.is_stale(incident, monitor, incident.last_day, now):
        return False
    judged_until = cause_days.latest(connection, monitor.name, key)
    last = max(judged_until or incident.last_day, incident.last_day)
    return escalation.is_stale(incident, monitor, last, now)


def _end_silences(desk: Desk) -> None:
    """Silences that are over: they belong to all monitors, and the first to come writes it down."""
    for silence in desk.silences:
        if silence.ends_at <= desk.now and kept_silences.end(desk.connection, silence.id, desk.now):
            about = {"monitor": silence.monitor, "cause": silence.cause}
            desk.note("silence.ended", f"silence-{silence.id}", SYSTEM, about)
    desk.silences = [s for s in desk.silences if s.ends_at > desk.now]
