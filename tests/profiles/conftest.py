"""Builders of monitors, of snapshots as they are stored, and of a reference in a lake."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from monitoring_dagster.monitors.calendar import window
from monitoring_dagster.monitors.contract import Kind, Monitor
from monitoring_dagster.profiles.day_snapshots import DaySnapshots

DAY = dt.date(2026, 3, 2)
SOURCE = {"kind": "parquet", "path": "telemetry/{date}.parquet"}

STORED = {
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "category": pa.string(),
    "text": pa.string(),
    "timestamp": pa.timestamp("us", "UTC"),
}


def document(columns: Mapping[str, Mapping[str, Any]], **more: Any) -> Monitor:
    """A monitor with an id and these columns; everything else has a plain default."""
    model = {"task": "binary", "threshold": 0.5, **more.pop("model", {})}
    telemetry = {"features": SOURCE, "predictions": SOURCE}
    if any(column["role"] == "label" for column in columns.values()):
        telemetry["labels"] = {"source": SOURCE}
    content = {
        "schema_version": 1,
        "name": "loans",
        "owner": "team:risk",
        "model": model,
        "telemetry": telemetry,
        "columns": {"id": {"role": "id"}, **columns},
        "reference": {"first_day": dt.date(2026, 1, 1), "last_day": dt.date(2026, 1, 10)},
        "first_day": DAY,
        **more,
    }
    return Monitor.model_validate(content, strict=False)


@pytest.fixture(scope="session")
def monitor_of() -> Callable[..., Monitor]:
    return document


@pytest.fixture(scope="session")
def snapshots_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., DaySnapshots]:
    """Write rows as snapshots store them; values are lists in declared column order."""
    folder, numbers = tmp_path_factory.mktemp("snapshots"), count()

    def stored(monitor: Monitor, kind: Kind, rows: Mapping[str, list]) -> Path:
        declared = monitor.columns_of(kind)
        table = pa.table({n: pa.array(v, STORED[declared[n].stored_type]) for n, v in rows.items()})
        path = folder / f"{next(numbers)}.parquet"
        pq.write_table(table, path, compression="zstd", row_group_size=50_000)
        return path

    def build(
        monitor: Monitor,
        features: Mapping[str, list] | None = None,
        predictions: Mapping[str, list] | None = None,
        labels: Mapping[str, list] | None = None,
        day: dt.date = DAY,
        **more: Any,
    ) -> DaySnapshots:
        rows = {Kind.FEATURES: features, Kind.PREDICTIONS: predictions, Kind.LABELS: labels}
        paths = {k: None if v is None else stored(monitor, k, v) for k, v in rows.items()}
        return DaySnapshots(
            window(monitor, day),
            paths[Kind.FEATURES],
            paths[Kind.PREDICTIONS],
            paths[Kind.LABELS],
            **more,
        )

    return build
