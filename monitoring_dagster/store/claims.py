"""Who may go next: one notice at a time is claimed under a lease, by whoever asks first.

What becomes of it is `outbox`. A reply waits for its root, every notice for those before it of
the same incident in the same place, and everything for its destination.
"""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from monitoring_dagster.store import destinations
from monitoring_dagster.store.outbox import (
    DIGEST,
    HOSTS,
    OWED,
    PICTURE,
    ROOT,
    Doubt,
    Lease,
    Notice,
    Status,
    doubt_of,
    revision_of,
)
from monitoring_dagster.store.response_tables import (
    destination,
    digest_incident,
    doubt,
    incident,
    outbox,
)
from monitoring_dagster.store.statements import instant
from monitoring_dagster.store.values import UTCDateTime

DESPERATE_FAILURES = 2
"""After so many failures of its own a notice does not wait for its channel any longer."""


class Turn(StrEnum):
    """Whose notices a channel is asked for."""

    OWN = "own"
    """Those of the first channel."""
    DESPERATE = "desperate"
    """Of a fallback: those that fail by themselves for too long."""
    OVERDUE = "overdue"
    """Of a fallback: those whose own channel fails for too long."""


@dataclass(frozen=True, slots=True)
class Terms:
    """Who asks, and by which rules.

    Args:
        owner: name of whoever asks; nobody else has the same.
        channels: names of the channels, the first choice first.
        lease: for how long nobody else touches what is claimed.
        interval: between two messages in one place.
        probe_every: how often a blocked destination is tried.
        patience: after how long a notice goes through a fallback.
    """

    owner: str
    channels: tuple[str, ...]
    lease: dt.timedelta
    interval: dt.timedelta
    probe_every: dt.timedelta
    patience: dt.timedelta

    @property
    def primary(self) -> str:
        """The channel of choice."""
        return self.channels[0]


@dataclass(frozen=True, slots=True)
class Host:
    """The message in whose thread a reply belongs."""

    notice: Notice

    def thread(self, channel: str, destination: str) -> str | None:
        """Its `ts`, where the reply goes to the same place by the same channel."""
        own = self.notice
        is_there = own.sent_by == channel and own.destination == destination
        return own.message_ts or None if is_there else None


@dataclass(frozen=True, slots=True)
class Claimed:
    """A notice that is ours until the lease is over.

    Args:
        doubt: it may be in the channel unseen.
        host: the message that it answers; None of a root, and where no root could be shown.
        at: when it was claimed.
    """

    notice: Notice
    channel: str
    lease: Lease
    at: dt.datetime
    host: Host | None = None
    doubt: Doubt | None = None


def claim(
    connection: sa.Connection,
    turns: Iterable[tuple[str, Turn]],
    now: dt.datetime,
    terms: Terms,
) -> Claimed | None:
    """Claim the notice that may go next through the first channel that has one; None without one.

    The worst come first, then the oldest. A destination that is blocked is probed with the notice
    that failed least, so that one that nothing accepts cannot keep it blocked.
    """
    for channel, turn in turns:
        query = _may_go_next(turn, channel, terms.channels)
        row = connection.execute(query, {"now": now, "since": now - terms.patience}).first()
        if row is not None:
            # Where somebody else was faster, nothing more is asked for: a transaction locks one
            # destination, and no second one in another order.
            return _taken(connection, channel, row, now, terms)
    return None


def _taken(
    connection: sa.Connection, channel: str, row: Any, now: dt.datetime, terms: Terms
) -> Claimed | None:
    c = outbox.c
    if not _reserved(connection, channel, row.destination, now, terms):
        return None
    lease = Lease(row.id, terms.owner, now + terms.lease)
    connection.execute(
        sa.update(outbox)
        .where(c.id == row.id)
        .values(
            status=Status.SENDING,
            lease_owner=lease.owner,
            lease_until=lease.until,
            attempts=c.attempts + 1,
            first_attempt_at=sa.func.coalesce(c.first_attempt_at, instant(now)),
        )
    )
    taken = Notice.of(connection.execute(sa.select(outbox).where(c.id == row.id)).one())
    host = None if taken.kind in HOSTS else host_of(connection, taken)
    return Claimed(taken, channel, lease, now, host, doubt_of(connection, taken.id, channel))


