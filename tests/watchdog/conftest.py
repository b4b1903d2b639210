"""Stores for the tests of the watchdog."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitoring_dagster.store import Store


@pytest.fixture(scope="session")
def empty_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file that is up to date, to be copied: making one takes most of a test's time."""
    path = tmp_path_factory.mktemp("watchdog") / "store.db"
    with contextlib.closing(Store(f"sqlite:///{path}")) as made:
        made.upgrade()
    return path


@pytest.fixture
def store(tmp_path: Path, empty_file: Path) -> Iterator[Store]:
    """A store in SQLite."""
    shutil.copy(empty_file, tmp_path / "store.db")
    url = f"sqlite:///{tmp_path / 'store.db'}"
    with contextlib.closing(Store(url, pause=lambda _: None)) as opened:
        yield opened


@pytest.fixture
def postgres_store(postgres_url: str) -> Iterator[Store]:
    """A store in PostgreSQL."""
    with contextlib.closing(Store(postgres_url, pause=lambda _: None)) as made:
        made.upgrade()
        yield made


@pytest.fixture(params=["sqlite", "postgresql"])
def either_store(request: pytest.FixtureRequest) -> Store:
    """A store on each of both databases."""
    name = "store" if request.param == "sqlite" else "postgres_store"
    return request.getfixturevalue(name)
