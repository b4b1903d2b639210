"""Databases that go away, are locked, damaged or missing, and what people are told then."""

from __future__ import annotations

import contextlib
import os
import socket
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from monitoring_dagster.errors import StoreError, StoreUnreachable
from monitoring_dagster.store import Store
from tests.store.builders import evaluation, rows

# --- PostgreSQL ------------------------------------------------------------------------------


@pytest.fixture
def on_postgres(postgres_url: str, pauses: list[float]) -> Iterator[Store]:
    with contextlib.closing(Store(postgres_url, pause=pauses.append)) as store:
        store.upgrade()
        yield store


@pytest.fixture
def admin(postgres_url: str) -> Iterator[sa.Connection]:
    engine = sa.create_engine(postgres_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def terminate_others(admin: sa.Connection) -> int:
    statement = sa.text(
        "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    return admin.execute(statement).scalar_one()


@pytest.mark.parametrize("moment", ["INSERT INTO evaluation", "INSERT INTO measurement", "COMMIT"])
def test_a_connection_that_is_cut_is_made_again_and_the_work_too(
    on_postgres: Store, admin: sa.Connection, pauses: list[float], moment: str
) -> None:
    on_postgres.record(evaluation("first"), rows(20, value=1.0))
    cuts: list[str] = []

    def cut(statement: str) -> None:
        if statement.startswith(moment) and not cuts:
            cuts.append(statement)
            assert terminate_others(admin) == 1

    engine = on_postgres._database.engine
    event.listen(engine, "before_cursor_execute", lambda *args: cut(args[2]))
    event.listen(engine, "commit", lambda _: cut("COMMIT"))
    recorded = on_postgres.record(evaluation("second"), rows(30, value=2.0))
    assert len(cuts) == 1
    assert len(pauses) == 1
    assert (recorded.revision, recorded.written) == (2, True)
    assert on_postgres.measurements("flights")["value"].to_pylist() == [2.0] * 30


def test_a_connection_that_was_cut_while_idle_is_not_noticed(
    on_postgres: Store, admin: sa.Connection, pauses: list[float]
) -> None:
    on_postgres.record(evaluation("first"), rows(2))
    assert terminate_others(admin) == 1
    assert on_postgres.measurements("flights").num_rows == 2
    assert pauses == []


@pytest.mark.parametrize("code", ["40001", "40P01", "57P01", "08006"])
def test_a_passing_failure_is_tried_again(
    on_postgres: Store, pauses: list[float], code: str
) -> None:
    failures = iter([True, True, False])

    def work(connection: sa.Connection) -> str:
        if next(failures):
            connection.exec_driver_sql(
                f"DO $$ BEGIN RAISE EXCEPTION USING ERRCODE='{code}'; END $$"
            )
        return "done"

    assert on_postgres.write(work) == "done"
    assert len(pauses) == 2
    assert 0.05 <= pauses[0] <= 0.15
    assert 0.1 <= pauses[1] <= 0.3


def test_a_failure_that_does_not_pass_ends_after_five_attempts(
    on_postgres: Store, pauses: list[float]
) -> None:
    def work(connection: sa.Connection) -> None:
        connection.exec_driver_sql(
            "DO $$ BEGIN RAISE EXCEPTION 'lost' USING ERRCODE='40001'; END $$"
        )

    with pytest.raises(StoreUnreachable, match="cannot be used: lost"):
        on_postgres.write(work)
    assert len(pauses) == 4


def test_a_lack_of_rights_is_not_tried_again(on_postgres: Store, pauses: list[float]) -> None:
    def work(connection: sa.Connection) -> None:
        connection.exec_driver_sql("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE='42501'; END $$")

    with pytest.raises(StoreUnreachable, match="check that the server runs, and the host, datab"):
        on_postgres.write(work)
    assert pauses == []


def test_two_writers_that_wait_for_each_other_both_finish(
    on_postgres: Store, pauses: list[float]
) -> None:
    both_hold_one = threading.Barrier(2)

    def write(first: str, second: str) -> int:
        attempts = 0

        def work(connection: sa.Connection) -> None:
            nonlocal attempts
            attempts += 1
            connection.exec_driver_sql(f"LOCK TABLE {first}")
            if attempts == 1:
                both_hold_one.wait()
            connection.exec_driver_sql(f"LOCK TABLE {second}")

        on_postgres.write(work)
        return attempts

    with ThreadPoolExecutor(2) as pool:
        tables = ("evaluation", "measurement")
        attempts = [pool.submit(write, *tables), pool.submit(write, *reversed(tables))]
        assert sorted(a.result() for a in attempts) == [1, 2]
    assert len(pauses) == 1


def test_a_read_only_database_is_named_as_such(
    on_postgres: Store, admin: sa.Connection, postgres_url: str
) -> None:
    database = sa.make_url(postgres_url).database
    admin.exec_driver_sql(f'ALTER DATABASE "{database}" SET default_transaction_read_only = on')
    on_postgres.close()
    with pytest.raises(StoreUnreachable, match="read-only transaction"):
        on_postgres.record(evaluation(), rows(1))
    assert on_postgres.measurements("flights").num_rows == 0


def test_a_lock_that_is_held_for_too_long_is_an_error(postgres_url: str) -> None:
    with contextlib.closing(Store(postgres_url, wait_seconds=0.05)) as store:
        store.upgrade()
        engine = sa.create_engine(postgres_url)
        with engine.begin() as other:
            other.exec_driver_sql("LOCK TABLE monitoring.measurement")
            with pytest.raises(StoreUnreachable, match="lock timeout"):
                store.record(evaluation(), rows(1))
        store.record(evaluation(), rows(1))
        engine.dispose()


def test_a_server_that_is_away_is_an_error_without_the_password(pauses: list[float]) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]  # bound, and nobody listens
        url = f"postgresql://me:s3cret@127.0.0.1:{port}/prod?options=-c%20geqo=s3cret"
        store = Store(url, pause=pauses.append)
        with pytest.raises(StoreUnreachable, match="Connection refused") as caught:
            store.check()
    assert len(pauses) == 4
    assert f"postgresql+psycopg2://me:***@127.0.0.1:{port}/prod cannot be used" in str(caught.value)
    for text in (str(caught.value), repr(store), repr(caught.value.__cause__)):
        assert "s3cret" not in text


# --- SQLite ----------------------------------------------------------------------------------


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder with %20 and ?" / "store.db"


@pytest.fixture
def on_sqlite(path: Path) -> Store:

    store = Store(sa.URL.create("sqlite", database=str(path)).render_as_string(), wait_seconds=0.05)
    store.upgrade()
    return store


def test_commits_survive_a_power_cut_and_readers_never_wait(on_sqlite: Store) -> None:
    def settings(connection: sa.Connection) -> list[object]:
        names = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        return [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names]

    assert on_sqlite.read(settings) == ["wal", 2, 1, 50]


def test_a_file_that_somebody_else_writes_can_be_read_and_not_written(
    on_sqlite: Store, path: Path
) -> None:
    on_sqlite.record(evaluation("first"), rows(2))
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert on_sqlite.measurements("flights").num_rows == 2
        with pytest.raises(StoreUnreachable, match=r"database is locked.*end that process"):
            on_sqlite.record(evaluation("second"), rows(3))
    on_sqlite.record(evaluation("second"), rows(3))
    assert on_sqlite.measurements("flights").num_rows == 3


def test_a_file_that_was_deleted_is_not_made_anew(on_sqlite: Store, path: Path) -> None:
    on_sqlite.record(evaluation(), rows(2))
    for file in path.parent.iterdir():
        file.unlink()
    expected = "no such file; create it with `monitoring-dagster db upgrade` when this is the first"
    for use in (
        on_sqlite.check,
        lambda: on_sqlite.measurements("flights"),
        lambda: on_sqlite.record(evaluation("second"), rows(1)),
    ):
        with pytest.raises(StoreUnreachable, match=expected):
            use()
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize("damage", ["overwritten", "torn"])
def test_a_damaged_file_is_refused_and_left_alone(
    on_sqlite: Store, path: Path, damage: str
) -> None:
    on_sqlite.record(evaluation(), rows(500))
    content = bytearray(path.read_bytes())
    if damage == "overwritten":
        content[:] = b"this is not a database\n" * 1_000
    else:
        for start in range(4_096, len(content), 4_096):
            content[start : start + 64] = os.urandom(64)
    path.write_bytes(content)
    for use in (
        on_sqlite.check,
        on_sqlite.upgrade,
        lambda: on_sqlite.record(evaluation("second"), rows(1)),
    ):
        with pytest.raises(StoreUnreachable, match="move it aside and restore a backup"):
            use()
    assert path.read_bytes() == content


def test_a_full_disk_is_an_error_and_nothing_is_half_written(on_sqlite: Store) -> None:
    on_sqlite.record(evaluation("first"), rows(2))

    def work(connection: sa.Connection) -> None:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
        connection.exec_driver_sql("DELETE FROM measurement")
        connection.exec_driver_sql("CREATE TABLE filler AS SELECT zeroblob(1000000)")

    with pytest.raises(StoreUnreachable, match=r"disk is full.*make room on the disk"):
        on_sqlite.write(work)
    assert on_sqlite.measurements("flights").num_rows == 2


# --- both ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("", "cannot be read"),
        ("me:s3cret@host", "cannot be read"),
        ("mysql://me:s3cret@host/database", "does not run on mysql"),
        ("sqlite://", "cannot live in memory"),
        ("sqlite:///:memory:", "cannot live in memory"),
    ],
)
def test_a_url_that_cannot_be_used_is_refused_without_its_password(url: str, expected: str) -> None:
    with pytest.raises(StoreError, match=expected) as caught:
        Store(url)
    assert "s3cret" not in str(caught.value)
    assert "sqlite:////var/lib/monitoring/store.db" in str(caught.value)


@pytest.mark.parametrize("schema", ["Monitoring", "a b", 'x"; DROP', "1st", "x" * 64])
def test_a_schema_that_would_need_quoting_is_refused(schema: str) -> None:
    with pytest.raises(StoreError, match="cannot be the store's schema"):
        Store("postgresql://host/database", schema=schema)


def test_making_a_store_connects_to_nothing(tmp_path: Path) -> None:
    Store("postgresql://nobody@no-such-host.invalid/database")
    Store(f"sqlite:///{tmp_path / 'store.db'}")
    assert list(tmp_path.iterdir()) == []


def test_a_forked_process_gets_connections_of_its_own(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.record(evaluation(), rows(2))
    mine = store._database.engine
    monkeypatch.setattr(os, "getpid", lambda: -1)
    assert store._database.engine is not mine
    assert store.measurements("flights").num_rows == 2
    store.close()
    monkeypatch.undo()
    mine.dispose()
