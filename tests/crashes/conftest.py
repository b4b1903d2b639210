"""Fresh databases of both kinds, and a quick way to start processes."""

from __future__ import annotations

import multiprocessing as mp
from collections.abc import Iterator
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext

import pytest

from tests.crashes.databases import Fresh, on_postgres, on_sqlite

PRELOADED = [
    "tests.crashes.workers",
    "slack_sdk",
    "matplotlib.figure",
    "matplotlib.backends.backend_agg",
]


@pytest.fixture(scope="session")
def processes() -> ForkServerContext:
    """Starts processes that share nothing with this one, and quickly."""
    context = mp.get_context("forkserver")
    # One that other tests have started would import everything anew for each process.
    forkserver._forkserver._stop()  # type: ignore[attr-defined]
    context.set_forkserver_preload(PRELOADED)
    return context


@pytest.fixture(scope="session")
def fresh_sqlite() -> Iterator[Fresh]:
    with on_sqlite() as fresh:
        yield fresh


@pytest.fixture(scope="session")
def fresh_postgres(postgres_server: str) -> Iterator[Fresh]:
    with on_postgres(postgres_server) as fresh:
        yield fresh


@pytest.fixture(params=["sqlite", "postgresql"])
def fresh(request: pytest.FixtureRequest) -> Fresh:
    """Gives databases that were prepared and that nobody else uses."""
    name = "fresh_sqlite" if request.param == "sqlite" else "fresh_postgres"
    return request.getfixturevalue(name)


@pytest.fixture
def store_url(fresh: Fresh) -> Iterator[str]:
    """URL of such a database."""
    with fresh() as url:
        yield url
