"""Storms: more roots at once than anybody can read become one digest per place.

What a digest says is decided in `notifications`. Nothing is lost by it: its incidents' replies
answer the digest, and their roots say where they are told.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from monitoring_dagster.store.evaluations import SHORT_KEY_BYTES
from monitoring_dagster.store.incidents import OPEN
from monitoring_dagster.store.outbox import DIGEST, ROOT, UPDATE, Status, enqueue
from monitoring_dagster.store.response_tables import (
    digest,
    digest_incident,
    doubt,
    incident,
    outbox,
)
from monitoring_dagster.store.statements import inserting
from monitoring_dagster.store.values import key_text

STORM = "storm"

AROUND = dt.timedelta(minutes=10)
"""What is sent so shortly before or after a storm's digest begins came with the storm."""


_root, _digest_notice = outbox.alias("storm_root"), outbox.alias("storm_digest")
_TOLD_BY_STORM = (
    sa.select(outbox.c.id)
    .where(
        outbox.c.kind.in_(sa.bindparam("kinds", expanding=True)),
        outbox.c.status.in_([Status.PENDING, Status.BLOCKED]),
        outbox.c.attempts == 0,
        sa.exists().where(
            _root.c.incident_id == outbox.c.incident_id,
            _root.c.kind == ROOT,
            _root.c.status == Status.DIGESTED,
            digest_incident.c.incident_id == outbox.c.incident_id,
            _digest_notice.c.digest_id == digest_incident.c.digest_id,
            _digest_notice.c.kind == DIGEST,
            _digest_notice.c.status.in_([Status.SENT, Status.RELAYED]),
        ),
    )
    .with_for_update(of=outbox, skip_locked=True)
)


@dataclass(frozen=True, slots=True)
class Gathered:
    """A digest that more incidents joined."""

    notice_id: int
    destination: str
    incidents: int


@dataclass(frozen=True, slots=True)
class Storm:
    """The digest of a storm that people have seen, and that is not over.

    Args:
        digest_id: the digest.
        batch: its name.
        destination: where it is.
        priority: the worst of its incidents when they joined it.
        digested: the incidents that it tells, as far as they are not resolved.
        beside: those whose own messages came with it, as far as they are not resolved.
        told: the calls that were owed in its thread, rows of the outbox, in their order.
    """

    digest_id: int
    batch: str
    destination: str
    priority: str
    digested: frozenset[int]
    beside: frozenset[int]
    told: Sequence[Any]


def standing(connection: sa.Connection) -> list[Storm]:
    """The storms whose incidents are called for together."""
    return [_storm(connection, row) for row in _not_over(connection)]


def members(connection: sa.Connection, monitor: str) -> set[int]:
    """The monitor's open incidents that are called for together with a storm's."""
    of_monitor = incident.c.monitor == key_text(monitor, max_bytes=SHORT_KEY_BYTES)
    found: set[int] = set()
    for row in _not_over(connection):
        for query in (_digested(row.digest_id), _beside(row.destination, row.opened_at)):
            found.update(connection.scalars(query.where(of_monitor)))
    return found


def gather(
    connection: sa.Connection, now: dt.datetime, *, limit: int, window: dt.timedelta
) -> list[Gathered]:
    """Put what is too much into a digest: of every place, all but the worst that still may go.

    Args:
        connection: a transaction that writes.
        now: the instant.
        limit: roots that one place takes within `window`.
        window: the time that counts.
    """
    c = outbox.c
    places = (
        sa.select(c.destination, sa.func.count())
        .where(_can_wait(), c.next_at <= now)
        .group_by(c.destination)
        .order_by(c.destination)
    )
    gathered = []
    for place, waiting in connection.execute(places).all():
        if waiting > _left(connection, place, now, limit, window):
            # Two who gather at once would make two digests of one storm.
            _take_turn(connection, place)
            left = _left(connection, place, now, limit, window)
            gathered += _gather_in(connection, place, left, now, window)
    return gathered


