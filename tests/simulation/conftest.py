"""A place for simulations: a folder in memory, and a database that is up to date."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitoring_dagster.store import Store
from tests.notifications_delivery.wall import in_memory
from tests.simulation.world import Site


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database that is up to date, to be copied: upgrading one takes longer than a simulation."""
    path = tmp_path_factory.mktemp("template") / "store.db"
    with contextlib.closing(Store(f"sqlite:///{path}")) as store:
        store.upgrade()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


@pytest.fixture
def site(template: Path) -> Iterator[Site]:
    folder = in_memory()
    made = Site(folder, template)
    with made.listening():
        yield made
    made.store.disconnect()
    shutil.rmtree(folder)
