"""The outbox: what people are owed, and what has become of each notice of it.

Rows and their transactions, nothing about any channel. Who may go next is `claims`, how a
destination stands `destinations`, many roots at once `storms`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from monitoring_dagster.store import generations
from monitoring_dagster.store.response_tables import (
    digest,
    digest_incident,
    doubt,
    incident,
    outbox,
)
from monitoring_dagster.store.statements import inserting
from monitoring_dagster.store.values import free_text

ROOT, DIGEST, PICTURE, UPDATE = "root", "digest", "picture", "update"
"""Kinds that the outbox treats apart; every other kind is a reply. An update is a reply that says
what a root cannot be edited to say."""

HOSTS = (ROOT, DIGEST)
"""Kinds that open a thread and are projections: shown as things stand, and edited in place."""

ERROR_BYTES = 500


class Status(StrEnum):
    """Where a notice stands."""

    PENDING = "pending"
    SENDING = "sending"
    BLOCKED = "blocked"
    """Waits like a pending one, for somebody who mends its destination."""
    SENT = "sent"
    RELAYED = "relayed"
    """People were told by a fallback; its own channel gets it too while it matters."""
    DIGESTED = "digested"
    """A digest tells it."""
    SUPERSEDED = "superseded"
    """Another message tells it."""
    QUARANTINED = "quarantined"
    """Refused in every form."""
    GIVEN_UP = "given_up"
    """A picture that did not arrive."""


OWED = (Status.PENDING, Status.SENDING, Status.BLOCKED)


@dataclass(frozen=True, slots=True)
class Notice:
    """A row of the outbox, as the table has it; `payload` is JSON."""

    id: int
    key: str
    kind: str
    incident_id: int | None
    digest_id: int | None
    destination: str
    priority: str
    payload: str
    created_at: dt.datetime
    status: str
    attempts: int
    first_attempt_at: dt.datetime | None
    form: str
    channel: str | None
    message_ts: str | None
    applied_revision: int
    sent_at: dt.datetime | None
    sent_by: str | None
    is_doubtful: bool
    failures: int

    @classmethod
    def of(cls, row: Any) -> Notice:
        """From a row of the table."""
        return cls(**{name: getattr(row, name) for name in cls.__slots__})


@dataclass(frozen=True, slots=True)
class Doubt:
    """A notice may be in a channel unseen: since when at the earliest, and in which thread."""

    since: dt.datetime
    thread: str | None


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to do something about one notice until an instant: a fencing token."""

    notice_id: int
    owner: str
    until: dt.datetime


@dataclass(frozen=True, slots=True)
class Projection:
    """What a message will show, read before it is drawn up.

    Args:
        revision: of the incident or the digest.
        is_over: whether the incident is resolved.
        replies: ids of the replies that were owed already, and that nobody has tried to send.
    """

    revision: int
    is_over: bool
    replies: tuple[int, ...]


def enqueue(connection: sa.Connection, rows: Iterable[Mapping[str, Any]]) -> int:
    """Owe people these notices; one whose key is known stays as it is. Returns how many are new.

    Args:
        connection: the transaction that decided it.
        rows: with the keys `key`, `kind`, `incident_id`, `digest_id`, `destination`, `priority`,
            `payload` (JSON), `created_at` and `next_at`.
    """
    new = 0
    for row in rows:
        values = {**_NEW, **row, "due_at": row["next_at"]}
        statement = (
            inserting(connection, outbox)
            .values(values)
            .on_conflict_do_nothing(index_elements=[outbox.c.key])
            .returning(outbox.c.id)
        )
        new += connection.execute(statement).first() is not None
    return new


def notice(connection: sa.Connection, notice_id: int) -> Notice:
    """One row."""
    return Notice.of(connection.execute(sa.select(outbox).where(outbox.c.id == notice_id)).one())


_own_incident, _told_incident = incident.alias("own_incident"), incident.alias("told_incident")


# --- what is shown --------------------------------------------------------------------------------


