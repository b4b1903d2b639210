"""Incidents as rows: read, write, list. What is an incident, and what follows, is not decided here.

Every function works within the caller's transaction.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import sqlalchemy as sa

from monitoring_dagster.store.evaluations import DETAIL_BYTES, KEY_BYTES, SHORT_KEY_BYTES
from monitoring_dagster.store.response_tables import (
    cause_day,
    digest,
    digest_incident,
    heard,
    incident,
    incident_event,
    incident_signal,
    outbox,
    silence,
)
from monitoring_dagster.store.values import finite_or_none, free_text, key_text

SUBJECT_BYTES = 2_048
"""Longest subject of a signal: below PostgreSQL's limit for an index."""

OPEN = ("open", "acknowledged")

Row = Mapping[str, Any]


class Kept(NamedTuple):
    """An incident's row with its signals' rows."""

    id: int
    row: Any
    signals: Sequence[Any]


class DayOutcome(NamedTuple):
    """What one day said of one cause."""

    day: dt.date
    outcome: str
    level: str


def latest(connection: sa.Connection, dedup_key: str) -> Kept | None:
    """The cause's latest incident, open or resolved; None where there was none."""
    query = (
        sa.select(incident)
        .where(incident.c.dedup_key == dedup_key)
        .order_by(incident.c.opened_at.desc(), incident.c.id.desc())
        .limit(1)
    )
    found = _kept(connection, connection.execute(query).all())
    return found[0] if found else None


def by_id(connection: sa.Connection, incident_id: int) -> Kept:
    """The incident of that id, which must exist."""
    return _kept(
        connection,
        connection.execute(sa.select(incident).where(incident.c.id == incident_id)).all(),
    )[0]


def by_ref(connection: sa.Connection, ref: str) -> Kept | None:
    """The incident that people call `ref`; None where there is none."""
    query = sa.select(incident).where(incident.c.ref == key_text(ref, max_bytes=SHORT_KEY_BYTES))
    found = _kept(connection, connection.execute(query).all())
    return found[0] if found else None


def listed(
    connection: sa.Connection,
    *,
    monitor: str | None = None,
    is_open: bool | None = None,
    opened_from: dt.datetime | None = None,
    limit: int | None = None,
) -> list[Kept]:
    """Incidents by when they were opened, the oldest first; the last `limit` of them if given."""
    query = sa.select(incident).order_by(incident.c.opened_at.desc(), incident.c.id.desc())
    if monitor is not None:
        query = query.where(incident.c.monitor == key_text(monitor, max_bytes=SHORT_KEY_BYTES))
    if is_open is not None:
        status = incident.c.status
        query = query.where(status.in_(OPEN) if is_open else status.not_in(OPEN))
    if opened_from is not None:
        query = query.where(incident.c.opened_at >= opened_from)
    if limit is not None:
        query = query.limit(limit)
    return _kept(connection, connection.execute(query).all())[::-1]


@dataclass(frozen=True)
class Refs:
    """Every ref that is taken."""

    connection: sa.Connection

    def __contains__(self, ref: object) -> bool:
        query = sa.select(incident.c.id).where(incident.c.ref == str(ref))
        return self.connection.scalar(query) is not None


def add(connection: sa.Connection, row: Row, signals: Iterable[Row]) -> int:
    """Write a new incident with its signals; returns its id."""
    statement = sa.insert(incident).values(_storable(row)).returning(incident.c.id)
    incident_id = connection.execute(statement).scalar_one()
    _add_signals(connection, incident_id, signals)
    return incident_id


def change(connection: sa.Connection, incident_id: int, row: Row, signals: Iterable[Row]) -> None:
    """Write the incident anew, with all its signals."""
    connection.execute(
        sa.update(incident).where(incident.c.id == incident_id).values(_storable(row))
    )
    of_incident = incident_signal.c.incident_id == incident_id
    connection.execute(sa.delete(incident_signal).where(of_incident))
    _add_signals(connection, incident_id, signals)


def _storable(row: Row) -> dict[str, Any]:
    people = {
        name: None if row[name] is None else free_text(row[name], max_bytes=DETAIL_BYTES)
        for name in ("acknowledged_by", "resolved_because")
    }
    return {
        **row,
        **people,
        "monitor": key_text(row["monitor"], max_bytes=SHORT_KEY_BYTES),
        "cause_name": free_text(row["cause_name"], max_bytes=KEY_BYTES),
        "title": free_text(row["title"], max_bytes=KEY_BYTES),
    }