def claim_edit(
    connection: sa.Connection, channels: Iterable[str], now: dt.datetime, terms: Terms
) -> Claimed | None:
    """Claim a message that does not show how things stand, of the first channel that has one."""
    for channel in channels:
        row = connection.execute(_may_be_edited(channel, terms.primary), {"now": now}).first()
        if row is not None:
            return _edit_taken(connection, channel, row, now, terms)
    return None


def _edit_taken(
    connection: sa.Connection, channel: str, row: Any, now: dt.datetime, terms: Terms
) -> Claimed | None:
    if not _reserved(connection, channel, row.destination, now, terms):
        return None
    lease = Lease(row.id, terms.owner, now + terms.lease)
    connection.execute(
        sa.update(outbox)
        .where(outbox.c.id == row.id)
        .values(lease_owner=lease.owner, lease_until=lease.until)
    )
    return Claimed(Notice.of(row), channel, lease, now)


def next_chance(connection: sa.Connection, now: dt.datetime, terms: Terms) -> dt.datetime | None:
    """When something may go that cannot go now, at the earliest; None where nothing waits."""
    instants = [connection.execute(_FIRST_WAITING, {"now": now}).scalar()]
    for channel in terms.channels:
        held_up = connection.execute(_held_up(channel, terms.primary), {"now": now})
        instants += [max(filter(None, (row.next_free_at, row.paused_until))) for row in held_up]
    return min((at for at in instants if at is not None), default=None)


def host_of(connection: sa.Connection, of: Notice) -> Host | None:
    """The message that a reply answers: the incident's own, else the digest that tells it."""
    h = _host
    told = (Status.SENT, Status.RELAYED, Status.SENDING)
    query = (
        sa.select(h)
        .where(_hosts(h.c, _id(of.incident_id), _id(of.digest_id)))
        .where(h.c.status.in_(told), h.c.sent_at.is_not(None))
        .order_by(sa.case((h.c.kind == ROOT, 0), else_=1), h.c.id.desc())
        .limit(1)
    )
    row = connection.execute(query).first()
    return None if row is None else Host(Notice.of(row))


# --- the conditions -------------------------------------------------------------------------------

# Made once, as are the statements: making one takes several times as long as running it.
_here = destination.alias("here")
_own = destination.alias("own")
_other = destination.alias("other")
_host = outbox.alias("host")
_host_here = outbox.alias("host_here")
_earlier = outbox.alias("earlier")
_root = outbox.alias("root")
_member = incident.alias("member")
_told_in = digest_incident.alias("told_in")

_now = sa.bindparam("now", type_=UTCDateTime())
_since = sa.bindparam("since", type_=UTCDateTime())
"""What is older than the patience."""

_FIRST_WAITING = sa.select(sa.func.min(outbox.c.next_at)).where(
    outbox.c.status.in_([Status.PENDING, Status.BLOCKED]), outbox.c.next_at > _now
)


@functools.cache
def _may_go_next(turn: Turn, channel: str, channels: tuple[str, ...]) -> sa.Select[Any]:
    """The notice that may go next through the channel."""
    c = outbox.c
    return (
        sa.select(outbox)
        .select_from(_with_destinations(channel, channels[0]))
        .where(_is_free(), _may_go(turn, channel, channels), _has_turn(turn, channels))
        .order_by(
            sa.case((_here.c.blocked_since.is_not(None), c.failures), else_=0),
            _priority(),
            c.created_at,
            c.id,
        )
        .limit(1)
        .with_for_update(of=outbox, skip_locked=True)
    )


