"""Gathered: what time brings to the incidents of a storm, of which people are told together.

None of them escalates or reminds by itself: the digest does, once, as the worst of those that
nobody has answered would. What becomes a storm is decided in `store.storms`.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from monitoring_dagster.incidents import escalation, rows, silences
from monitoring_dagster.incidents.attending import is_stale
from monitoring_dagster.incidents.audience import Audience
from monitoring_dagster.incidents.changes import SYSTEM, URGENT
from monitoring_dagster.incidents.escalation import Due, DueKind
from monitoring_dagster.incidents.incident import Event, EventKind, Incident, Priority, Status
from monitoring_dagster.incidents.owed import Kind, slack_mention
from monitoring_dagster.incidents.silences import Silence
from monitoring_dagster.store import incidents, outbox, storms
from monitoring_dagster.store.audit import Entry, append
from monitoring_dagster.store.storms import Storm

RISEN = 0
"""The level of a call that says that a storm has become worse; escalations count from 1."""


@dataclass(frozen=True, slots=True)
class Call:
    """One message about all of a storm that nobody has answered.

    Args:
        kind: an escalation or a reminder.
        level: of the escalation; `RISEN` where the storm has become worse, and of a reminder.
        priority: the worst of what nobody has answered.
        headline: what is said.
        lines: and below it.
        mention: who is called, as Slack writes it.
        destination: where it is said; empty for the digest's own place.
        refs: the incidents that it is about.
    """

    kind: Kind
    level: int
    priority: Priority
    headline: str
    lines: tuple[str, ...]
    mention: str
    destination: str
    refs: tuple[str, ...]


def attend(
    connection: sa.Connection,
    audience: Callable[[str], Audience],
    standing: Iterable[Silence],
    now: dt.datetime,
    written_at: dt.datetime,
) -> None:
    """Owe people what is due of the storms that are not over, and note it in the audit log.

    Args:
        connection: a transaction that writes, in which nobody else attends to storms.
        audience: of the monitor of that name.
        standing: the silences.
        now: the instant.
        written_at: the instant of the wall clock, which the audit log tells.
    """
    entries: list[Entry] = []
    for storm, call in _due(connection, audience, standing, now):
        key = f"{call.kind}:digest-{storm.digest_id}:{len(storm.told) + 1}"
        payload = {
            "headline": call.headline,
            "lines": call.lines,
            "level": call.level,
            "mention": call.mention,
            "ref": "",
            "monitor": "",
        }
        row = {
            "key": key,
            "kind": call.kind.value,
            "incident_id": None,
            "digest_id": storm.digest_id,
            "destination": call.destination or storm.destination,
            "priority": call.priority.value,
            "payload": json.dumps(payload, sort_keys=True),
            "created_at": now,
            "next_at": now,
        }
        outbox.enqueue(connection, [row])
        about = {"at": now.isoformat(), "text": call.headline, "incidents": " ".join(call.refs)}
        entries.append(Entry(SYSTEM, f"storm.{call.kind}", "digest", storm.batch, about))
    append(connection, entries, written_at)


def is_due(
    connection: sa.Connection,
    audience: Callable[[str], Audience],
    standing: Iterable[Silence],
    now: dt.datetime,
) -> bool:
    """Whether `attend` would do anything; nothing is written."""
    return bool(_due(connection, audience, standing, now))


def _due(
    connection: sa.Connection,
    audience: Callable[[str], Audience],
    standing: Iterable[Silence],
    now: dt.datetime,
) -> list[tuple[Storm, Call]]:
    on, found = list(standing), list[tuple[Storm, Call]]()
    covered: set[int] = set()
    for storm in storms.standing(connection):
        kept = incidents.by_ids(connection, (storm.digested | storm.beside) - covered)
        covered |= storm.digested | storm.beside
        held = {one.id: rows.incident_of(one) for one in kept}
        keys = {one.id: one.row.dedup_key for one in kept}
        waiting = {
            n: i
            for n, i in held.items()
            if _waits(i, audience(i.monitor), on, now)
            and not is_stale(connection, audience(i.monitor), i, keys[n], now)
        }
        call = _call(storm, waiting, audience, now)
        if call is not None:
            found.append((storm, call))
    return found


def _waits(
    incident: Incident, audience: Audience, standing: Sequence[Silence], now: dt.datetime
) -> bool:
    """Whether somebody is still to answer it."""
    is_quiet = incident.is_late or incident.is_flapping or incident.alerted_at is None
    is_mute = silences.muted(incident, standing, audience, now) is not None
    return incident.status is Status.OPEN and not is_quiet and not is_mute


def _call(
    storm: Storm,
    waiting: Mapping[int, Incident],
    audience: Callable[[str], Audience],
    now: dt.datetime,
) -> Call | None:
    """The one call that is due of a storm, if any."""
    if not waiting:
        return None
    worst = min(waiting.values(), key=lambda i: (i.priority, i.alerted_at, i.ref))
    monitor = audience(worst.monitor)
    digested = [i for number, i in waiting.items() if number in storm.digested]
    risen = min(digested, key=lambda i: (i.priority, i.ref), default=None)
    if risen is not None and _is_news(risen, storm):
        mention = slack_mention(audience(risen.monitor).alerting.mention)
        headline = f"Now {risen.priority}, was {_so_far(storm)}: {risen.title}"
        return _said(Kind.ESCALATION, RISEN, headline, risen, waiting, mention)
    for due in escalation.due(_as_one(storm, worst), _told(storm), monitor, now, mute=None):
        return _by(due, worst, waiting, monitor)
    return None


def _by(due: Due, worst: Incident, waiting: Mapping[int, Incident], monitor: Audience) -> Call:
    count = f"{len(waiting)} incidents" if len(waiting) > 1 else "1 incident"
    since = "" if worst.alerted_at is None else f" since {worst.alerted_at:%Y-%m-%d %H:%M} UTC"
    headline = f"Nobody has acknowledged {count} of this storm{since}"
    if due.kind is DueKind.REMINDER:
        return _said(Kind.REMINDER, RISEN, headline, worst, waiting, "")
    step = monitor.alerting.escalation[due.number - 1]
    call = _said(Kind.ESCALATION, due.number, headline, worst, waiting, slack_mention(step.mention))
    return replace(call, destination=step.channel or "")


def _said(
    kind: Kind,
    level: int,
    headline: str,
    worst: Incident,
    waiting: Mapping[int, Incident],
    mention: str,
) -> Call:
    by_priority = [i.priority for i in waiting.values()]
    counts = ", ".join(f"{by_priority.count(p)} × {p}" for p in Priority if p in by_priority)
    lines = (
        f"Waiting for an answer: {counts}.",
        f"The worst: {worst.ref} of {worst.monitor}, {worst.priority}: {worst.title}",
        "A reaction to the message above counts for all that it tells of.",
    )
    refs = tuple(sorted(i.ref for i in waiting.values()))
    return Call(kind, level, worst.priority, headline, lines, mention, "", refs)


def _as_one(storm: Storm, worst: Incident) -> Incident:
    """The storm as an incident: as grave as its worst, and told as far as the storm was."""
    since = worst.alerted_at
    told = [t for t in storm.told if since is None or t.created_at >= since]
    levels = [_level(t) for t in told if Priority(t.priority) <= worst.priority]
    reminders = sum(t.kind == Kind.REMINDER for t in told)
    return replace(worst, escalations=max(levels, default=0), reminders=reminders)


def _told(storm: Storm) -> list[Event]:
    return [Event(t.created_at, EventKind.REMINDED, SYSTEM, "") for t in storm.told]


def _is_news(risen: Incident, storm: Storm) -> bool:
    return risen.priority in URGENT and risen.priority < _so_far(storm)


def _so_far(storm: Storm) -> Priority:
    """The worst that people were told of what the digest tells."""
    return min([Priority(storm.priority), *(Priority(t.priority) for t in storm.told)])


def _level(told: Any) -> int:
    return int(json.loads(told.payload).get("level", RISEN))