def _add_signals(connection: sa.Connection, incident_id: int, signals: Iterable[Row]) -> None:
    rows = [_signal(incident_id, signal) for signal in signals]
    if rows:
        connection.execute(sa.insert(incident_signal), rows)


def _signal(incident_id: int, row: Row) -> Row:
    return {
        **row,
        "incident_id": incident_id,
        "subject": key_text(row["subject"], max_bytes=SUBJECT_BYTES),
        "reason": key_text(row["reason"], max_bytes=SHORT_KEY_BYTES),
        "text": free_text(row["text"], max_bytes=DETAIL_BYTES),
        **{
            n: finite_or_none(row[n]) for n in ("effect", "impact", "cost", "cost_low", "cost_high")
        },
    }


def add_events(connection: sa.Connection, incident_id: int, events: Iterable[Row]) -> None:
    """Add to the timeline, whose rows are never changed."""
    rows = [
        {
            **event,
            "incident_id": incident_id,
            "actor": free_text(event["actor"], max_bytes=SHORT_KEY_BYTES),
            "text": free_text(event["text"], max_bytes=DETAIL_BYTES),
        }
        for event in events
    ]
    if rows:
        connection.execute(sa.insert(incident_event), rows)


def events(connection: sa.Connection, incident_id: int) -> Sequence[Any]:
    """The timeline, the oldest first."""
    query = (
        sa.select(incident_event)
        .where(incident_event.c.incident_id == incident_id)
        .order_by(incident_event.c.id)
    )
    return connection.execute(query).all()


def has_root(connection: sa.Connection, incident_id: int) -> bool:
    """Whether people are owed a message of the incident's own, sent or not."""
    c = outbox.c
    query = sa.select(c.id).where(c.incident_id == incident_id, c.kind == "root").limit(1)
    return connection.scalar(query) is not None


class Posted(NamedTuple):
    """Where the message of an open incident is."""

    incident_id: int
    ref: str
    monitor: str
    sent_by: str
    channel: str
    ts: str


def posted(connection: sa.Connection) -> list[Posted]:
    """The messages of the incidents that are open, those opened last first."""
    c = outbox.c
    query = (
        sa.select(incident.c.id, incident.c.ref, incident.c.monitor, c.sent_by, c.channel)
        .add_columns(c.message_ts)
        .join(incident, incident.c.id == c.incident_id)
        .where(c.kind == "root", c.status == "sent", incident.c.status.in_(OPEN))
        .order_by(incident.c.opened_at.desc(), c.id.desc())
    )
    return [Posted(*row) for row in connection.execute(query)]


# --- days of causes ---------------------------------------------------------------------------


def put_outcome(
    connection: sa.Connection, monitor: str, dedup_key: str, cause: str, found: DayOutcome
) -> None:
    """Remember what a day said of a cause, in place of what was remembered."""
    name = key_text(monitor, max_bytes=SHORT_KEY_BYTES)
    c = cause_day.c
    connection.execute(
        sa.delete(cause_day).where(c.monitor == name, c.dedup_key == dedup_key, c.day == found.day)
    )
    connection.execute(
        sa.insert(cause_day).values(
            monitor=name,
            dedup_key=dedup_key,
            cause=free_text(cause, max_bytes=KEY_BYTES),
            **found._asdict(),
        )
    )


def outcomes(
    connection: sa.Connection, monitor: str, dedup_key: str, since: dt.date
) -> list[DayOutcome]:
    """What the days from `since` on said of a cause, in order."""
    c = cause_day.c
    query = (
        sa.select(c.day, c.outcome, c.level)
        .where(
            c.monitor == key_text(monitor, max_bytes=SHORT_KEY_BYTES),
            c.dedup_key == dedup_key,
            c.day >= since,
        )
        .order_by(c.day)
    )
    return [DayOutcome(*row) for row in connection.execute(query)]


def lately_fired(
    connection: sa.Connection, monitor: str, first: dt.date, last: dt.date
) -> dict[str, str]:
    """The causes that fired from `first` to `last`, by their dedup key."""
    c = cause_day.c
    query = (
        sa.select(c.dedup_key, c.cause)
        .distinct()
        .where(
            c.monitor == key_text(monitor, max_bytes=SHORT_KEY_BYTES),
            c.day.between(first, last),
            c.outcome == "firing",
        )
        .order_by(c.dedup_key)
    )
    return {row.dedup_key: row.cause for row in connection.execute(query)}


