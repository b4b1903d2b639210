"""Parts of statements that both databases understand alike.

Tables are in `tables` and `response_tables`, single values in `values`.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from monitoring_dagster.store.values import UTCDateTime


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