@functools.cache
def _may_be_edited(channel: str, primary: str) -> sa.Select[Any]:
    """The message of the channel that may be edited next."""
    c = outbox.c
    return (
        sa.select(outbox)
        .select_from(_with_destinations(channel, primary))
        .where(_is_outdated(channel), _is_open_now())
        .order_by(_priority(), c.edit_at, c.id)
        .limit(1)
        .with_for_update(of=outbox, skip_locked=True)
    )


@functools.cache
def _held_up(channel: str, primary: str) -> sa.Select[Any, Any]:
    """When the places are free again for which something waits that might go."""
    c = outbox.c
    is_owed = sa.or_(c.status.in_([Status.PENDING, Status.BLOCKED]), _matters_still(channel))
    later = sa.or_(_here.c.next_free_at > _now, _here.c.paused_until > _now)
    return (
        sa.select(_here.c.next_free_at, _here.c.paused_until)
        .distinct()
        .select_from(_with_destinations(channel, primary))
        .where(later, sa.or_(sa.and_(is_owed, c.next_at <= _now), _is_outdated(channel)))
    )


def _with_destinations(channel: str, primary: str) -> Any:
    c = outbox.c
    return (
        outbox.outerjoin(incident, incident.c.id == c.incident_id)
        .outerjoin(_here, sa.and_(_here.c.channel == channel, _here.c.name == c.destination))
        .outerjoin(_own, sa.and_(_own.c.channel == primary, _own.c.name == c.destination))
    )


def _priority() -> sa.ColumnElement[str]:
    """As the incident stands, which may have become worse since it was decided."""
    return sa.func.coalesce(incident.c.priority, outbox.c.priority)


def _reserved(
    connection: sa.Connection, channel: str, name: str, now: dt.datetime, terms: Terms
) -> bool:
    return destinations.reserve(
        connection,
        channel,
        name,
        now,
        interval=terms.interval,
        probe_every=terms.probe_every,
    )


def _is_open_now() -> sa.ColumnElement[bool]:
    d = _here.c
    return sa.and_(
        sa.or_(d.next_free_at.is_(None), d.next_free_at <= _now),
        sa.or_(d.paused_until.is_(None), d.paused_until <= _now),
    )


def _is_free() -> sa.ColumnElement[bool]:
    """Nobody has it, and its destination can take something."""
    c = outbox.c
    unleased = sa.or_(c.lease_until.is_(None), c.lease_until <= _now)
    return sa.and_(unleased, _is_open_now())


def _may_go(turn: Turn, channel: str, channels: tuple[str, ...]) -> sa.ColumnElement[bool]:
    """Its time has come, and so has this channel's."""
    c = outbox.c
    is_lost = c.status == Status.SENDING
    is_waiting = c.status.in_([Status.PENDING, Status.BLOCKED])
    if turn is Turn.OWN:
        due = sa.and_(sa.or_(is_waiting, _matters_still(channel)), c.next_at <= _now)
        return sa.or_(is_lost, due)
    # Pictures are no news, and what people were told is told.
    conditions = [c.kind != PICTURE, c.sent_at.is_(None), *_others_fail(channel, channels)]
    if turn is Turn.DESPERATE:
        failing = [c.failures >= DESPERATE_FAILURES, c.first_attempt_at <= _since]
        return sa.and_(*conditions, sa.or_(is_waiting, is_lost), *failing)
    began = sa.or_(
        sa.and_(c.due_at <= _since, _own.c.failing_since <= _since), _is_told_only_by(channel)
    )
    was_here = sa.exists().where(doubt.c.outbox_id == c.id, doubt.c.channel == channel)
    return sa.and_(*conditions, sa.or_(is_waiting, sa.and_(is_lost, was_here)), began)


def _matters_still(channel: str) -> sa.ColumnElement[bool]:
    """People were told by another channel of something that is not over."""
    c = outbox.c
    member = _member
    of_digest = sa.exists().where(
        digest_incident.c.digest_id == c.digest_id,
        digest_incident.c.incident_id == member.c.id,
        member.c.status != "resolved",
    )
    is_open = sa.or_(incident.c.status != "resolved", of_digest)
    return sa.and_(c.status == Status.RELAYED, c.sent_by != channel, is_open)


