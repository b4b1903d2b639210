"""Watching: what the watchdog's alarms do to the incidents of one audience.

An alarm that is there has one open incident, one that is gone has none. When there is an alarm is
`watchdog`; how often it is looked is nobody's business here.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from monitoring_dagster.incidents import calling, changes, lifecycle, silences
from monitoring_dagster.incidents.alarms import Alarm, Check
from monitoring_dagster.incidents.cause import CauseKind
from monitoring_dagster.incidents.changes import SYSTEM, Change, Finding
from monitoring_dagster.incidents.desk import Desk, Handled
from monitoring_dagster.incidents.flapping import MOST
from monitoring_dagster.incidents.hours import A_DAY
from monitoring_dagster.incidents.incident import Event, EventKind, Incident, Outcome
from monitoring_dagster.incidents.silences import Mute
from monitoring_dagster.store import incidents

_TURNS = (EventKind.OPENED, EventKind.RESOLVED, EventKind.REOPENED)


@dataclass(frozen=True, slots=True)
class Settled:
    """Names of the incidents that were opened or came back, and of those that are over."""

    opened: tuple[str, ...] = ()
    resolved: tuple[str, ...] = ()


def settle(desk: Desk, alarms: Sequence[Alarm]) -> Settled:
    """Bring the audience's incidents in line with its alarms; twice is once."""
    today = desk.now.astimezone(desk.monitor.zone).date()
    by_key = {desk.key(alarm.cause): alarm for alarm in alarms}
    opened = [ref for key, alarm in by_key.items() if (ref := _raise(desk, key, alarm, today))]
    return Settled(tuple(opened), tuple(_clear(desk, set(by_key))))


def _raise(desk: Desk, key: str, alarm: Alarm, today: dt.date) -> str | None:
    """Make sure that the alarm has an open incident; its name where it had none."""
    latest = desk.latest(key)
    if latest is not None and latest.incident.is_open:
        _change(
            desk,
            latest,
            refreshed(latest.incident, alarm, today, desk.mute(latest.incident), desk.now),
        )
        return None
    if latest is None or not _comes_back(desk, latest.incident):
        ref = lifecycle.reference(key, today, incidents.Refs(desk.connection))
        mute = silences.muted_cause(alarm.cause, desk.silences, desk.monitor, desk.now)
        desk.add(
            *changes.opened(
                ref,
                desk.monitor.name,
                alarm.cause,
                _finding(alarm, today),
                (),
                since=alarm.since,
                mute=mute,
                at=desk.now,
            )
        )
        return ref
    if _was_waved_away(desk, latest, today):
        return None
    before = latest.incident
    mute = desk.mute(before)
    _change(desk, latest, changes.reopened(before, _finding(alarm, today), mute=mute, at=desk.now))
    return before.ref


def _clear(desk: Desk, wanted: set[str]) -> Iterable[str]:
    """End the watchdog's incidents whose alarm is gone; their names."""
    for handled in desk.open():
        cause = handled.incident.cause
        is_ours = cause.kind is CauseKind.MONITORING and cause.name in set(Check)
        if is_ours and desk.key(cause) not in wanted:
            ended = changes.ended(handled.incident, "nothing is wrong any more", SYSTEM, desk.now)
            _change(desk, handled, ended)
            yield handled.incident.ref


def refreshed(
    incident: Incident, alarm: Alarm, today: dt.date, mute: Mute | None, at: dt.datetime
) -> Change:
    """An open incident as its alarm is now; itself where people would see no difference."""
    after = replace(
        incident,
        title=alarm.title,
        since=min(incident.since, alarm.since),
        last_day=max(incident.last_day, today),
        context=alarm.context,
    )
    after = calling.weighed(after, alarm.priority, mute=mute, is_late=False, at=at)
    if after == incident:
        return incident, []
    events: list[Event] = []
    if after.priority != incident.priority:
        kind = EventKind.WORSENED if after.priority < incident.priority else EventKind.EASED
        text = f"{incident.priority} → {after.priority}: {after.title}"
        events.append(Event(at, kind, SYSTEM, text))
    return replace(after, updated_at=at, revision=incident.revision + 1), events


def flaps(events: Iterable[Event], now: dt.datetime, *, was: bool) -> bool:
    """Whether it came and went too often within a day for anybody to be told each time."""
    turns = sum(event.kind in _TURNS and event.at > now - A_DAY for event in events)
    return turns > (1 if was else MOST)


def _change(desk: Desk, handled: Handled, change: Change) -> None:
    """Write the change down, with whether it has come to flap or has stopped to."""
    after, told = change
    was = after.is_flapping
    timeline = [*desk.events(handled.id), *told]
    if flaps(timeline, desk.now, was=was) is not was:
        text = "it comes and goes: only its message is kept up to date from now on"
        text = "it has come to rest" if was else text
        after = replace(after, is_flapping=not was, updated_at=desk.now)
        after = replace(after, revision=handled.incident.revision + 1)
        told = [*told, Event(desk.now, EventKind.FLAPPING, SYSTEM, text)]
    desk.change(handled, after, told)


def _finding(alarm: Alarm, today: dt.date) -> Finding:
    return Finding(today, Outcome.FIRING, (), alarm.priority, alarm.title, alarm.context)


def _comes_back(desk: Desk, resolved: Incident) -> bool:
    """Whether it ended so lately that it is the same incident again."""
    window = desk.monitor.alerting.reopen_within_days * A_DAY
    return resolved.resolved_at is not None and desk.now - resolved.resolved_at < window


def _was_waved_away(desk: Desk, latest: Handled, today: dt.date) -> bool:
    """Whether a person ended it on a day that it has seen: that holds for the rest of the day."""
    ends = [e.actor for e in desk.events(latest.id) if e.kind is EventKind.RESOLVED]
    return bool(ends) and ends[-1] != SYSTEM and latest.incident.last_day >= today
