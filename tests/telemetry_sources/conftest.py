"""Builders for the tests of sources: a monitor by its columns, and a day read in one call."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pytest

from monitoring_dagster.monitors.calendar import window
from monitoring_dagster.monitors.contract import FileSource, Kind, Monitor, SqlSource
from monitoring_dagster.telemetry.sources import Access, Reading, open_day, version_of

DAY = dt.date(2026, 3, 4)

COLUMNS: dict[str, Mapping[str, object]] = {
    "id": {"role": "id"},
    "at": {"role": "timestamp", "in": ["features", "predictions"]},
    "x": {"role": "feature", "type": "number"},
    "score": {"role": "score"},
    "y": {"role": "label", "type": "integer"},
}


def monitor_of(
    columns: Mapping[str, Mapping[str, object]] | None = None, **changes: object
) -> Monitor:
    """A valid monitor with the given columns; its own sources are not read."""
    nowhere = {"kind": "parquet", "path": "nowhere/{date}.parquet"}
    document = {
        "schema_version": 1,
        "name": "flights",
        "owner": "team:tests",
        "model": {"task": "binary", "threshold": 0.5},
        "telemetry": {
            "features": nowhere,
            "predictions": nowhere,
            "labels": {"source": nowhere, "maturity_days": 1, "accepted_days": 3},
        },
        "columns": columns or COLUMNS,
        "reference": {"first_day": "2026-01-01", "last_day": "2026-01-31"},
        "first_day": "2026-02-01",
    } | changes
    return Monitor.model_validate_json(json.dumps(document))


@dataclass(frozen=True)
class Room:
    """One folder of telemetry with the access to it; reads one day of one kind."""

    folder: Path
    access: Access
    monitor: Monitor
    kind: Kind = Kind.FEATURES
    day: dt.date = DAY

    def but(self, **changes: Any) -> Room:
        return replace(self, **changes)

    def limited(self, **changes: Any) -> Room:
        return replace(self, access=replace(self.access, **changes))

    def open(self, source: FileSource | SqlSource) -> Reading:
        span = window(self.monitor, self.day)
        return open_day(source, self.monitor, self.kind, span, access=self.access)

    def read(self, source: FileSource | SqlSource) -> pa.Table:
        reading = self.open(source)
        batches = list(reading.batches)
        return pa.Table.from_batches(batches, batches[0].schema if batches else reading.schema)

    def version(self, source: FileSource | SqlSource) -> str | None:
        span = window(self.monitor, self.day)
        return version_of(source, self.monitor, self.kind, span, access=self.access)


@pytest.fixture
def make_monitor() -> Callable[..., Monitor]:
    return monitor_of


@pytest.fixture
def room(tmp_path: Path) -> Room:
    folder = tmp_path / "telemetry"
    folder.mkdir()
    access = Access(roots=("telemetry", "memory://lake/telemetry"), base=tmp_path)
    return Room(folder, access, monitor_of())


@pytest.fixture
def bucket() -> Iterator[fsspec.AbstractFileSystem]:
    """An object store; what a test puts there is gone afterwards."""
    store = fsspec.filesystem("memory")
    yield store
    store.store.clear()
    store.pseudo_dirs[:] = [""]


@pytest.fixture
def parquet() -> Callable[..., FileSource]:
    def source(path: str = "telemetry/{date}.parquet", **options: Any) -> FileSource:
        return FileSource(kind="parquet", path=path, **options)

    return source


@pytest.fixture
def csv() -> Callable[..., FileSource]:
    def source(path: str = "telemetry/{date}.csv", **options: Any) -> FileSource:
        return FileSource(kind="csv", path=path, **options)

    return source
