"""Changes: what becomes of an incident by a day's finding, as new incidents and their events.

Each function returns the incident as it is then, and what its timeline tells; where nothing has
changed, the same incident and nothing. What people do is `acts`, which change is due `lifecycle`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, replace

from monitoring_dagster.incidents import flapping, merging
from monitoring_dagster.incidents.calling import URGENT, Change, heard, revised, weighed
from monitoring_dagster.incidents.cause import Cause
from monitoring_dagster.incidents.incident import (
    SYSTEM,
    Context,
    Event,
    EventKind,
    Incident,
    Outcome,
    Priority,
    Signal,
    Status,
)
from monitoring_dagster.incidents.lifecycle import (
    GONE_AFTER,
    Judged,
    Rules,
    is_lower,
    is_same_episode,
)
from monitoring_dagster.incidents.silences import Mute

__all__ = ["SYSTEM", "URGENT", "Change", "Finding"]

IT_FLAPS = (
    f"more than {flapping.MOST} changes within {flapping.DAYS} days: only its message is kept up "
    "to date from now on"
)


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
        is_flapping=is_flapping,
        is_late=finding.is_late,
        signals=finding.signals,
        context=finding.context,
    )
    incident = heard(incident, at) if _is_heard(finding, mute) else incident
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
    that was there: a signal, or a graver level. What an older day says changes signals only, and
    one of an earlier episode nothing. `history` may hold later days than that of the finding.
    """
    history = list(history)
    if not is_same_episode(finding.day, incident.since, history, rules):
        return incident, []
    signals = merging.merged(
        incident.signals, finding.signals, finding.day, finding.outcome, unjudged=finding.unjudged
    )
    after = replace(incident, signals=signals)
    if finding.outcome is Outcome.FIRING:
        after = replace(after, since=min(incident.since, finding.day))
        if finding.day >= incident.last_day:
            after = _present(after, finding, history, rules, mute, at)
    after = revised(incident, after, at)
    return after, _stay_events(incident, after, finding, at)


def resolved(incident: Incident, rules: Rules, at: dt.datetime) -> Change:
    """An open incident whose cause has been clear for long enough."""
    return ended(incident, f"{_in_a_row(rules.close_after_days)} without a finding", SYSTEM, at)


def gone(incident: Incident, rules: Rules, at: dt.datetime) -> Change:
    """An open incident of a part of the traffic that does not come any more."""
    days = _in_a_row(GONE_AFTER * rules.close_after_days)
    return ended(incident, f"not there any more: {days} without a verdict on it", SYSTEM, at)


def ended(incident: Incident, because: str, actor: str, at: dt.datetime) -> Change:
    """An open incident that is over, whoever ended it."""
    if not incident.is_open:
        return incident, []
    after = replace(
        incident,
        status=Status.RESOLVED,
        resolved_at=at,
        resolved_because=because,
        resolved_by=actor,
        snoozed_until=None,
        muted_since=None,
        signals=merging.cleared(incident.signals),
    )
    return revised(incident, after, at), [_event(at, EventKind.RESOLVED, because, actor)]


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
        alerted_at=None,
        told=None,
        calls=0,
        muted_since=None,
        reopened=incident.reopened + 1,
        acknowledged_at=None,
        acknowledged_by=None,
        snoozed_until=None,
        resolved_at=None,
        resolved_because=None,
        resolved_by=None,
        is_late=finding.is_late,
        escalations=0,
        reminders=0,
        signals=merging.merged(incident.signals, finding.signals, finding.day, finding.outcome),
    )
    after = heard(after, at) if _is_heard(finding, mute) else after
    text = f"{finding.priority}: {finding.title}"
    event = _event(at, EventKind.REOPENED, text)
    return revised(incident, after, at), [event, *_unheard(mute, finding, at)]


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
    after = revised(incident, replace(incident, is_flapping=is_flapping), at)
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
    after = replace(
        after,
        title=finding.title,
        context=finding.context,
        last_day=finding.day,
        is_late=after.is_late and finding.is_late,
    )
    priority = _priority(after, finding, history, rules)
    return weighed(after, priority, mute=mute, is_late=finding.is_late, at=at)


def _priority(
    incident: Incident, finding: Finding, history: Iterable[Judged], rules: Rules
) -> Priority:
    if finding.priority <= incident.priority:
        return finding.priority
    silent = [s for s in incident.signals if merging.is_long_gone(s, finding.day, 0)]
    if not all(merging.is_long_gone(s, finding.day, rules.close_after_days) for s in silent):
        return incident.priority
    since = [j for j in history if incident.since <= j.day <= finding.day]
    return finding.priority if silent or is_lower(since, rules) else incident.priority


def _is_heard(finding: Finding, mute: Mute | None) -> bool:
    """Whether people are owed a message: not of what is old, minor or muted."""
    return mute is None and not finding.is_late and finding.priority is not Priority.P4


def _in_a_row(days: int) -> str:
    return "a judged day" if days == 1 else f"{days} judged days in a row"


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
        text = f"{before.priority} → {after.priority}: {after.title}"
        is_asked_anew = before.status is not after.status
        anew = "; it has to be acknowledged anew" if is_asked_anew else ""
        events.append(_event(at, kind, text + anew))
    for cause, count in merging.newly_explained(before.signals, after.signals).items():
        what = "a signal is" if count == 1 else f"{count} signals are"
        events.append(_event(at, EventKind.SUPPRESSED, f"{what} explained by {cause}"))
    if finding.day < before.last_day:
        text = f"{finding.day} was judged again: {finding.outcome}"
        events.append(_event(at, EventKind.REVISED, text))
    return events


def _event(at: dt.datetime, kind: EventKind, text: str, actor: str = SYSTEM) -> Event:
    return Event(at, kind, actor, text)
