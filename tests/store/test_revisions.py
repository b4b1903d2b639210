"""Which databases the code works with, and how they get there."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from importlib.resources import files
from multiprocessing.context import ForkServerContext

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import event

from monitoring_dagster.errors import StoreOutdated, StoreUnreachable
from monitoring_dagster.store import Store
from monitoring_dagster.store.audit.tables import metadata
from monitoring_dagster.store.migrations import HEAD, VERSION_TABLE
from tests.store.builders import evaluation, rows, upgrade


def alembic_config(connection: sa.Connection | None = None) -> Config:
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", "monitoring_dagster.store:migrations")
    return config


def set_revision(store: Store, revision: str) -> None:
    statement = sa.text(f"UPDATE {VERSION_TABLE} SET version_num = :revision")
    store.write(lambda connection: connection.execute(statement, {"revision": revision}))


def test_the_migrations_lead_to_the_tables_of_the_code(store: Store) -> None:
    store.read(lambda connection: command.check(alembic_config(connection)))


def test_the_code_expects_the_last_migration() -> None:
    script = ScriptDirectory.from_config(alembic_config())
    assert script.get_current_head() == HEAD
    assert [s.revision for s in script.walk_revisions()] == sorted(
        (s.revision for s in script.walk_revisions()), reverse=True
    )


def test_the_migrations_are_part_of_the_package() -> None:
    versions = files("monitoring_dagster.store.migrations.versions")
    assert versions.joinpath("0001_evaluation_and_measurement.py").is_file()
    assert versions.joinpath("__init__.py").is_file()  # setuptools finds packages by it


def test_an_upgrade_done_twice_changes_nothing(store: Store) -> None:
    store.record(evaluation(), rows(3))
    store.upgrade()
    assert store.revision() == HEAD
    assert store.measurements("flights").num_rows == 3


def test_two_processes_may_upgrade_at_once(empty_url: str, processes: ForkServerContext) -> None:
    with ProcessPoolExecutor(4, mp_context=processes) as pool:
        assert list(pool.map(upgrade, [empty_url] * 8)) == [HEAD] * 8


def test_an_upgrade_that_fails_half_way_leaves_nothing_behind(empty_url: str) -> None:
    store = Store(empty_url)

    def fail_at_the_index(*args: object) -> None:
        if "CREATE INDEX" in str(args[2]):
            raise RuntimeError("power cut")

    event.listen(sa.Engine, "before_cursor_execute", fail_at_the_index)
    try:
        with pytest.raises(RuntimeError, match="power cut"):
            store.upgrade()
    finally:
        event.remove(sa.Engine, "before_cursor_execute", fail_at_the_index)
    assert store.revision() is None
    store.upgrade()
    assert store.revision() == HEAD
    store.close()


@pytest.mark.parametrize("revision", ["9999", "1a2b3c4d5e6f"], ids=["newer", "foreign"])
def test_a_database_of_a_later_release_is_refused(store: Store, revision: str) -> None:
    store.record(evaluation(), rows(3))
    set_revision(store, revision)
    expected = f"has revision {revision}, this code knows no revision after {HEAD}"
    for use in (
        store.check,
        store.upgrade,
        lambda: store.record(evaluation("second"), rows(1)),
        lambda: store.measurements("flights"),
    ):
        with pytest.raises(StoreOutdated, match=expected):
            use()
    assert store.revision() == revision
    set_back = sa.text(f"UPDATE {VERSION_TABLE} SET version_num = :head")
    store._database.write(lambda connection: connection.execute(set_back, {"head": HEAD}))
    assert store.measurements("flights").num_rows == 3


def test_a_database_of_an_earlier_release_asks_for_the_upgrade(store: Store) -> None:
    set_revision(store, "0000")
    with pytest.raises(StoreOutdated, match=rf"revision 0000.*needs {HEAD}.*dagster db upgrade"):
        store.check()


def test_a_postgresql_without_our_tables_asks_for_the_upgrade(postgres_url: str) -> None:
    store = Store(postgres_url)
    assert store.revision() is None
    with pytest.raises(StoreOutdated, match=r"holds no tables .*`monitoring-dagster db upgrade`"):
        store.record(evaluation(), rows(1))
    store.close()


def test_our_tables_live_beside_dagsters_in_one_database(postgres_url: str) -> None:
    engine = sa.create_engine(postgres_url)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE alembic_version (version_num text)"))
        connection.execute(sa.text("INSERT INTO alembic_version VALUES ('dagsters own')"))
        connection.execute(sa.text("CREATE TABLE measurement (somebody_elses int)"))
    store, other = Store(postgres_url), Store(postgres_url, schema="second_team")
    for one in (store, other):
        one.upgrade()
        one.record(evaluation(), rows(2))
        one.read(lambda connection: command.check(alembic_config(connection)))
        one.close()
    with engine.connect() as connection:
        tables = connection.execute(
            sa.text(
                "SELECT schemaname, tablename FROM pg_tables "
                "WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1, 2"
            )
        ).all()
        kept = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
    engine.dispose()
    ours = sorted([*metadata.tables, VERSION_TABLE])
    assert [tuple(t) for t in tables] == [
        *(("monitoring", name) for name in ours),
        ("public", "alembic_version"),
        ("public", "measurement"),
        *(("second_team", name) for name in ours),
    ]
    assert kept == "dagsters own"


def test_a_role_without_the_right_to_create_a_schema_can_use_a_given_one(
    postgres_url: str,
) -> None:
    engine = sa.create_engine(postgres_url)
    role = f"role_{sa.make_url(postgres_url).database}"
    with engine.begin() as connection:
        connection.execute(sa.text(f"CREATE ROLE {role} LOGIN"))
    url = sa.make_url(postgres_url).set(username=role)
    store = Store(url.render_as_string(hide_password=False))
    try:
        with pytest.raises(StoreUnreachable, match="permission denied for database"):
            store.upgrade()
        with engine.begin() as connection:
            connection.execute(sa.text(f"CREATE SCHEMA monitoring AUTHORIZATION {role}"))
        store.upgrade()
        assert store.revision() == HEAD
    finally:
        store.close()
        with engine.begin() as connection:
            connection.execute(sa.text(f"DROP OWNED BY {role}"))
            connection.execute(sa.text(f"DROP ROLE {role}"))
        engine.dispose()