def _others_fail(channel: str, channels: tuple[str, ...]) -> list[sa.ColumnElement[bool]]:
    """The fallbacks before this one cannot take it."""
    other = _other
    return [
        sa.exists().where(
            other.c.channel == name,
            other.c.name == outbox.c.destination,
            other.c.paused_until > _now,
        )
        for name in channels[1 : channels.index(channel)]
    ]


def _has_turn(turn: Turn, channels: tuple[str, ...]) -> sa.ColumnElement[bool]:
    """It is a root; or its root was shown, and nothing before it waits in the same place."""
    is_root = outbox.c.kind.in_(HOSTS)
    return sa.or_(is_root, sa.and_(_is_first(), ~_root_waits(), _is_hosted(turn, channels)))


def _is_first() -> sa.ColumnElement[bool]:
    c, e = outbox.c, _earlier
    return ~sa.exists().where(
        e.c.incident_id == c.incident_id,
        e.c.destination == c.destination,
        e.c.id < c.id,
        e.c.status.in_(OWED),
        e.c.kind != PICTURE,
        e.c.sent_at.is_(None),
    )


def _root_waits() -> sa.ColumnElement[bool]:
    c, r = outbox.c, _root
    return sa.exists().where(
        r.c.incident_id == c.incident_id,
        r.c.kind == ROOT,
        r.c.status.in_(OWED),
        r.c.sent_at.is_(None),
    )


def _is_hosted(turn: Turn, channels: tuple[str, ...]) -> sa.ColumnElement[bool]:
    """People have seen what it answers where it will be, or could not be shown it at all."""
    h = _host
    is_refused = h.c.status == Status.QUARANTINED
    if turn is not Turn.OWN:
        return sa.exists().where(_hosts(h.c), sa.or_(h.c.sent_at.is_not(None), is_refused))
    # What a channel told that is not there any more does not come to this one by itself.
    is_left = sa.and_(h.c.status == Status.RELAYED, h.c.sent_by.not_in(channels))
    is_here = h.c.status == Status.SENT
    return sa.exists().where(_hosts(h.c), sa.or_(is_here, is_refused, is_left))


def _is_told_only_by(channel: str) -> sa.ColumnElement[bool]:
    """What it answers is in this channel, and in no other."""
    h = _host_here
    return sa.and_(
        outbox.c.kind.not_in(HOSTS),
        sa.exists().where(
            _hosts(h.c),
            h.c.status.in_([Status.RELAYED, Status.SENDING]),
            h.c.sent_by == channel,
        ),
    )


def _hosts(
    h: Any,
    incident_id: Any = outbox.c.incident_id,
    digest_id: Any = outbox.c.digest_id,
) -> sa.ColumnElement[bool]:
    """Whether `h` is a message that can hold replies of the incident, or of the digest."""
    member = _told_in
    in_digest = (
        sa.exists()
        .where(member.c.digest_id == h.digest_id, member.c.incident_id == incident_id)
        .correlate_except(member)
    )
    of_digest = sa.or_(in_digest, h.digest_id == digest_id)
    return sa.or_(
        sa.and_(h.kind == ROOT, h.incident_id == incident_id),
        sa.and_(h.kind == DIGEST, of_digest),
    )


def _id(value: int | None) -> sa.ColumnElement[int | None]:
    return sa.literal(value, sa.BigInteger())


def _is_outdated(channel: str) -> sa.ColumnElement[bool]:
    """A message of the channel does not show how things stand, and may be edited."""
    c = outbox.c
    return sa.and_(
        c.kind.in_(HOSTS),
        c.status.in_([Status.SENT, Status.RELAYED]),
        c.sent_by == channel,
        c.message_ts != "",
        sa.or_(c.lease_until.is_(None), c.lease_until <= _now),
        sa.or_(c.edit_at.is_(None), c.edit_at <= _now),
        revision_of() > c.applied_revision,
    )
