"""Fixtures that more than one room's tests need: a PostgreSQL server and databases on it.

What only one room needs stays in that room's own conftest.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.postgres import fresh_database, running_server


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
