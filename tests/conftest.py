"""Fixtures that more than one room's tests need: a PostgreSQL server and databases on it.

What only one room needs stays in that room's own conftest.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.postgres import fresh_database, running_server

# The same examples on every machine, and no clock: a busy machine is not a failing test.
settings.register_profile(
    "suite", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("suite")


@pytest.fixture(autouse=True)
def _loggers_speak() -> None:
    """Dagster and Alembic configure logging, and with it silence whatever logger there was."""
    logging.disable(logging.NOTSET)
    for name, logger in logging.root.manager.loggerDict.items():
        if name.startswith("monitoring_dagster") and isinstance(logger, logging.Logger):
            logger.disabled = False


@pytest.fixture(autouse=True)
def _mlflow_forgets() -> None:
    """MLflow leaves the address that a test has used in the environment of those after it."""
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"):
        os.environ.pop(name, None)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """URL of a PostgreSQL server of this test process (one per worker)."""
    with running_server() as url:
        yield url


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """URL of an empty PostgreSQL database that only this test uses."""
    with fresh_database(postgres_server) as url:
        yield url