# --- silences, wishes, digests ----------------------------------------------------------------


def add_silence(connection: sa.Connection, row: Row) -> int:
    """Remember a silence; returns its id."""
    values = {**row, "because": free_text(row["because"], max_bytes=DETAIL_BYTES)}
    return connection.execute(
        sa.insert(silence).values(values).returning(silence.c.id)
    ).scalar_one()


def standing_silences(connection: sa.Connection) -> Sequence[Any]:
    """Silences whose end was not dealt with yet, begun or not."""
    query = sa.select(silence).where(silence.c.ended_at.is_(None)).order_by(silence.c.id)
    return connection.execute(query).all()


def end_silence(connection: sa.Connection, silence_id: int, at: dt.datetime) -> bool:
    """Remember that a silence is over; False where that was known."""
    c = silence.c
    statement = sa.update(silence).where(c.id == silence_id, c.ended_at.is_(None))
    return connection.execute(statement.values(ended_at=at)).rowcount == 1


def newly_heard(
    connection: sa.Connection, incident_id: int, wishes: set[tuple[str, str]]
) -> set[tuple[str, str]]:
    """Of the wishes that stand now, those that were not heard at the last look.

    Args:
        connection: the transaction.
        incident_id: what they are about.
        wishes: what is wished, and who wishes it.
    """
    c = heard.c
    query = sa.select(c.wish, c.person).where(c.incident_id == incident_id)
    known = {(row.wish, row.person) for row in connection.execute(query)}
    for wish, person in known - wishes:
        taken_back = sa.and_(c.incident_id == incident_id, c.wish == wish, c.person == person)
        connection.execute(sa.delete(heard).where(taken_back))
    for wish, person in sorted(wishes - known):
        row = {"incident_id": incident_id, "wish": wish, "person": person}
        connection.execute(sa.insert(heard).values(row))
    return wishes - known


def digest_of(
    connection: sa.Connection, batch: str, kind: str, monitor: str, at: dt.datetime
) -> tuple[int, bool]:
    """The digest of a batch, made where there is none; and whether it was made now."""
    found = connection.scalar(sa.select(digest.c.id).where(digest.c.batch == batch))
    if found is not None:
        return found, False
    values = {"batch": batch, "kind": kind, "monitor": monitor, "opened_at": at, "revision": 0}
    made = sa.insert(digest).values(values).returning(digest.c.id)
    return connection.execute(made).scalar_one(), True


def add_to_digest(connection: sa.Connection, digest_id: int, incident_id: int) -> None:
    """Tell the incident in the digest, which has to be shown anew."""
    key = {"digest_id": digest_id, "incident_id": incident_id}
    c = digest_incident.c
    told = sa.select(c.incident_id).where(c.digest_id == digest_id, c.incident_id == incident_id)
    if connection.scalar(told) is None:
        connection.execute(sa.insert(digest_incident).values(key))
    connection.execute(
        sa.update(digest).where(digest.c.id == digest_id).values(revision=digest.c.revision + 1)
    )


def of_digest(connection: sa.Connection, digest_id: int) -> tuple[Any, list[Kept]]:
    """A digest's row, and the incidents that it tells of."""
    row = connection.execute(sa.select(digest).where(digest.c.id == digest_id)).one()
    query = (
        sa.select(incident)
        .join(digest_incident, digest_incident.c.incident_id == incident.c.id)
        .where(digest_incident.c.digest_id == digest_id)
        .order_by(incident.c.opened_at, incident.c.id)
    )
    return row, _kept(connection, connection.execute(query).all())


def _kept(connection: sa.Connection, rows: Sequence[Any]) -> list[Kept]:
    of: dict[int, list[Any]] = {row.id: [] for row in rows}
    ids = list(of)
    c = incident_signal.c
    for start in range(0, len(ids), 500):
        query = (
            sa.select(incident_signal)
            .where(c.incident_id.in_(ids[start : start + 500]))
            .order_by(c.incident_id, c.subject)
        )
        for signal in connection.execute(query):
            of[signal.incident_id].append(signal)
    return [Kept(row.id, row, of[row.id]) for row in rows]