def revision_of() -> sa.ColumnElement[int]:
    """How far the incident or the digest of a root is: what its message should show.

    A digest moves with every incident that it tells of: incidents are only ever added, and
    revisions only ever rise.
    """
    own, member = _own_incident, _told_incident
    of_incident = (
        sa.select(own.c.revision).where(own.c.id == outbox.c.incident_id).scalar_subquery()
    )
    of_members = (
        sa.select(sa.func.coalesce(sa.func.sum(member.c.revision), 0))
        .select_from(digest_incident.join(member, member.c.id == digest_incident.c.incident_id))
        .where(digest_incident.c.digest_id == outbox.c.digest_id)
        .scalar_subquery()
    )
    of_digest = (
        sa.select(digest.c.revision).where(digest.c.id == outbox.c.digest_id).scalar_subquery()
    )
    # PostgreSQL's sum of integers is no integer.
    both = sa.cast(of_digest + of_members, sa.Integer)
    return sa.case((outbox.c.kind == DIGEST, both), else_=of_incident)


def projection(connection: sa.Connection, of: Notice) -> Projection:
    """What a message that is drawn up in this transaction will show, at least."""
    c = outbox.c
    waiting = sa.select(c.id).where(
        _told_by(of),
        c.kind.not_in([*HOSTS, PICTURE]),
        c.status.in_([Status.PENDING, Status.BLOCKED]),
        c.attempts == 0,
    )
    revision = connection.execute(sa.select(revision_of()).where(c.id == of.id)).scalar()
    status = connection.execute(
        sa.select(incident.c.status).where(incident.c.id == of.incident_id)
    ).scalar()
    replies = tuple(connection.execute(waiting.order_by(c.id)).scalars())
    return Projection(revision or 0, status == "resolved", replies)


def _told_by(of: Notice) -> sa.ColumnElement[bool]:
    """Notices of incidents of which this message, and none of their own, tells people."""
    c = outbox.c
    if of.kind == ROOT:
        return c.incident_id == of.incident_id
    own, member = outbox.alias("own"), digest_incident.c
    has_own = sa.exists().where(
        own.c.incident_id == c.incident_id, own.c.kind == ROOT, own.c.status != Status.DIGESTED
    )
    told = sa.select(member.incident_id).where(member.digest_id == of.digest_id)
    return sa.and_(c.incident_id.in_(told), ~has_own)


# --- what becomes of a claimed notice -------------------------------------------------------------


def hold(connection: sa.Connection, notice_id: int) -> None:
    """Lock a notice of which something is written later, before what is locked after it."""
    connection.execute(sa.select(outbox.c.id).where(outbox.c.id == notice_id).with_for_update())


def renew(connection: sa.Connection, lease: Lease, until: dt.datetime) -> bool:
    """Keep the lease for longer; False where it was taken over."""
    return _change(connection, lease, {"lease_until": until})


def record_sent(
    connection: sa.Connection,
    of: Lease,
    *,
    by: str,
    channel: str,
    ts: str,
    now: dt.datetime,
    revision: int,
    edit_at: dt.datetime,
) -> bool:
    """People can see it. Taken from everybody, since an answer that comes late is still true.

    Returns:
        False where it is recorded as sent already: then it is there twice, or it is the same.
    """
    values = {
        **_SEEN,
        "status": Status.SENT,
        "sent_by": by,
        "sent_at": now,
        "channel": channel,
        "message_ts": ts,
        "applied_revision": revision,
        "edit_at": edit_at,
    }
    c = outbox.c
    statement = sa.update(outbox).where(c.id == of.notice_id, c.status != Status.SENT)
    return connection.execute(statement.values(values)).rowcount == 1


def record_relayed(
    connection: sa.Connection,
    of: Lease,
    *,
    by: str,
    channel: str,
    ts: str,
    now: dt.datetime,
    revision: int,
    edit_at: dt.datetime,
) -> bool:
    """People were told of a root by a fallback; its own channel gets it once it is mended.

    Returns:
        False where people can see it already.
    """
    c = outbox.c
    is_mine = sa.and_(c.lease_owner == of.owner, c.lease_until == of.until)
    is_taken = sa.and_(c.status == Status.SENDING, sa.not_(is_mine))
    values = {
        "status": sa.case((is_taken, c.status), else_=Status.RELAYED),
        "lease_owner": sa.case((is_taken, c.lease_owner), else_=None),
        "lease_until": sa.case((is_taken, c.lease_until), else_=None),
        "sent_by": by,
        "sent_at": now,
        "channel": channel,
        "message_ts": ts,
        "applied_revision": revision,
        "edit_at": edit_at,
        "failures": 0,
        "next_at": now,
    }
    statement = sa.update(outbox).where(
        c.id == of.notice_id, c.status != Status.SENT, c.sent_at.is_(None)
    )
    return connection.execute(statement.values(values)).rowcount == 1