def quieten(connection: sa.Connection, kinds: Collection[str]) -> int:
    """Leave out notices of these kinds of incidents that a storm's digest tells; returns how many.

    What a storm brought all at once it brings again all at once: pictures, reminders, ends. Only
    what nobody has tried to send, and once people have seen the digest, which is kept up to date.
    """
    found = connection.execute(_TOLD_BY_STORM, {"kinds": sorted(kinds)}).scalars().all()
    if found:
        connection.execute(
            sa.update(outbox)
            .where(outbox.c.id == sa.bindparam("of"))
            .values(status=Status.SUPERSEDED),
            [{"of": number} for number in found],
        )
    return len(found)


def _storm(connection: sa.Connection, row: Any) -> Storm:
    c = outbox.c
    told = sa.select(c.kind, c.priority, c.payload, c.created_at).where(
        c.digest_id == row.digest_id, c.kind.not_in([DIGEST, UPDATE])
    )
    return Storm(
        row.digest_id,
        row.batch,
        row.destination,
        row.priority,
        frozenset(connection.scalars(_digested(row.digest_id))),
        frozenset(connection.scalars(_beside(row.destination, row.opened_at))),
        connection.execute(told.order_by(c.id)).all(),
    )


def _not_over(connection: sa.Connection) -> Sequence[Any]:
    """The digests of storms that tell of something open, and where people have seen them."""
    told, own, c = digest_incident.c, _root.c, _digest_notice.c
    is_open = sa.exists().where(
        told.digest_id == digest.c.id,
        incident.c.id == told.incident_id,
        incident.c.status.in_(OPEN),
        own.incident_id == told.incident_id,
        own.kind == ROOT,
        own.status == Status.DIGESTED,
    )
    # Found first, by its indices: usually there is none, and the outbox is long.
    found = connection.scalars(sa.select(digest.c.id).where(digest.c.kind == STORM, is_open)).all()
    if not found:
        return []
    query = (
        sa.select(c.digest_id, c.destination, c.priority, digest.c.batch, digest.c.opened_at)
        .join(digest, digest.c.id == c.digest_id)
        .where(
            c.digest_id.in_(found),
            c.kind == DIGEST,
            c.status.in_([Status.SENT, Status.RELAYED]),
        )
        .order_by(c.digest_id)
    )
    return connection.execute(query).all()


def _digested(digest_id: int) -> sa.Select[int]:
    """The open incidents that the digest tells."""
    told, own = digest_incident.c, _root.c
    return (
        sa.select(incident.c.id)
        .join(digest_incident, told.incident_id == incident.c.id)
        .join(_root, own.incident_id == incident.c.id)
        .where(
            told.digest_id == digest_id,
            incident.c.status.in_(OPEN),
            own.kind == ROOT,
            own.status == Status.DIGESTED,
        )
    )


def _beside(place: str, opened_at: dt.datetime) -> sa.Select[int]:
    """The open incidents whose own messages came to the place with the storm."""
    own = _root.c
    return (
        sa.select(incident.c.id)
        .join(_root, own.incident_id == incident.c.id)
        .where(
            own.destination == place,
            own.kind == ROOT,
            own.status.in_([Status.SENT, Status.RELAYED]),
            own.sent_at.between(opened_at - AROUND, opened_at + AROUND),
            incident.c.status.in_(OPEN),
        )
    )


def _gather_in(
    connection: sa.Connection, place: str, left: int, now: dt.datetime, window: dt.timedelta
) -> list[Gathered]:
    c = outbox.c
    waiting = (
        sa.select(c.id, c.incident_id, incident.c.priority, incident.c.monitor)
        .join(incident, incident.c.id == c.incident_id)
        .where(_can_wait(), c.next_at <= now, c.destination == place)
        .order_by(incident.c.priority, c.created_at, c.id)
        .offset(left)
        .with_for_update(of=outbox, skip_locked=True)
    )
    roots = connection.execute(waiting).all()
    if not roots:
        return []
    number = _digest(connection, place, roots, now, window)
    connection.execute(
        inserting(connection, digest_incident).on_conflict_do_nothing(),
        [{"digest_id": number, "incident_id": root.incident_id} for root in roots],
    )
    connection.execute(
        sa.update(outbox).where(c.id == sa.bindparam("of")).values(status=Status.DIGESTED),
        [{"of": root.id} for root in roots],
    )
    notice_id = _owe(connection, place, number, min(root.priority for root in roots), now)
    return [Gathered(notice_id, place, len(roots))]


