"""What the watchdog asks of the store: how far a monitor is, and which days had rows.

Only SELECTs; what follows from the answers is decided in `incidents.watchdog`.
"""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple

import sqlalchemy as sa

from monitoring_dagster.store.evaluations import SHORT_KEY_BYTES
from monitoring_dagster.store.response_tables import incident
from monitoring_dagster.store.tables import evaluation, measurement
from monitoring_dagster.store.values import key_text
from monitoring_dagster.store.verdicts import STAGE


class SnapshotDay(NamedTuple):
    """Whether the snapshot of one kind (`features`) has rows on a day that was measured."""

    kind: str
    day: dt.date
    has_rows: bool


def evaluated_until(connection: sa.Connection, monitor: str) -> dt.date | None:
    """The last day that was evaluated; None where none was."""
    c = evaluation.c
    query = sa.select(sa.func.max(c.day)).where(c.monitor == _name(monitor), c.stage == STAGE)
    return connection.execute(query).scalar()


def snapshot_days(connection: sa.Connection, monitor: str, days: int) -> list[SnapshotDay]:
    """Of the last so many calendar days up to the last measured one, those that were measured."""
    c = measurement.c
    about = (c.monitor == _name(monitor), c.metric == "snapshot_rows", c.segment == "all")
    last = connection.execute(sa.select(sa.func.max(c.day)).where(*about)).scalar()
    if last is None:
        return []
    query = (
        sa.select(c["column"], c.day, c.value)
        .where(*about, c.day > last - dt.timedelta(days=days))
        .order_by(c["column"], c.day)
    )
    return [
        SnapshotDay(column.removeprefix("@"), day, bool(value))
        for column, day, value in connection.execute(query)
    ]


def with_open(connection: sa.Connection, cause_kind: str) -> set[str]:
    """The names under which incidents of that kind of cause are open."""
    c = incident.c
    query = (
        sa.select(c.monitor)
        .distinct()
        .where(c.cause_kind == cause_kind, c.status.in_(["open", "acknowledged"]))
    )
    return set(connection.execute(query).scalars())


def _name(monitor: str) -> str:
    return key_text(monitor, max_bytes=SHORT_KEY_BYTES)
