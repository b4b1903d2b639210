"""Digests as rows: which incidents one message tells of. Why, is decided by the caller.

Digests of storms are made in `storms`. Every function works within the caller's transaction.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import sqlalchemy as sa

from monitoring_dagster.store.incidents import Kept, kept
from monitoring_dagster.store.response_tables import digest, digest_incident, incident
from monitoring_dagster.store.statements import inserting


def of_batch(
    connection: sa.Connection, batch: str, kind: str, monitor: str, at: dt.datetime
) -> int:
    """The digest of a batch, made where there is none."""
    found = connection.scalar(sa.select(digest.c.id).where(digest.c.batch == batch))
    if found is not None:
        return found
    values = {"batch": batch, "kind": kind, "monitor": monitor, "opened_at": at, "revision": 0}
    made = sa.insert(digest).values(values).returning(digest.c.id)
    return connection.execute(made).scalar_one()


def add(connection: sa.Connection, digest_id: int, incident_id: int) -> None:
    """Tell the incident in the digest, which has to be shown anew unless it told it before."""
    key = {"digest_id": digest_id, "incident_id": incident_id}
    statement = inserting(connection, digest_incident).values(key).on_conflict_do_nothing()
    if connection.execute(statement).rowcount == 1:
        is_it = digest.c.id == digest_id
        connection.execute(sa.update(digest).where(is_it).values(revision=digest.c.revision + 1))


def told(connection: sa.Connection, digest_id: int) -> tuple[Any, list[Kept]]:
    """A digest's row, and the incidents that it tells of."""
    row = connection.execute(sa.select(digest).where(digest.c.id == digest_id)).one()
    query = (
        sa.select(incident)
        .join(digest_incident, digest_incident.c.incident_id == incident.c.id)
        .where(digest_incident.c.digest_id == digest_id)
        .order_by(incident.c.opened_at, incident.c.id)
    )
    return row, kept(connection, connection.execute(query).all())
