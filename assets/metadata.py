"""From plain results to Dagster metadata: the one place where values are converted.

Numpy scalars would fail the step and NaN breaks the page, so everything goes through here.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import dagster as dg
import numpy as np

from monitoring_dagster.reports.sparkline import Picture

MOST_ROWS = 50
"""Rows of a table that a page shows; the store has them all."""


def as_metadata(values: Mapping[str, object]) -> dict[str, dg.MetadataValue]:
    """Convert each value to what Dagster can store and its pages can draw.

    >>> as_metadata({"roc_auc": np.float64("nan"), "rows": np.int64(905)})
    {'roc_auc': NullMetadataValue(), 'rows': IntMetadataValue(value=905)}
    """
    return {key: _converted(value) for key, value in values.items()}


def _converted(value: object) -> dg.MetadataValue:  # noqa: C901 - one branch per type reads best
    if isinstance(value, np.generic):
        value = value.item()
    match value:
        case dg.MetadataValue():
            return value
        case None:
            return dg.MetadataValue.null()
        case bool():
            return dg.MetadataValue.bool(value)
        case int():
            return dg.MetadataValue.int(value)
        case float():
            return (
                dg.MetadataValue.float(value) if math.isfinite(value) else dg.MetadataValue.null()
            )
        case Path():
            return dg.MetadataValue.path(value)
        case dt.datetime() | dt.date():
            return dg.MetadataValue.text(value.isoformat())
        case Picture():
            return dg.MetadataValue.md(value)
        case str():
            return dg.MetadataValue.text(value)
        case Mapping():
            return dg.MetadataValue.json({str(k): _plain(v) for k, v in value.items()})
        case Sequence():
            return _table(value)
        case _:
            return dg.MetadataValue.text(str(value))


def _table(rows: Sequence[object]) -> dg.MetadataValue:
    records = [
        dg.TableRecord({str(k): _plain(v) for k, v in row.items()})
        for row in rows[:MOST_ROWS]
        if isinstance(row, Mapping)
    ]
    if not records:
        return dg.MetadataValue.json([_plain(row) for row in rows[:MOST_ROWS]])
    return dg.MetadataValue.table(records)


def _plain(value: object) -> str | int | float | bool | None:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, str | int | bool) or value is None else str(value)
