"""Engines for the two databases that the store runs on, with their settings.

Which statements are sent, and what happens when one fails, is decided elsewhere.
"""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import ArgumentError

from monitoring_dagster.errors import StoreError

EXAMPLES = "sqlite:////var/lib/monitoring/store.db or postgresql+psycopg2://user@host/database"

_SCHEMA_PATTERN = re.compile(r"[a-z][a-z0-9_]{0,62}")


def parse_url(url: str) -> sa.URL:
    """The URL, checked; the text of an error never holds it, since it may hold a password.

    `postgresql://` means psycopg2, the one driver that Dagster's own storage installs, too.

    Raises:
        StoreError: It is no URL, or of a database that the store does not run on.
    """
    try:
        parsed = sa.make_url(url)
    except (ArgumentError, ValueError, TypeError):
        raise StoreError(
            f"the URL of the store cannot be read; it must look like {EXAMPLES}"
        ) from None
    dialect = parsed.get_backend_name()
    if dialect in ("postgres", "postgresql"):
        return parsed.set(drivername="postgresql+psycopg2")
    if dialect != "sqlite":
        raise StoreError(
            f"the store does not run on {dialect}; it needs SQLite or PostgreSQL: {EXAMPLES}"
        )
    if not parsed.database or ":memory:" in parsed.database:
        raise StoreError(
            "the store cannot live in memory, where other processes do not see it; "
            f"give it a file, as in {EXAMPLES}"
        )
    return sa.URL.create("sqlite", database=str(Path(parsed.database).absolute()))


def shown(url: sa.URL) -> str:
    """The URL for people: without its password and without options, which may hold one.

    >>> shown(sa.make_url("postgresql+psycopg2://me:secret@db:5432/prod?password=secret"))
    'postgresql+psycopg2://me:***@db:5432/prod'
    """
    return url.set(query={}).render_as_string(hide_password=True)


def checked_schema(schema: str) -> str:
    """The name of a PostgreSQL schema, where it needs no quoting."""
    if not _SCHEMA_PATTERN.fullmatch(schema):
        raise StoreError(
            f"{schema!r} cannot be the store's schema; "
            "it must be lower case letters, digits and _, such as monitoring"
        )
    return schema


def sqlite_engine(
    url: sa.URL, *, wait_seconds: float, create: bool = False, foreign_keys: bool = True
) -> sa.Engine:
    """An engine on a SQLite file; the file must exist unless `create`.

    WAL lets readers go on while somebody writes, `synchronous=FULL` keeps the last commits over
    a power cut. Connections are not pooled: one that outlives a deleted file would go on writing
    into the void.
    """
    path = Path(str(url.database))
    address = f"{path.as_uri()}?mode={'rwc' if create else 'rw'}"

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(
            address, uri=True, timeout=wait_seconds, isolation_level=None, check_same_thread=False
        )
        try:
            connection.execute(f"PRAGMA busy_timeout = {round(wait_seconds * 1000)}")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute(f"PRAGMA foreign_keys = {'ON' if foreign_keys else 'OFF'}")
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    engine = sa.create_engine(url, creator=connect, poolclass=sa.NullPool, hide_parameters=True)

    @event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:  # pyright: ignore[reportUnusedFunction]
        options = connection.get_execution_options()
        if options.get("wait_seconds") is not None:
            wait = round(options["wait_seconds"] * 1000)
            connection.exec_driver_sql(f"PRAGMA busy_timeout = {wait}")
        connection.exec_driver_sql(options.get("begin", "BEGIN"))

    return engine


def postgres_engine(url: sa.URL, *, schema: str, wait_seconds: float) -> sa.Engine:
    """An engine on PostgreSQL that sees the store's own schema and nothing else."""
    settings = {
        "search_path": schema,
        "timezone": "UTC",
        "statement_timeout": "60s",
        "lock_timeout": f"{round(wait_seconds * 1000)}ms",
        "idle_in_transaction_session_timeout": "60s",
    }
    options = " ".join(f"-c {name}={value}" for name, value in settings.items())
    given = url.query.get("options", "")
    arguments: dict[str, Any] = {
        "connect_timeout": 5,
        "application_name": "monitoring-dagster",
        "keepalives_idle": 30,
        **url.query,
        "options": f"{given} {options}".strip(),
    }
    return sa.create_engine(
        url.set(query={}), connect_args=arguments, pool_pre_ping=True, hide_parameters=True
    )
