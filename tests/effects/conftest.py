"""A small deployment that is measured once for all, and what it comes to undisturbed."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from monitoring_dagster.store import Store
from tests.decisions import conftest as drawn
from tests.effects.life import STEPS, WITHOUT_A_COLUMN, Life, copied, lived, made, measure
from tests.effects.office import SlackOffice
from tests.faults.deployment import Deployment
from tests.notifications_delivery.wall import in_memory
from tests.postgres import fresh_database
from tests.slack.clock import HandClock

world = drawn.world
"""The fixture of that name."""


@pytest.fixture(scope="session", autouse=True)
def disk() -> Iterator[None]:
    """A disk that says at once that it has written: no test here pulls its plug."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        yield


@pytest.fixture(scope="session")
def shelf() -> Iterator[Path]:
    """A folder for many small homes, in memory where there is some."""
    folder = in_memory()
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def measured(shelf: Path) -> Path:
    """The home of a deployment whose days are measured and not evaluated."""
    return made(shelf / "measured").home


def undisturbed(shelf: Path, measured: Path, has_slack: bool) -> list[Life]:
    """The same life before each of its steps, and after the last."""
    office = SlackOffice(HandClock(WITHOUT_A_COLUMN.timestamp()))
    url = f"sqlite:///{measured / 'store.db'}"
    name = "slack" if has_slack else "file"
    life = copied(Life(measured, url, office, has_slack), shelf / name)
    before = [copied(life, shelf / f"{name}-0")]
    for i, step in enumerate(STEPS, start=1):
        lived(life, (step,))
        before.append(copied(life, shelf / f"{name}-{i}"))
    return before


@pytest.fixture(scope="session")
def with_slack(shelf: Path, measured: Path) -> list[Life]:
    return undisturbed(shelf, measured, has_slack=True)


@pytest.fixture(scope="session")
def with_file(shelf: Path, measured: Path) -> list[Life]:
    return undisturbed(shelf, measured, has_slack=False)


@pytest.fixture(scope="session")
def measured_on_postgres(postgres_server: str, shelf: Path, measured: Path) -> Iterator[str]:
    """A database with the same measurements as the home's store; only to be copied."""
    deployment = Deployment(Path(shutil.copytree(measured, shelf / "measured-on-postgres")))
    with fresh_database(postgres_server) as url:
        deployment.store = Store(url)
        deployment.store.upgrade()
        measure(deployment)
        deployment.store.close()
        yield url


@contextlib.contextmanager
def copied_database(template: str) -> Iterator[str]:
    """A database with all that another one holds, which nobody is connected to."""
    there = sa.make_url(template)
    name, server = f"copy_{uuid.uuid4().hex}", there.set(database="postgres")
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.execute(sa.text(f'CREATE DATABASE "{name}" TEMPLATE "{there.database}"'))
    try:
        yield there.set(database=name).render_as_string(hide_password=False)
    finally:
        with engine.connect() as connection:
            connection.execute(sa.text(f'DROP DATABASE "{name}" WITH (FORCE)'))


@pytest.fixture(scope="session")
def empty_store(shelf: Path) -> Path:
    """A database that is up to date, to be copied."""
    path = shelf / "empty.db"
    with contextlib.closing(Store(f"sqlite:///{path}")) as store:
        store.upgrade()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


@contextlib.contextmanager
def copied_store(shelf: Path, empty_store: Path) -> Iterator[Store]:
    """A store that nobody else uses."""
    path = Path(tempfile.mkdtemp(dir=shelf)) / "store.db"
    shutil.copyfile(empty_store, path)
    with contextlib.closing(Store(f"sqlite:///{path}")) as store:
        yield store


@pytest.fixture
def store(shelf: Path, empty_store: Path) -> Iterator[Store]:
    """A store that only this test uses."""
    with copied_store(shelf, empty_store) as store:
        yield store
