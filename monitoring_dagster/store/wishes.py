"""Wishes: which messages people may react to, and which of their reactions were seen before.

What a reaction asks for is decided in `notifications`, what it does in `incidents`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from monitoring_dagster.store.incidents import OPEN
from monitoring_dagster.store.outbox import DIGEST, ROOT, Status
from monitoring_dagster.store.response_tables import digest_incident, heard, incident, outbox
from monitoring_dagster.store.statements import in_parts

Wish = tuple[str, str]
"""What is wished, and who wishes it."""


class About(NamedTuple):
    """An open incident that a message tells of."""

    incident_id: int
    ref: str
    monitor: str


class Posted(NamedTuple):
    """Where a message is, and the open incidents that a reaction to it is about."""

    sent_by: str
    channel: str
    ts: str
    about: tuple[About, ...]


def posted(connection: sa.Connection) -> list[Posted]:
    """The messages that tell of open incidents, those of incidents opened last first.

    Each incident belongs to one message: its own, or the latest digest that tells it.
    """
    c, i, of = outbox.c, incident.c, digest_incident.c
    columns = (i.id, i.ref, i.monitor, i.opened_at, c.id.label("notice"))
    where = (c.sent_by, c.channel, c.message_ts)
    is_there = sa.and_(
        c.status.in_([Status.SENT, Status.RELAYED]), c.message_ts != "", i.status.in_(OPEN)
    )
    own = (
        sa.select(*columns, *where)
        .join(incident, i.id == c.incident_id)
        .where(c.kind == ROOT, is_there)
    )
    other = outbox.alias("other")
    has_own = sa.exists().where(
        other.c.incident_id == i.id, other.c.kind == ROOT, other.c.status != Status.DIGESTED
    )
    told = (
        sa.select(*columns, *where)
        .join(digest_incident, of.digest_id == c.digest_id)
        .join(incident, i.id == of.incident_id)
        .where(c.kind == DIGEST, is_there, ~has_own)
    )
    rows = [*connection.execute(own), *connection.execute(told)]
    return _by_message(sorted(rows, key=lambda row: (row.opened_at, row.notice), reverse=True))


def _by_message(rows: Sequence[Any]) -> list[Posted]:
    latest: dict[int, Any] = {}
    for row in rows:
        if row.id not in latest or row.notice > latest[row.id].notice:
            latest[row.id] = row
    messages: dict[int, Posted] = {}
    for row in latest.values():
        so_far = messages.get(row.notice)
        about = About(row.id, row.ref, row.monitor)
        messages[row.notice] = Posted(
            row.sent_by, row.channel, row.message_ts, (*(so_far.about if so_far else ()), about)
        )
    return list(messages.values())


def known(
    connection: sa.Connection, incident_ids: Collection[int]
) -> Mapping[int, frozenset[Wish]]:
    """The wishes about each of the incidents that stood at the last look."""
    c = heard.c
    found: dict[int, set[Wish]] = {number: set() for number in incident_ids}
    for part in in_parts(found):
        query = sa.select(c.incident_id, c.wish, c.person).where(c.incident_id.in_(part))
        for row in connection.execute(query):
            found[row.incident_id].add((row.wish, row.person))
    return {number: frozenset(wishes) for number, wishes in found.items()}


def newly_heard(connection: sa.Connection, incident_id: int, wishes: set[Wish]) -> set[Wish]:
    """Of the wishes about the incident that stand now, those that did not at the last look."""
    c = heard.c
    before = known(connection, [incident_id])[incident_id]
    for wish, person in before - wishes:
        taken_back = sa.and_(c.incident_id == incident_id, c.wish == wish, c.person == person)
        connection.execute(sa.delete(heard).where(taken_back))
    for wish, person in sorted(wishes - before):
        row = {"incident_id": incident_id, "wish": wish, "person": person}
        connection.execute(sa.insert(heard).values(row))
    return wishes - before
