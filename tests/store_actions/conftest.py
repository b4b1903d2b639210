"""The store with actions on both databases: every test that takes `store` runs on both."""

from __future__ import annotations

import contextlib
import multiprocessing as mp
from collections.abc import Iterator
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest
import sqlalchemy as sa

from monitoring_dagster.store import Store, action_tables
from tests.postgres import fresh_database


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def migrated_url(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """URL of a store that is up to date; migrating one takes longer than most tests."""
    with contextlib.ExitStack() as stack:
        url = f"sqlite:///{tmp_path_factory.mktemp('actions') / 'store.db'}"
        if request.param == "postgresql":
            url = stack.enter_context(fresh_database(request.getfixturevalue("postgres_server")))
        with contextlib.closing(Store(url)) as store:
            store.upgrade()
        yield url


@pytest.fixture
def store(migrated_url: str) -> Iterator[Store]:
    """The store; only its log holds what earlier tests left."""
    with contextlib.closing(Store(migrated_url, wait_seconds=20)) as store:
        yield store
        store.write(_emptied)


@pytest.fixture
def url(store: Store, migrated_url: str) -> str:
    """URL of the store, for other processes."""
    return migrated_url


def _emptied(connection: sa.Connection) -> None:
    for table in reversed(action_tables.metadata.sorted_tables):
        if not table.name.startswith("audit"):
            connection.execute(sa.delete(table))


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of a database without tables."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'store.db'}"
    return request.getfixturevalue("postgres_url")


@pytest.fixture(scope="session")
def processes() -> ForkServerContext:
    """Starts processes that share nothing with this one, and quickly."""
    context = mp.get_context("forkserver")
    context.set_forkserver_preload(["tests.store_actions.builders"])
    return context
