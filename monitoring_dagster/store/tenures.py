"""Tenures as rows: which model has been a monitor's champion since when.

What a change of champion means for its days is decided in `retraining`. Every function works
within the caller's transaction.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from monitoring_dagster.store.action_tables import tenure
from monitoring_dagster.store.evaluations import SHORT_KEY_BYTES
from monitoring_dagster.store.statements import inserting
from monitoring_dagster.store.values import free_text, key_text


def begin(connection: sa.Connection, row: Mapping[str, Any]) -> int | None:
    """Write that a model reigns from a day on; None where its action has begun a tenure before.

    A `reference` that is a document is kept as JSON, one without content as an empty text.
    """
    statement = (
        inserting(connection, tenure)
        .values(_storable(row))
        .on_conflict_do_nothing(index_elements=["action_id"])
        .returning(tenure.c.id)
    )
    return connection.execute(statement).scalar_one_or_none()


def of_monitor(connection: sa.Connection, monitor: str) -> list[sa.Row[Any]]:
    """All tenures of the monitor, the oldest first."""
    is_its = tenure.c.monitor == key_text(monitor, max_bytes=SHORT_KEY_BYTES)
    return list(connection.execute(sa.select(tenure).where(is_its).order_by(tenure.c.id)))


def _storable(row: Mapping[str, Any]) -> dict[str, Any]:
    reference = row["reference"]
    if isinstance(reference, Mapping):
        document = dict(reference)
        reference = json.dumps(document, sort_keys=True, allow_nan=False) if document else ""
    return {
        **row,
        "monitor": key_text(row["monitor"], max_bytes=SHORT_KEY_BYTES),
        "model_version": free_text(row["model_version"], max_bytes=SHORT_KEY_BYTES),
        "begun_by": free_text(row["begun_by"], max_bytes=SHORT_KEY_BYTES),
        "reference": reference,
    }
