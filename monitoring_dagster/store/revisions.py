"""Which revision a database has, whether this code may use it, and bringing it up to date.

What a revision consists of is in `migrations`. Only `upgrade` ever changes a table.
"""

from __future__ import annotations

import sqlite3

import sqlalchemy as sa
from sqlalchemy.exc import OperationalError, ProgrammingError

from monitoring_dagster.errors import StoreOutdated
from monitoring_dagster.store.engine import shown
from monitoring_dagster.store.migrations import HEAD, VERSION_TABLE
from monitoring_dagster.store.transactions import Database

UPGRADE = "`monitoring-dagster db upgrade`"

_LOCK = 7_364_810_215
"""Key of the advisory lock that lets one process at a time change the tables."""

_version = sa.table(VERSION_TABLE, sa.column("version_num", sa.String))


def revision_of(connection: sa.Connection) -> str | None:
    """The database's revision; None where it holds no tables of ours."""
    try:
        return connection.execute(sa.select(_version.c.version_num)).scalar()
    except (OperationalError, ProgrammingError) as error:
        if _is_absent(error.orig):
            return None
        raise


def require_head(connection: sa.Connection) -> None:
    """Refuse a database whose tables are not those that this code was written for.

    Raises:
        StoreOutdated: It holds no tables of ours, or has an older or a newer revision.
    """
    found = revision_of(connection)
    if found == HEAD:
        return
    where = shown(connection.engine.url)
    if found is None:
        raise StoreOutdated(
            f"the store {where} holds no tables of monitoring-dagster yet; "
            f"this code needs revision {HEAD}. Create them with {UPGRADE} when this is the first "
            "run, restore the database from a backup when it is not"
        )
    if _is_newer(found):
        raise StoreOutdated(
            f"the store {where} has revision {found}, this code knows no revision after {HEAD}: "
            "it was upgraded by a newer release. Run that release (its "
            f"{UPGRADE} is what changed the tables), or restore a backup from before"
        )
    raise StoreOutdated(
        f"the store {where} has revision {found}, this code needs {HEAD}. Run {UPGRADE}"
    )


def upgrade(database: Database) -> None:
    """Bring the database to this code's revision in one transaction, creating what is absent.

    Two processes may do so at once: the second waits, and finds nothing left to do.

    Raises:
        StoreOutdated: The database was upgraded by a newer release.
    """

    def work(connection: sa.Connection) -> None:
        if connection.dialect.name == "postgresql":
            connection.execute(sa.text("SET LOCAL statement_timeout = 0"))
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
            _create_schema(connection, database.schema)
        found = _committed_revision(connection)
        if found is not None and _is_newer(found):
            require_head(connection)
        if found != HEAD:
            _run_alembic(connection)

    database.migrate(work)


def _run_alembic(connection: sa.Connection) -> None:
    from alembic import command  # only an upgrade needs it
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", "monitoring_dagster.store:migrations")
    command.upgrade(config, "head")


def _create_schema(connection: sa.Connection, schema: str) -> None:
    # Asked first: a role that may use the schema need not be allowed to create one.
    exists = sa.text("SELECT 1 FROM pg_namespace WHERE nspname = :schema")
    if connection.execute(exists, {"schema": schema}).scalar() is None:
        connection.execute(sa.schema.CreateSchema(schema))


def _committed_revision(connection: sa.Connection) -> str | None:
    """As `revision_of`, and the transaction can go on in PostgreSQL when there is none."""
    with connection.begin_nested() as savepoint:
        found = revision_of(connection)
        if found is None:
            savepoint.rollback()
        return found


def _is_newer(revision: str) -> bool:
    return len(revision) != len(HEAD) or revision > HEAD


def _is_absent(error: BaseException | None) -> bool:
    if isinstance(error, sqlite3.Error):
        return "no such table" in str(error)
    return getattr(error, "pgcode", None) == "42P01"
