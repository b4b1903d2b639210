"""The store's history: one file in `versions` for each change of its tables.

Revisions are numbered, so that older and newer can be told apart without their files.
"""

VERSION_TABLE = "monitoring_dagster_alembic_version"
"""Beside Dagster's own `alembic_version`, which may live in the same database."""

HEAD = "0005"
"""The revision that this code works with; raised with every new file in `versions`."""
