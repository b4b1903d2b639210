"""The shop whose model is trained anew, on both databases, or quickly on one."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitoring_dagster.store import Store
from tests.retraining_requests.flights import Shop


@pytest.fixture(scope="session")
def _empty_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file that is up to date, to be copied: making one takes most of a test's time."""
    path = tmp_path_factory.mktemp("requests") / "store.db"
    with contextlib.closing(Store(f"sqlite:///{path}")) as made:
        made.upgrade()
    return path


@pytest.fixture
def shop(tmp_path: Path, _empty_file: Path) -> Iterator[Shop]:
    """Over SQLite."""
    shutil.copy(_empty_file, tmp_path / "store.db")
    url = f"sqlite:///{tmp_path / 'store.db'}"
    with contextlib.closing(Store(url, pause=lambda _: None)) as store:
        yield Shop(store)


@pytest.fixture(params=["sqlite", "postgresql"])
def either(request: pytest.FixtureRequest) -> Iterator[Shop]:
    """Over SQLite, and over PostgreSQL."""
    if request.param == "sqlite":
        yield request.getfixturevalue("shop")
        return
    url = request.getfixturevalue("postgres_url")
    with contextlib.closing(Store(url, wait_seconds=20, pause=lambda _: None)) as store:
        store.upgrade()
        yield Shop(store)
