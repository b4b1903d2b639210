"""What the tables say, so that two stores can be compared.

Rows are told by names instead of numbers: a number that a failed transaction took is gone. What
else is left out is listed here with its reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

import sqlalchemy as sa

from monitoring_dagster.store import Store
from monitoring_dagster.store.audit import verify
from monitoring_dagster.store.audit.tables import audit, audit_payload
from monitoring_dagster.store.response_tables import (
    cause_day,
    digest,
    digest_incident,
    doubt,
    heard,
    incident,
    incident_event,
    incident_signal,
    outbox,
    silence,
)
from monitoring_dagster.store.tables import detector_state, evaluation, measurement, verdict

COMPARED = (
    evaluation,
    measurement,
    verdict,
    detector_state,
    cause_day,
    incident,
    incident_signal,
    incident_event,
    heard,
    silence,
    digest,
    digest_incident,
    outbox,
    doubt,
)
"""All that is decided and delivered. Not `destination`, which only paces; not `heartbeat`."""

ATTEMPTS = frozenset(
    {
        *("attempts", "first_attempt_at", "failures", "last_error"),  # how often it was tried
        *("lease_owner", "lease_until", "next_at", "edit_at"),  # who tries next, and when
        *("sent_at", "message_ts"),  # when it arrived: later, if it was tried again
    }
)
"""Columns of the outbox that tell how delivery went, and not what people are owed and told."""

Rows = Counter[tuple[Any, ...]]

PICTURE = "picture"


class Acted(NamedTuple):
    """An entry of the audit log without when, and what it holds."""

    actor: str
    action: str
    subject: str


def tables(store: Store, *, delivery: bool = False) -> dict[str, Rows]:
    """Every compared table as a multiset of rows.

    Args:
        delivery: leave out how delivery went (`ATTEMPTS`), and whether a picture arrived: it is
            sent at most once, so one that may have been lost is given up.
    """

    def work(connection: sa.Connection) -> dict[str, Rows]:
        names = _names(connection)
        return {table.name: _rows(connection, table, names, delivery) for table in COMPARED}

    return store.read(work)


def differences(ours: Mapping[str, Rows], theirs: Mapping[str, Rows]) -> dict[str, Any]:
    """Which rows are in one only, table by table; nothing where they are equal."""
    return {
        name: (ours[name] - theirs[name], theirs[name] - ours[name])
        for name in ours
        if ours[name] != theirs[name]
    }


def acted(store: Store) -> Counter[Acted]:
    """The audit log as a multiset, once its chain is seen to be whole."""

    def work(connection: sa.Connection) -> Counter[Acted]:
        verified = verify(connection)
        assert verified.is_intact, verified.text
        c = audit.c
        query = sa.select(c.actor, c.action, c.subject_id)
        return Counter(Acted(*row) for row in connection.execute(query))

    return store.read(work)


def payloads(store: Store) -> Counter[str]:
    """What the entries of the audit log hold."""
    query = sa.select(audit_payload.c.payload)
    return Counter(store.read(lambda connection: connection.execute(query).scalars().all()))


def rows(store: Store, table: sa.Table, *columns: str) -> list[Any]:
    """Rows of a table in the order in which they were written; one value alone comes bare."""
    order = table.c["id"] if "id" in table.c else sa.text("1")
    chosen = [table.c[name] for name in columns] or [table]
    query = sa.select(*chosen).order_by(order)
    found = store.read(lambda connection: connection.execute(query).all())
    return [row[0] for row in found] if len(columns) == 1 else list(found)


def _rows(
    connection: sa.Connection,
    table: sa.Table,
    names: Mapping[str, Mapping[int, Any]],
    delivery: bool,
) -> Rows:
    left_out = {"id", *(ATTEMPTS if delivery and table is outbox else ())}
    columns = [c for c in table.c if c.name not in left_out]
    found = [list(row) for row in connection.execute(sa.select(*columns))]
    for at, column in enumerate(columns):
        if (known := names.get(column.name)) is not None:
            for row in found:
                row[at] = known.get(row[at])
    if delivery and table is outbox:
        kind = [c.name for c in columns].index("kind")
        arrival = [i for i, c in enumerate(columns) if c.name in ("status", "channel", "sent_by")]
        for row in found:
            for i in arrival if row[kind] == PICTURE else ():
                row[i] = None
    if delivery and table is doubt:
        at = [c.name for c in columns].index("outbox_id")
        found = [row for row in found if not row[at][0].startswith(PICTURE)]
    return Counter(map(tuple, found))


def _names(connection: sa.Connection) -> dict[str, dict[int, Any]]:
    e = evaluation.c
    of_evaluation = sa.select(e.id, e.monitor, e.day, e.stage, e.revision)
    return {
        "incident_id": _by_id(connection, sa.select(incident.c.id, incident.c.ref)),
        "digest_id": _by_id(connection, sa.select(digest.c.id, digest.c.batch)),
        "outbox_id": _by_id(connection, sa.select(outbox.c.id, outbox.c.key)),
        "evaluation_id": _by_id(connection, of_evaluation),
    }


def _by_id(connection: sa.Connection, query: sa.Executable) -> dict[int, Any]:
    return {row[0]: tuple(row[1:]) for row in connection.execute(query)}
