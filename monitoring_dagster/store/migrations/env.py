"""Run by Alembic for each of its commands, on the connection that the store hands over.

It decides how migrations run; what they do is in `versions`.
"""

from __future__ import annotations

from alembic import context

from monitoring_dagster.store import action_tables, response_tables, tables
from monitoring_dagster.store.audit import tables as audit_tables
from monitoring_dagster.store.migrations import VERSION_TABLE

TABLES = (tables, response_tables, action_tables, audit_tables)
"""The modules that add tables to the metadata, which all of them share."""


def run() -> None:
    """Run the command's migrations in the transaction that the connection is in."""
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=[*{module.metadata for module in TABLES}],
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