def release(
    connection: sa.Connection, lease: Lease, next_at: dt.datetime, error: str, *, failures: int = 0
) -> bool:
    """Give it back, to be tried again from `next_at` on."""
    return _change(connection, lease, {**_AT_REST, **_why(error, failures), "next_at": next_at})


def block(connection: sa.Connection, lease: Lease, next_at: dt.datetime, error: str) -> bool:
    """Give it back until somebody mends its destination; probed from `next_at` on."""
    values = {**_AT_REST, **_why(error, 0), "next_at": next_at}
    values["status"] = sa.case((outbox.c.sent_at.is_(None), Status.BLOCKED), else_=Status.RELAYED)
    return _change(connection, lease, values)


def unblock(connection: sa.Connection, destination: str, now: dt.datetime) -> None:
    """Let everything go that waits for a destination that was mended, in its order."""
    c = outbox.c
    waiting = c.status.in_([Status.PENDING, Status.BLOCKED, Status.RELAYED])
    statement = _of_nobody(
        c.destination == destination,
        waiting,
        sa.or_(c.next_at > now, c.status == Status.BLOCKED),
        c.due_at <= now,
    )
    resting = sa.case((c.status == Status.BLOCKED, Status.PENDING), else_=c.status)
    connection.execute(statement.values(status=resting, next_at=now))


def degrade(
    connection: sa.Connection, lease: Lease, form: str, now: dt.datetime, error: str
) -> bool:
    """Give it back, to be tried in a simpler form at once."""
    values = {**_AT_REST, **_why(error, 1), "form": form, "next_at": now}
    return _change(connection, lease, values)


def finish(connection: sa.Connection, lease: Lease, status: Status, error: str) -> bool:
    """It is over without a message: quarantined, or a picture that is given up."""
    return _change(connection, lease, {**_AT_REST, **_why(error, 1), "status": status})


def keep(connection: sa.Connection, lease: Lease, error: str) -> bool:
    """It may be there: nobody touches it before the lease is over."""
    return _change(connection, lease, _why(error, 1))


def supersede(connection: sa.Connection, notice_ids: Sequence[int], kinds: Iterable[str]) -> int:
    """Of replies that nobody has tried to send, those of `kinds` are told by their root."""
    c = outbox.c
    statement = _of_nobody(
        c.id.in_(notice_ids),
        c.kind.in_(list(kinds)),
        c.status.in_([Status.PENDING, Status.BLOCKED]),
        c.attempts == 0,
    )
    return connection.execute(statement.values(status=Status.SUPERSEDED)).rowcount


# --- doubts ---------------------------------------------------------------------------------------


def set_doubt(connection: sa.Connection, of: Notice, channel: str, new: Doubt) -> None:
    """From now on it may be there; an older doubt stays."""
    connection.execute(
        inserting(connection, doubt)
        .values(outbox_id=of.id, channel=channel, since=new.since, thread=new.thread)
        .on_conflict_do_nothing(index_elements=[doubt.c.outbox_id, doubt.c.channel])
    )


def doubt_of(connection: sa.Connection, notice_id: int, channel: str) -> Doubt | None:
    """Whether it may be in the channel unseen."""
    c = doubt.c
    query = sa.select(c.since, c.thread).where(c.outbox_id == notice_id, c.channel == channel)
    row = connection.execute(query).first()
    return None if row is None else Doubt(row.since, row.thread)


def end_doubt(connection: sa.Connection, notice_id: int, channel: str) -> None:
    """It is known to be there, or not to be."""
    c = doubt.c
    connection.execute(sa.delete(doubt).where(c.outbox_id == notice_id, c.channel == channel))


def mark_doubtful(connection: sa.Connection, lease: Lease) -> bool:
    """It is sent although it may be there; whoever reads it is told."""
    return _change(connection, lease, {"is_doubtful": True})


