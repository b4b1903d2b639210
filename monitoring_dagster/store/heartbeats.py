"""Heartbeats: who does something that only one may do, since when, and when they last did.

What follows from two who do the same is decided in `incidents.watchdog`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from typing import NamedTuple

import sqlalchemy as sa

from monitoring_dagster.store.evaluations import SHORT_KEY_BYTES
from monitoring_dagster.store.response_tables import heartbeat
from monitoring_dagster.store.statements import inserting
from monitoring_dagster.store.values import key_text

_c = heartbeat.c


class Beat(NamedTuple):
    """One who does it: from the first sight to the last."""

    owner: str
    since: dt.datetime
    at: dt.datetime


def beat(connection: sa.Connection, name: str, owner: str, at: dt.datetime) -> None:
    """Remember that `owner` does `name` at this instant; an earlier one changes nothing."""
    connection.execute(
        inserting(connection, heartbeat)
        .values(name=name, owner=key_text(owner, max_bytes=SHORT_KEY_BYTES), since=at, at=at)
        .on_conflict_do_update(
            index_elements=[_c.name, _c.owner], set_={"at": at}, where=_c.at < at
        )
    )


def beats(connection: sa.Connection, name: str) -> list[Beat]:
    """Everybody who does `name`, in the order in which they began."""
    query = sa.select(_c.owner, _c.since, _c.at).where(_c.name == name)
    return [Beat(*row) for row in connection.execute(query.order_by(_c.since, _c.owner))]


def forget(connection: sa.Connection, name: str, before: dt.datetime) -> None:
    """Forget those who have not done `name` since."""
    connection.execute(sa.delete(heartbeat).where(_c.name == name, _c.at < before))


def keep_only(connection: sa.Connection, name: str, owners: Collection[str]) -> None:
    """Forget everybody else who does `name`."""
    kept = [key_text(owner, max_bytes=SHORT_KEY_BYTES) for owner in owners]
    connection.execute(sa.delete(heartbeat).where(_c.name == name, _c.owner.not_in(kept)))
