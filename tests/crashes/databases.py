"""Fresh databases for rounds, copies of one that was prepared: making one anew takes a second."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import sqlalchemy as sa

from monitoring_dagster.store import Store
from tests.crashes.days import prepare, template
from tests.notifications_delivery.wall import in_memory
from tests.postgres import fresh_database

Fresh = Callable[[], AbstractContextManager[str]]
"""Gives the URL of a database that nobody else uses."""


@contextlib.contextmanager
def on_sqlite() -> Iterator[Fresh]:
    """Fresh SQLite files."""
    folder = in_memory()
    path = template(folder / "template.db")
    try:
        yield lambda: _copied(path)
    finally:
        shutil.rmtree(folder)


@contextlib.contextmanager
def on_postgres(server: str) -> Iterator[Fresh]:
    """Fresh databases on a PostgreSQL server."""
    with fresh_database(server) as url:
        with contextlib.closing(Store(url)) as store:
            prepare(store)
        yield lambda: _cloned(url)


@contextlib.contextmanager
def _copied(path: Path) -> Iterator[str]:
    copy = path.with_name(f"{uuid.uuid4().hex}.db")
    shutil.copyfile(path, copy)
    # As long as somebody has it open, nobody else writes the whole log back at every close.
    with contextlib.closing(sqlite3.connect(copy)) as held:
        held.execute("SELECT count(*) FROM outbox").fetchone()
        yield f"sqlite:///{copy}"


@contextlib.contextmanager
def _cloned(url: str) -> Iterator[str]:
    made, name = sa.make_url(url), f"test_{uuid.uuid4().hex}"
    server = made.set(database="postgres")
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.execute(sa.text(f'CREATE DATABASE "{name}" TEMPLATE "{made.database}"'))
    try:
        yield made.set(database=name).render_as_string(hide_password=False)
    finally:
        with engine.connect() as connection:
            connection.execute(sa.text(f'DROP DATABASE "{name}" WITH (FORCE)'))
