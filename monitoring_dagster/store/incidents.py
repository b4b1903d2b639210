"""Incidents as rows: read, write, list. What is an incident, and what follows, is not decided here.

Every function works within the caller's transaction.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import sqlalchemy as sa

from monitoring_dagster.store.evaluations import DETAIL_BYTES, KEY_BYTES, SHORT_KEY_BYTES
from monitoring_dagster.store.response_tables import (
    incident,
    incident_event,
    incident_signal,
    outbox,
)
from monitoring_dagster.store.statements import in_parts
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


def latest(connection: sa.Connection, dedup_key: str) -> Kept | None:
    """The cause's latest incident, open or resolved; None where there was none."""
    return latest_of(connection, [dedup_key]).get(dedup_key)


def latest_of(connection: sa.Connection, dedup_keys: Collection[str]) -> dict[str, Kept]:
    """The latest incident of each of the causes, open or resolved, by its key.

    The open one, if there is; else that of the latest days, whenever they were looked at.
    """
    c = incident.c
    is_over = sa.case((c.status.in_(OPEN), 0), else_=1)
    place = sa.func.row_number().over(
        partition_by=c.dedup_key, order_by=(is_over, c.last_day.desc(), c.id.desc())
    )
    found: list[Any] = []
    for part in in_parts(dedup_keys):
        placed = sa.select(c.id, place.label("place")).where(c.dedup_key.in_(part)).subquery()
        query = sa.select(incident).join(placed, placed.c.id == c.id).where(placed.c.place == 1)
        found += connection.execute(query)
    return {one.row.dedup_key: one for one in kept(connection, found)}


def by_id(connection: sa.Connection, incident_id: int) -> Kept:
    """The incident of that id, which must exist."""
    return kept(
        connection,
        connection.execute(sa.select(incident).where(incident.c.id == incident_id)).all(),
    )[0]


def by_ids(connection: sa.Connection, incident_ids: Collection[int]) -> list[Kept]:
    """The incidents of these ids, as far as they exist."""
    found: list[Any] = []
    for part in in_parts(sorted(incident_ids)):
        query = sa.select(incident).where(incident.c.id.in_(part)).order_by(incident.c.id)
        found += connection.execute(query)
    return kept(connection, found)


def by_ref(connection: sa.Connection, ref: str) -> Kept | None:
    """The incident that people call `ref`; None where there is none."""
    query = sa.select(incident).where(incident.c.ref == key_text(ref, max_bytes=SHORT_KEY_BYTES))
    found = kept(connection, connection.execute(query).all())
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
    return kept(connection, connection.execute(query).all())[::-1]


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


def change(
    connection: sa.Connection, incident_id: int, row: Row, signals: Iterable[Row] | None
) -> None:
    """Write the incident anew, with all its signals; None where these are as they were."""
    connection.execute(
        sa.update(incident).where(incident.c.id == incident_id).values(_storable(row))
    )
    if signals is None:
        return
    of_incident = incident_signal.c.incident_id == incident_id
    connection.execute(sa.delete(incident_signal).where(of_incident))
    _add_signals(connection, incident_id, signals)


def _storable(row: Row) -> dict[str, Any]:
    people = {
        name: None if row.get(name) is None else free_text(row[name], max_bytes=DETAIL_BYTES)
        for name in ("acknowledged_by", "resolved_because", "resolved_by")
    }
    return {
        **row,
        **people,
        "monitor": key_text(row["monitor"], max_bytes=SHORT_KEY_BYTES),
        "cause_name": free_text(row["cause_name"], max_bytes=KEY_BYTES),
        "title": free_text(row["title"], max_bytes=KEY_BYTES),
        "retraining": free_text(row.get("retraining"), max_bytes=DETAIL_BYTES),
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


def events_of_open(connection: sa.Connection, monitor: str) -> dict[int, list[Any]]:
    """The timelines of the monitor's open incidents, the oldest first, by incident."""
    query = (
        sa.select(incident_event)
        .join(incident, incident.c.id == incident_event.c.incident_id)
        .where(
            incident.c.monitor == key_text(monitor, max_bytes=SHORT_KEY_BYTES),
            incident.c.status.in_(OPEN),
        )
        .order_by(incident_event.c.id)
    )
    found: dict[int, list[Any]] = {}
    for event in connection.execute(query):
        found.setdefault(event.incident_id, []).append(event)
    return found


def monitors_with_open(connection: sa.Connection) -> set[str]:
    """The monitors that have incidents which are not resolved."""
    query = sa.select(incident.c.monitor).distinct().where(incident.c.status.in_(OPEN))
    return set(connection.scalars(query))


def has_root(connection: sa.Connection, incident_id: int) -> bool:
    """Whether people are owed a message of the incident's own, sent or not."""
    c = outbox.c
    query = sa.select(c.id).where(c.incident_id == incident_id, c.kind == "root").limit(1)
    return connection.scalar(query) is not None


def kept(connection: sa.Connection, rows: Sequence[Any]) -> list[Kept]:
    """Rows of incidents with their signals."""
    of: dict[int, list[Any]] = {row.id: [] for row in rows}
    c = incident_signal.c
    for part in in_parts(of):
        query = (
            sa.select(incident_signal)
            .where(c.incident_id.in_(part))
            .order_by(c.incident_id, c.subject)
        )
        for signal in connection.execute(query):
            of[signal.incident_id].append(signal)
    return [Kept(row.id, row, of[row.id]) for row in rows]
