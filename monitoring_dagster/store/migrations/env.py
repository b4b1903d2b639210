"""Run by Alembic for each of its commands, on the connection that the store hands over.

It decides how migrations run; what they do is in `versions`.
"""

from __future__ import annotations

from alembic import context

from monitoring_dagster.store.migrations import VERSION_TABLE
from monitoring_dagster.store.tables import metadata


def run() -> None:
    """Run the command's migrations in the transaction that the connection is in."""
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=metadata,
        version_table=VERSION_TABLE,
        render_as_batch=True,
        # DDL is part of the transaction on both databases: all of it happens, or nothing.
        transactional_ddl=True,
        compare_server_default=True,
    )
    with context.begin_transaction():
        context.run_migrations()


# Alembic gives its context a configuration; whoever only looks for doctests does not.
if hasattr(context, "config"):
    run()
