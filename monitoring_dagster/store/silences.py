"""Silences as rows. What a silence matches, and what follows from it, is decided in `incidents`.

Every function works within the caller's transaction.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from monitoring_dagster.store.evaluations import DETAIL_BYTES
from monitoring_dagster.store.response_tables import silence
from monitoring_dagster.store.values import free_text


def add(connection: sa.Connection, row: Mapping[str, Any]) -> int:
    """Remember a silence; returns its id."""
    said = ("monitor", "cause", "author", "because")
    texts = {name: free_text(row[name], max_bytes=DETAIL_BYTES) for name in said}
    return connection.execute(
        sa.insert(silence).values({**row, **texts}).returning(silence.c.id)
    ).scalar_one()


def standing(connection: sa.Connection) -> Sequence[Any]:
    """Silences whose end was not dealt with yet, begun or not."""
    query = sa.select(silence).where(silence.c.ended_at.is_(None)).order_by(silence.c.id)
    return connection.execute(query).all()


def end(connection: sa.Connection, silence_id: int, at: dt.datetime) -> bool:
    """Remember that a silence is over; False where that was known."""
    c = silence.c
    statement = sa.update(silence).where(c.id == silence_id, c.ended_at.is_(None))
    return connection.execute(statement.values(ended_at=at)).rowcount == 1


def is_any_over(connection: sa.Connection, now: dt.datetime) -> bool:
    """Whether the end of a silence is still to be dealt with."""
    c = silence.c
    query = sa.select(c.id).where(c.ended_at.is_(None), c.ends_at <= now).limit(1)
    return connection.scalar(query) is not None