# --- edits ----------------------------------------------------------------------------------------


def record_shown(
    connection: sa.Connection, lease: Lease, revision: int, edit_at: dt.datetime
) -> bool:
    """Its message shows this revision; it is not edited again before `edit_at`."""
    values = {**_FREE, "applied_revision": revision, "edit_at": edit_at, "last_error": ""}
    return _change_shown(connection, lease, values)


def put_off(connection: sa.Connection, lease: Lease, edit_at: dt.datetime, error: str) -> bool:
    """Its message is edited later."""
    return _change_shown(connection, lease, {**_FREE, **_why(error, 0), "edit_at": edit_at})


def simplify(
    connection: sa.Connection, lease: Lease, form: str, now: dt.datetime, error: str
) -> bool:
    """Its message is edited in a simpler form, at once."""
    values = {**_FREE, **_why(error, 1), "form": form, "edit_at": now}
    return _change_shown(connection, lease, values)


def replace(connection: sa.Connection, of: Notice, now: dt.datetime) -> bool:
    """Its message is gone: owe people a new one. Done twice it is done once."""
    c = outbox.c
    told = (Status.SENT, Status.RELAYED)
    statement = sa.update(outbox).where(c.id == of.id, c.status.in_(told))
    values = {**_FREE, "status": Status.SUPERSEDED}
    if connection.execute(statement.values(values)).rowcount != 1:
        return False
    enqueue(connection, [{**_as_owed(of, now), "key": generations.next_key(of.kind, of.key)}])
    return True


def owe_update(connection: sa.Connection, of: Notice, revision: int, now: dt.datetime) -> None:
    """Its message can no longer be edited: owe people a reply that says what it should say."""
    key = f"{UPDATE}:{of.key}:{revision}"
    enqueue(connection, [{**_as_owed(of, now), "key": key, "kind": UPDATE}])


def _as_owed(of: Notice, now: dt.datetime) -> dict[str, Any]:
    names = ("kind", "incident_id", "digest_id", "destination", "priority", "payload")
    return {name: getattr(of, name) for name in names} | {"created_at": now, "next_at": now}


# --- the statements behind them -------------------------------------------------------------------

_FREE: dict[str, Any] = {"lease_owner": None, "lease_until": None}
_SEEN: dict[str, Any] = {**_FREE, "failures": 0, "last_error": ""}
_AT_REST: dict[str, Any] = {
    **_FREE,
    "status": sa.case((outbox.c.sent_at.is_(None), Status.PENDING), else_=Status.RELAYED),
}
_NEW: dict[str, Any] = {
    "status": Status.PENDING,
    "attempts": 0,
    "form": "full",
    "applied_revision": 0,
    "is_doubtful": False,
    "failures": 0,
    "last_error": "",
}


def _why(error: str, failures: int) -> dict[str, Any]:
    return {
        "last_error": free_text(error, max_bytes=ERROR_BYTES),
        "failures": outbox.c.failures + failures,
    }


def _of_nobody(*conditions: sa.ColumnElement[bool]) -> sa.Update:
    """To change notices of this kind but those that somebody else is about to change."""
    some = sa.select(outbox.c.id).where(*conditions).with_for_update(skip_locked=True)
    return sa.update(outbox).where(outbox.c.id.in_(some))


def _holds(lease: Lease) -> sa.ColumnElement[bool]:
    c = outbox.c
    return sa.and_(
        c.id == lease.notice_id, c.lease_owner == lease.owner, c.lease_until == lease.until
    )


def _change(connection: sa.Connection, lease: Lease, values: Mapping[str, Any]) -> bool:
    """Change a notice that is being sent, if the lease still holds."""
    statement = sa.update(outbox).where(_holds(lease), outbox.c.status == Status.SENDING)
    return connection.execute(statement.values(values)).rowcount == 1


def _change_shown(connection: sa.Connection, lease: Lease, values: Mapping[str, Any]) -> bool:
    """Change a notice that is being edited, if the lease still holds."""
    told = outbox.c.status.in_([Status.SENT, Status.RELAYED])
    return (
        connection.execute(sa.update(outbox).where(_holds(lease), told).values(values)).rowcount
        == 1
    )
