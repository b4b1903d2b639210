"""A world for the tests of this room: sources on disk, a lake, a key, and a clock."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from monitoring_dagster.monitors.contract import Kind, Monitor
from monitoring_dagster.telemetry import snapshots
from monitoring_dagster.telemetry.labels import changed_days
from monitoring_dagster.telemetry.lake import Lake
from monitoring_dagster.telemetry.manifest import Manifest, quarantine_folder
from monitoring_dagster.telemetry.pseudonyms import Pseudonyms
from monitoring_dagster.telemetry.sources import Access

DAY = dt.date(2026, 1, 5)
MORNING = dt.datetime(2026, 1, 6, 6, tzinfo=dt.UTC)

COLUMNS: dict[str, dict[str, object]] = {
    "id": {"role": "id"},
    "at": {"role": "timestamp", "in": ["features", "predictions"]},
    "labelled_at": {"role": "timestamp", "in": ["labels"]},
    "age": {"role": "feature", "type": "integer"},
    "income": {"role": "feature", "type": "number"},
    "region": {"role": "feature", "type": "category"},
    "score": {"role": "score"},
    "outcome": {"role": "label", "type": "integer"},
}


def noon(day: dt.date = DAY, *, hour: int = 12, minute: int = 0) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(hour, minute), tzinfo=dt.UTC)


@dataclass
class World:
    """One monitor over Parquet files by day; every test may bend it before it is used."""

    home: Path
    columns: dict[str, dict[str, object]] = field(default_factory=lambda: dict(COLUMNS))
    changes: dict[str, Any] = field(default_factory=dict)
    filed_under: str = "prediction_day"
    maturity_days: int = 1
    accepted_days: int = 10
    as_of: dt.datetime = MORNING

    def __post_init__(self) -> None:
        self.lake = Lake(str(self.home / "lake"))
        self.access = Access(roots=(str(self.home / "source"),), base=self.home / "source")
        self.pseudonyms = Pseudonyms(b"a key of these tests alone, and long enough")

    @property
    def monitor(self) -> Monitor:
        def by_day(kind: str) -> dict[str, str]:
            return {"kind": "parquet", "path": f"{kind}/{{date}}.parquet"}

        document = {
            "schema_version": 1,
            "name": "loans",
            "owner": "team:tests",
            "model": {"task": "binary", "threshold": 0.5},
            "telemetry": {
                "features": by_day("features"),
                "predictions": by_day("predictions"),
                "labels": {
                    "source": by_day("labels"),
                    "filed_under": self.filed_under,
                    "maturity_days": self.maturity_days,
                    "accepted_days": self.accepted_days,
                },
            },
            "columns": self.columns,
            "reference": {"first_day": "2025-12-01", "last_day": "2025-12-31"},
            "first_day": "2026-01-01",
        } | self.changes
        return Monitor.model_validate_json(json.dumps(document))

    def path(self, kind: Kind, day: dt.date = DAY, suffix: str = "parquet") -> Path:
        path = self.home / "source" / kind / f"{day}.{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def write(self, kind: Kind, table: pa.Table | dict[str, Any], day: dt.date = DAY) -> Path:
        """Write a day of a source as it is."""
        path = self.path(kind, day)
        pq.write_table(pa.table(table) if isinstance(table, dict) else table, path)
        return path

    def write_features(self, rows: int = 4, day: dt.date = DAY, **columns: Any) -> Path:
        """Write ordinary features, with some columns as the test wants them (None drops)."""
        table = {
            "id": [f"r{i}" for i in range(rows)],
            "at": pa.array([noon(day)] * rows, pa.timestamp("us", "UTC")),
            "age": list(range(20, 20 + rows)),
            "income": [1000.5 + i for i in range(rows)],
            "region": ["north", "south"] * (rows // 2) + ["north"] * (rows % 2),
        } | columns
        kept = {name: values for name, values in table.items() if values is not None}
        return self.write(Kind.FEATURES, kept, day)

    def write_predictions(self, ids: list[str], day: dt.date = DAY, **columns: Any) -> Path:
        table = {
            "id": ids,
            "at": pa.array([noon(day)] * len(ids), pa.timestamp("us", "UTC")),
            "score": [0.25] * len(ids),
        } | columns
        return self.write(Kind.PREDICTIONS, table, day)

    def write_labels(
        self,
        labels: list[tuple[str, int | None]],
        day: dt.date = DAY,
        at: dt.datetime | list[dt.datetime] | None = None,
    ) -> Path:
        times = at if isinstance(at, list) else [at or noon(day, hour=20)] * len(labels)
        table = {
            "id": pa.array([i for i, _ in labels], pa.string()),
            "labelled_at": pa.array(times, pa.timestamp("us", "UTC")),
            "outcome": pa.array([y for _, y in labels], pa.int64()),
        }
        return self.write(Kind.LABELS, table, day)

    def take(self, kind: Kind = Kind.FEATURES, day: dt.date = DAY, **changes: Any) -> Manifest:
        asked = {"lake": self.lake, "access": self.access, "as_of": self.as_of} | changes
        return snapshots.take(self.monitor, kind, day, pseudonyms=self.pseudonyms, **asked)

    def changed(self, as_of: dt.datetime | None = None) -> dict[dt.date, str]:
        return changed_days(
            self.monitor,
            lake=self.lake,
            access=self.access,
            as_of=as_of or self.as_of,
            pseudonyms=self.pseudonyms,
        )

    def rows(self, manifest: Manifest) -> dict[str, list[Any]]:
        """What the snapshot holds."""
        with snapshots.data(self.lake, manifest) as path:
            return pq.read_table(path).to_pydict()

    def quarantined(self, manifest: Manifest) -> list[dict[str, Any]]:
        """What the quarantine of the snapshot holds."""
        assert manifest.quarantine_file is not None
        folder = quarantine_folder(manifest.monitor, manifest.kind, manifest.day)
        with self.lake.local(f"{folder}/{manifest.quarantine_file}") as path:
            return pq.read_table(path).to_pylist()

    def files(self) -> dict[str, bytes]:
        """Every file of the lake."""
        return {path: self.lake.read(path) for path in self.lake.list()}
