"""The audit log on both databases: every test that takes `store` runs on SQLite and PostgreSQL."""

from __future__ import annotations

import contextlib
import multiprocessing as mp
import shutil
import uuid
from collections.abc import Iterator
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest
import sqlalchemy as sa

from monitoring_dagster.store import Store
from monitoring_dagster.store.audit.tables import audit_head
from tests.postgres import fresh_database


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite store that is up to date, to be copied: migrating takes longer than most tests."""
    path = tmp_path_factory.mktemp("migrated") / "store.db"
    store = Store(f"sqlite:///{path}")
    store.upgrade()
    with store._database.engine.connect().execution_options(begin="") as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    store.close()
    return path


@pytest.fixture(scope="session")
def migrated_database(postgres_server: str) -> Iterator[str]:
    """A PostgreSQL store that is up to date, to be copied."""
    with fresh_database(postgres_server) as url:
        store = Store(url)
        store.upgrade()
        store.close()
        yield url


@contextlib.contextmanager
def copied(server_url: str, template_url: str) -> Iterator[str]:
    """URL of a copy of a database that nobody is connected to."""
    name, template = f"test_{uuid.uuid4().hex}", sa.make_url(template_url).database
    engine = sa.create_engine(server_url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.execute(sa.text(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'))
    try:
        yield sa.make_url(server_url).set(database=name).render_as_string(hide_password=False)
    finally:
        with engine.connect() as connection:
            connection.execute(sa.text(f'DROP DATABASE "{name}" WITH (FORCE)'))


@pytest.fixture
def sqlite_url(tmp_path: Path, migrated_file: Path) -> str:
    """URL of `store.db` in the test's folder."""
    shutil.copy(migrated_file, tmp_path / "store.db")
    return f"sqlite:///{tmp_path / 'store.db'}"


@pytest.fixture(scope="session")
def shared_url(postgres_server: str, migrated_database: str) -> Iterator[str]:
    """URL of a PostgreSQL store that tests use one after the other."""
    with copied(postgres_server, migrated_database) as url:
        yield url


@pytest.fixture
def emptied_url(shared_url: str) -> str:
    """URL of a PostgreSQL store that is as after its migration: copying one takes far longer."""
    engine = sa.create_engine(shared_url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.execute(sa.text("SET search_path TO monitoring"))
        for table in ("audit", "audit_payload"):
            connection.execute(sa.text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
        tables = "audit, audit_payload, audit_head, audit_key, new_normal"
        connection.execute(sa.text(f"TRUNCATE {tables}"))
        for table in ("audit", "audit_payload"):
            connection.execute(sa.text(f"ALTER TABLE {table} ENABLE TRIGGER USER"))
        connection.execute(sa.insert(audit_head), {"id": 1, "seq": 0, "hash": bytes(32)})
    return shared_url


@pytest.fixture(params=["sqlite_url", "emptied_url"], ids=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest) -> str:
    """URL of a database, for other processes, too."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    """A store that is up to date."""
    with contextlib.closing(Store(store_url, wait_seconds=30)) as store:
        yield store


@pytest.fixture
def sqlite_store(sqlite_url: str) -> Iterator[Store]:
    """A store in `store.db`, for what is the same on both databases."""
    with contextlib.closing(Store(sqlite_url)) as store:
        yield store


@pytest.fixture
def postgres_store(emptied_url: str) -> Iterator[Store]:
    """A store on PostgreSQL, for what only that can be asked."""
    with contextlib.closing(Store(emptied_url)) as store:
        yield store


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def lasting_store(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Store]:
    """A store for all tests of a module, each of which takes back what it did."""
    with contextlib.ExitStack() as stack:
        if request.param == "sqlite":
            path = tmp_path_factory.mktemp("lasting") / "store.db"
            shutil.copy(request.getfixturevalue("migrated_file"), path)
            url = f"sqlite:///{path}"
        else:
            names = ("postgres_server", "migrated_database")
            url = stack.enter_context(copied(*map(request.getfixturevalue, names)))
        yield stack.enter_context(contextlib.closing(Store(url)))


@pytest.fixture(scope="session")
def processes() -> ForkServerContext:
    """Starts processes that share nothing with this one, and quickly."""
    context = mp.get_context("forkserver")
    context.set_forkserver_preload(["tests.store_audit.builders"])
    return context
