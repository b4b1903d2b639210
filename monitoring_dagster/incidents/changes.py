"""Changes: what becomes of an incident by a day's finding, as new incidents and their events.

Each function returns the incident as it is then, and what its timeline tells; where nothing has
changed, the same incident and nothing. What people do is `acts`, which change is due `lifecycle`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, replace

from monitoring_dagster.incidents import flapping, merging
from monitoring_dagster.incidents.cause import Cause
from monitoring_dagster.incidents.incident import (
    Context,
    Event,
    EventKind,
    Incident,
    Outcome,
    Priority,
    Signal,
    Status,
)
from monitoring_dagster.incidents.lifecycle import Judged, Rules, is_lower
from monitoring_dagster.incidents.silences import Mute

SYSTEM = "monitoring-dagster"
"""The actor of what no person did."""

URGENT = (Priority.P1, Priority.P2)
"""Priorities that somebody has to answer within hours."""

IT_FLAPS = (
    f"more than {flapping.MOST} changes within {flapping.DAYS} days: only its message is kept up "
    "to date from now on"
)

Change = tuple[Incident, list[Event]]


@dataclass(frozen=True, slots=True)
class Finding:
    """What one day says of one cause, weighed.

    Args:
        day: the day.
        outcome: whether it fires, is clear, or says nothing.
        signals: those that fire on the day or are explained by something upstream.
        priority: what it would have by itself; counts where the day fires.
        title: what is wrong, in a few words.
        context: what else there is to know.
        is_late: whether it was due too long ago to call anybody.
        unjudged: subjects that could not be judged on the day.
    """

    day: dt.date
    outcome: Outcome
    signals: tuple[Signal, ...]
    priority: Priority
    title: str
    context: Context
    is_late: bool = False
    unjudged: frozenset[str] = frozenset()


def opened(
    ref: str,
    monitor: str,
    cause: Cause,
    finding: Finding,
    history: Iterable[Judged],
    *,
    since: dt.date,
    mute: Mute | None,
    at: dt.datetime,
) -> Change:
    """A new incident; `since` is the first of the days that opened it (`lifecycle.began`)."""
    is_flapping = flapping.is_flapping(history, was=False)
    incident = Incident(
        ref=ref,
        monitor=monitor,
        cause=cause,
        status=Status.OPEN,
        priority=finding.priority,
        title=finding.title,
        since=since,
        last_day=finding.day,
        opened_at=at,
        updated_at=at,
        alerted_at=_alerted_at(finding, mute, at),
        is_flapping=is_flapping,
        is_late=finding.is_late,
        signals=finding.signals,
        context=finding.context,
    )
    text = f"{finding.priority}: {finding.title}"
    begun = _event(at, EventKind.OPENED, text)
    marked = [_event(at, EventKind.FLAPPING, IT_FLAPS)] if is_flapping else []
    return incident, [begun, *marked, *_unheard(mute, finding, at)]


def stayed(
    incident: Incident,
    finding: Finding,
    history: Iterable[Judged],
    rules: Rules,
    *,
    mute: Mute | None,
    at: dt.datetime,
) -> Change:
    """An open incident after another day, or after the same day judged again.

    The priority rises at once. It falls only when something has been gone for `close_after_days`
    that was there: a signal, or a graver level. What an older day says changes signals only.
    """
    signals = merging.merged(
        incident.signals, finding.signals, finding.day, finding.outcome, unjudged=finding.unjudged
    )
    after = replace(incident, signals=signals)
    if finding.outcome is Outcome.FIRING:
        after = replace(after, since=min(incident.since, finding.day))
        if finding.day >= incident.last_day:
            after = _present(after, finding, history, rules, mute, at)
    after = _revised(incident, after, at)
    return after, _stay_events(incident, after, finding, at)


def resolved(incident: Incident, rules: Rules, at: dt.datetime) -> Change:
    """An open incident whose cause has been clear for long enough."""
    days = rules.close_after_days
    clear = "a judged day" if days == 1 else f"{days} judged days in a row"
    return ended(incident, f"{clear} without a finding", SYSTEM, at)


def ended(incident: Incident, because: str, actor: str, at: dt.datetime) -> Change:
    """An open incident that is over, whoever ended it."""
    if not incident.is_open:
        return incident, []
    after = replace(
        incident,
        status=Status.RESOLVED,
        resolved_at=at,
        resolved_because=because,
        snoozed_until=None,
        signals=merging.cleared(incident.signals),
    )
    return _revised(incident, after, at), [_event(at, EventKind.RESOLVED, because, actor)]


def reopened(incident: Incident, finding: Finding, *, mute: Mute | None, at: dt.datetime) -> Change:
    """A resolved incident whose cause is back: it has to be acknowledged anew."""
    if incident.is_open:
        return incident, []
    after = replace(
        incident,
        status=Status.OPEN,
        priority=finding.priority,
        title=finding.title,
        context=finding.context,
        last_day=max(incident.last_day, finding.day),
        alerted_at=_alerted_at(finding, mute, at),
        reopened=incident.reopened + 1,
        acknowledged_at=None,
        acknowledged_by=None,
        snoozed_until=None,
        resolved_at=None,
        resolved_because=None,
        is_late=finding.is_late,
        escalations=0,
        reminders=0,
        signals=merging.merged(incident.signals, finding.signals, finding.day, finding.outcome),
    )
    text = f"{finding.priority}: {finding.title}"
    event = _event(at, EventKind.REOPENED, text)
    return _revised(incident, after, at), [event, *_unheard(mute, finding, at)]


def waits(incident: Incident, now: dt.datetime) -> bool:
    """Whether it calls as soon as nothing mutes it: it is unheard of, or its snooze is over."""
    if not incident.is_open:
        return False
    has_woken = incident.snoozed_until is not None and incident.snoozed_until <= now
    is_minor = incident.is_late or incident.priority is Priority.P4
    return has_woken or (incident.alerted_at is None and not is_minor)


def called(incident: Incident, because: str, at: dt.datetime) -> Change:
    """An open incident at the end of a silence, a window or a snooze: from now on it calls.

    `because` says what has ended. Deadlines count from now.
    """
    if not incident.is_open:
        return incident, []
    is_minor = incident.is_late or incident.priority is Priority.P4
    alerted_at = incident.alerted_at if is_minor else at
    after = replace(incident, alerted_at=alerted_at, snoozed_until=None)
    if after == incident:
        return incident, []
    return _revised(incident, after, at), [_event(at, EventKind.SILENCE_ENDED, because)]


def marked(incident: Incident, history: Iterable[Judged], at: dt.datetime) -> Change:
    """An incident that has come to flap, or has stopped to.

    To be asked before it stays, ends or comes back, so that this is not told any more.
    """
    is_flapping = flapping.is_flapping(history, was=incident.is_flapping)
    if is_flapping == incident.is_flapping:
        return incident, []
    text = (
        IT_FLAPS
        if is_flapping
        else f"no change for {flapping.DAYS} days: it does not flap any more"
    )
    after = _revised(incident, replace(incident, is_flapping=is_flapping), at)
    return after, [_event(at, EventKind.FLAPPING, text)]


def _present(
    after: Incident,
    finding: Finding,
    history: Iterable[Judged],
    rules: Rules,
    mute: Mute | None,
    at: dt.datetime,
) -> Incident:
    """What the latest firing day changes beyond the signals."""
    weighed = replace(finding, priority=_priority(after, finding, history, rules))
    is_late = after.is_late and finding.is_late
    has_risen = weighed.priority < after.priority and weighed.priority in URGENT
    alerted_at = after.alerted_at
    if alerted_at is None or has_risen:
        alerted_at = _alerted_at(replace(weighed, is_late=is_late), mute, at) or alerted_at
    return replace(
        after,
        priority=weighed.priority,
        title=finding.title,
        context=finding.context,
        last_day=finding.day,
        is_late=is_late,
        alerted_at=alerted_at,
    )


def _priority(
    incident: Incident, finding: Finding, history: Iterable[Judged], rules: Rules
) -> Priority:
    if finding.priority <= incident.priority:
        return finding.priority
    silent = [s for s in incident.signals if merging.is_long_gone(s, finding.day, 0)]
    if not all(merging.is_long_gone(s, finding.day, rules.close_after_days) for s in silent):
        return incident.priority
    since = [j for j in history if j.day >= incident.since]
    return finding.priority if silent or is_lower(since, rules) else incident.priority


def _alerted_at(finding: Finding, mute: Mute | None, at: dt.datetime) -> dt.datetime | None:
    """Since when people are owed a message: not for what is old, minor or muted."""
    is_heard = mute is None and not finding.is_late and finding.priority is not Priority.P4
    return at if is_heard else None


def _unheard(mute: Mute | None, finding: Finding, at: dt.datetime) -> list[Event]:
    if mute is None or finding.is_late:
        return []
    text = f"nobody is called until {mute.until:%Y-%m-%d %H:%M} UTC: {mute.because}"
    return [_event(at, EventKind.SILENCED, text)]


def _stay_events(
    before: Incident, after: Incident, finding: Finding, at: dt.datetime
) -> list[Event]:
    if after is before:
        return []
    events: list[Event] = []
    if after.priority != before.priority:
        has_risen = after.priority < before.priority
        kind = EventKind.WORSENED if has_risen else EventKind.EASED
        events.append(_event(at, kind, f"{before.priority} → {after.priority}: {after.title}"))
    for cause, count in merging.newly_explained(before.signals, after.signals).items():
        what = "a signal is" if count == 1 else f"{count} signals are"
        events.append(_event(at, EventKind.SUPPRESSED, f"{what} explained by {cause}"))
    if finding.day < before.last_day:
        text = f"{finding.day} was judged again: {finding.outcome}"
        events.append(_event(at, EventKind.REVISED, text))
    return events


def _revised(before: Incident, after: Incident, at: dt.datetime) -> Incident:
    """`after` with its times, and with a new revision if a message would show the change."""
    if after == before:
        return before
    unseen = replace(after, alerted_at=before.alerted_at, reminders=before.reminders)
    return replace(after, updated_at=at, revision=before.revision + (unseen != before))


def _event(at: dt.datetime, kind: EventKind, text: str, actor: str = SYSTEM) -> Event:
    return Event(at, kind, actor, text)
