"""The store on both databases: every test that takes `store` runs on SQLite and PostgreSQL."""

from __future__ import annotations

import contextlib
import multiprocessing as mp
from collections.abc import Iterator
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest

from monitoring_dagster.store import Store


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of a database without tables (SQLite: without a file)."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'store.db'}"
    return request.getfixturevalue("postgres_url")


@pytest.fixture
def pauses() -> list[float]:
    """The pauses that the store made, in seconds, instead of making them."""
    return []


@pytest.fixture
def store(empty_url: str, pauses: list[float]) -> Iterator[Store]:
    """A store that is up to date."""
    with contextlib.closing(Store(empty_url, wait_seconds=20, pause=pauses.append)) as store:
        store.upgrade()
        yield store


@pytest.fixture
def store_url(store: Store, empty_url: str) -> str:
    """URL of a store that is up to date, for other processes."""
    return empty_url


@pytest.fixture(scope="session")
def processes() -> ForkServerContext:
    """Starts processes that share nothing with this one, and quickly."""
    context = mp.get_context("forkserver")
    context.set_forkserver_preload(["tests.store.builders", "alembic.command"])
    return context
