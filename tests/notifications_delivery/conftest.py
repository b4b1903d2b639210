"""Delivery on both databases: every test that takes `world` runs on SQLite and PostgreSQL."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from monitoring_dagster.store import Store
from tests.notifications_delivery.wall import Clock, Wall, World, in_memory
from tests.postgres import fresh_database


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database that is up to date, to be copied: upgrading one takes longer than most tests."""
    path = tmp_path_factory.mktemp("template") / "store.db"
    with contextlib.closing(Store(f"sqlite:///{path}")) as store:
        store.upgrade()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


@pytest.fixture(scope="session")
def postgres_store(postgres_server: str) -> Iterator[str]:
    """A database that is up to date, which every test empties."""
    with fresh_database(postgres_server) as url:
        with contextlib.closing(Store(url)) as store:
            store.upgrade()
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, sqlite_template: Path) -> Iterator[str]:
    """URL of a database that is up to date, and empty."""
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_store")
        empty(url)
        yield url
        return
    path = in_memory() / "store.db"
    shutil.copyfile(sqlite_template, path)
    # As long as somebody has it open, nobody else writes the whole log back at every close.
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("SELECT count(*) FROM outbox").fetchone()
        yield f"sqlite:///{path}"
    shutil.rmtree(path.parent)


def empty(url: str) -> None:
    with contextlib.closing(Store(url)) as store:
        tables = "outbox, doubt, destination, digest, digest_incident, incident"
        store.write(lambda c: c.execute(sa.text(f"TRUNCATE {tables} RESTART IDENTITY CASCADE")))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def world(store_url: str, clock: Clock) -> Iterator[World]:
    with contextlib.closing(Store(store_url, wait_seconds=20, pause=lambda _: None)) as store:
        yield World(store, clock)


@pytest.fixture
def wall(clock: Clock) -> Wall:
    return Wall(clock)


@pytest.fixture
def spare(clock: Clock) -> Wall:
    """A second wall, for what the first does not show."""
    return Wall(clock, name="spare")
