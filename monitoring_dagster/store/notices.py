"""Notices as people ask after them: what is owed, what was refused, and why.

Reads the outbox, and lets what was refused go once more. How one is sent is `outbox` and `claims`.
"""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple

import sqlalchemy as sa

from monitoring_dagster.store.outbox import OWED, Status
from monitoring_dagster.store.response_tables import destination, digest_incident, outbox


class Told(NamedTuple):
    """A notice: what it is, where it goes, and what has become of it so far.

    Args:
        key: its identity, such as `root:MD-7F3A9C:1`.
        kind: root, reply, picture or digest.
        destination: channel that it goes to; empty for the deployment's own.
        status: one of `outbox.Status`.
        due_at: the instant from which it may be sent.
        attempts: how often somebody has tried to.
        sent_at: the instant from which people can see it.
        sent_by: by what they were told.
        is_doubtful: it may be there twice.
        last_error: what went wrong the last time.
    """

    key: str
    kind: str
    destination: str
    status: str
    due_at: dt.datetime
    attempts: int
    sent_at: dt.datetime | None
    sent_by: str | None
    is_doubtful: bool
    last_error: str


class Place(NamedTuple):
    """A destination that takes nothing: by which channel, since when, and why."""

    channel: str
    name: str
    since: dt.datetime
    because: str


_c = outbox.c
_TOLD = tuple(_c[name] for name in Told._fields)


def of_incident(connection: sa.Connection, incident_id: int) -> list[Told]:
    """Every notice of an incident, in order, with the digests that tell of it."""
    digests = sa.select(digest_incident.c.digest_id).where(
        digest_incident.c.incident_id == incident_id
    )
    is_about = sa.or_(_c.incident_id == incident_id, _c.digest_id.in_(digests))
    return _told(connection, sa.select(*_TOLD).where(is_about))


def unsettled(connection: sa.Connection) -> list[Told]:
    """Notices that nobody has been told yet: waiting, being sent, blocked or refused."""
    is_unsettled = _c.status.in_([*OWED, Status.QUARANTINED])
    return _told(connection, sa.select(*_TOLD).where(is_unsettled))


def closed_places(connection: sa.Connection) -> list[Place]:
    """Destinations that are blocked, or that fail again and again."""
    c = destination.c
    since = sa.func.coalesce(c.blocked_since, c.failing_since, type_=c.blocked_since.type)
    query = (
        sa.select(c.channel, c.name, since, c.blocked_because)
        .where(sa.or_(c.blocked_since.is_not(None), c.failing_since.is_not(None)))
        .order_by(c.channel, c.name)
    )
    return [Place._make(row) for row in connection.execute(query)]


def retry(connection: sa.Connection, key: str, now: dt.datetime) -> bool:
    """Let a notice that was refused go once more, in its full form; False where it was not."""
    values = {
        "status": sa.case((_c.sent_at.is_(None), Status.PENDING), else_=Status.RELAYED),
        "form": "full",
        "failures": 0,
        "due_at": now,
        "next_at": now,
    }
    statement = sa.update(outbox).where(_c.key == key, _c.status == Status.QUARANTINED)
    return connection.execute(statement.values(values)).rowcount == 1


def _told(connection: sa.Connection, query: sa.Select[tuple[object, ...]]) -> list[Told]:
    return [Told._make(row) for row in connection.execute(query.order_by(_c.id))]
