"""Parts of statements that both databases understand alike.

Tables are in `tables` and `response_tables`, single values in `values`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from monitoring_dagster.store.values import UTCDateTime

T = TypeVar("T")

AT_ONCE = 500
"""Values in one list of a statement: SQLite takes 32,766 altogether."""


def inserting(connection: sa.Connection, table: sa.Table) -> Any:
    """An insert with `on_conflict_do_nothing` and `on_conflict_do_update`."""
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)


def instant(at: dt.datetime) -> sa.ColumnElement[dt.datetime]:
    """An instant within an expression, where no column says that it is one.

    A bare datetime would lose its zone in SQLite, and sort before every instant of its day.
    """
    return sa.literal(at, UTCDateTime())


def in_parts(values: Collection[T]) -> Iterator[list[T]]:
    """The values in parts that one statement takes; nothing of nothing.

    >>> [len(part) for part in in_parts(range(1_200))]
    [500, 500, 200]
    """
    listed = list(values)
    for start in range(0, len(listed), AT_ONCE):
        yield listed[start : start + AT_ONCE]