def _can_wait() -> sa.ColumnElement[bool]:
    """A root that is surely nowhere to be seen, and that nobody is about to send."""
    c = outbox.c
    return sa.and_(c.kind == ROOT, c.status == Status.PENDING, c.sent_at.is_(None), ~_in_doubt())


def _in_doubt() -> sa.ColumnElement[bool]:
    return sa.exists().where(doubt.c.outbox_id == outbox.c.id)


def _left(
    connection: sa.Connection, place: str, now: dt.datetime, limit: int, window: dt.timedelta
) -> int:
    """How many roots the place still takes: what may have come counts as if it had."""
    c = outbox.c
    may_have_come = sa.and_(c.status == Status.PENDING, _in_doubt())
    came = sa.or_(c.sent_at > now - window, c.status == Status.SENDING, may_have_come)
    count = sa.select(sa.func.count()).where(c.destination == place, c.kind == ROOT, came)
    return max(0, limit - connection.execute(count).scalar_one())


def _take_turn(connection: sa.Connection, place: str) -> None:
    if connection.dialect.name == "postgresql":
        key = sa.func.hashtextextended(f"monitoring-dagster:storm:{place}", 0)
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(key)))


def _digest(
    connection: sa.Connection,
    place: str,
    roots: Sequence[Any],
    now: dt.datetime,
    window: dt.timedelta,
) -> int:
    """The digest of the storm that goes on in this place, or a new one."""
    going_on = (
        sa.select(digest.c.id)
        .join(outbox, outbox.c.digest_id == digest.c.id)
        .where(
            digest.c.kind == STORM,
            outbox.c.destination == place,
            outbox.c.kind == DIGEST,
            outbox.c.status != Status.QUARANTINED,
            sa.or_(digest.c.opened_at > now - window, outbox.c.sent_at.is_(None)),
        )
        .order_by(digest.c.id.desc())
        .limit(1)
    )
    monitors = {root.monitor for root in roots}
    found = connection.execute(going_on).scalar()
    if found is not None:
        monitors |= {connection.scalar(sa.select(digest.c.monitor).where(digest.c.id == found))}
    monitor = monitors.pop() if len(monitors) == 1 else ""
    if found is not None:
        joined = {"revision": digest.c.revision + 1, "monitor": monitor}
        connection.execute(sa.update(digest).where(digest.c.id == found).values(joined))
        return found
    begun = {"kind": STORM, "monitor": monitor, "opened_at": now, "revision": 1}
    # A root joins one digest only, so that no two storms have the same name.
    batch = f"{STORM}:{place}:{min(root.id for root in roots)}"
    statement = sa.insert(digest).values(batch=batch, **begun).returning(digest.c.id)
    return connection.execute(statement).scalar_one()


def _owe(
    connection: sa.Connection, place: str, number: int, priority: str, now: dt.datetime
) -> int:
    """Owe people the digest, as urgently as its worst incident; returns the notice's id."""
    c = outbox.c
    batch = connection.execute(sa.select(digest.c.batch).where(digest.c.id == number)).scalar_one()
    row = {
        "key": f"{DIGEST}:{batch}",
        "kind": DIGEST,
        "incident_id": None,
        "digest_id": number,
        "destination": place,
        "priority": priority,
        "payload": "{}",
        "created_at": now,
        "next_at": now,
    }
    enqueue(connection, [row])
    connection.execute(
        sa.update(outbox)
        .where(c.digest_id == number, c.kind == DIGEST, c.priority > priority)
        .values(priority=priority)
    )
    newest = sa.select(sa.func.max(c.id)).where(c.digest_id == number, c.kind == DIGEST)
    return connection.execute(newest).scalar_one()
