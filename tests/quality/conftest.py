"""A monitor, a lake, and snapshots written straight into it."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from monitoring_dagster.monitors.contract import Expectation, Kind, Monitor
from monitoring_dagster.telemetry.lake import Lake
from monitoring_dagster.telemetry.manifest import Manifest, folder
from monitoring_dagster.telemetry.quality import CheckOutcome, QualityReport, check

DAY = dt.date(2026, 1, 5)

DOCUMENT: dict[str, Any] = {
    "schema_version": 1,
    "name": "flights",
    "owner": "team:ml",
    "model": {"task": "binary", "threshold": 0.5},
    "telemetry": {
        "features": {"kind": "parquet", "path": "features/{date}.parquet"},
        "predictions": {"kind": "parquet", "path": "predictions/{date}.parquet"},
        "labels": {"source": {"kind": "parquet", "path": "labels/{date}.parquet"}},
    },
    "columns": {
        "request": {"role": "id"},
        "carrier": {"role": "feature", "type": "category"},
        "distance": {"role": "feature", "type": "number"},
        "seats": {"role": "feature", "type": "integer"},
        "is_weekend": {"role": "feature", "type": "boolean"},
        "email": {"role": "entity", "privacy": "direct"},
        "departs_at": {"role": "feature", "type": "timestamp"},
        "probability": {"role": "score"},
        "late": {"role": "label", "type": "integer"},
    },
    "reference": {"first_day": "2025-01-01", "last_day": "2025-02-01"},
    "first_day": "2026-01-01",
    "segments": [{"columns": ["carrier"]}],
}


def monitor_of(**changes: Any) -> Monitor:
    return Monitor.model_validate_json(json.dumps(DOCUMENT | changes))


def expect(expect: str, column: str | None = None, **rest: Any) -> Expectation:
    document = {"expect": expect, "column": column, **rest}
    return Expectation.model_validate_json(json.dumps(document))


def unreadable_pattern(column: str) -> Expectation:
    """What the contract refuses today, and a stored or learned expectation may still hold."""
    return expect("matches", column, pattern="x").model_copy(update={"pattern": "("})


@dataclass
class Snapshots:
    """A lake with snapshots of one day, and checks of them."""

    lake: Lake
    scratch: Path
    monitor: Monitor

    def write(self, columns: Mapping[str, Any], kind: Kind = Kind.FEATURES) -> Manifest:
        table = pa.table(dict(columns))
        file = self.scratch / "data.parquet"
        pq.write_table(table, file, write_page_checksum=True)
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        name = f"{digest[:16]}.parquet"
        self.lake.adopt(file, f"{folder(self.monitor.name, kind, DAY)}/{name}")
        return Manifest(
            monitor=self.monitor.name,
            kind=kind,
            day=DAY,
            status="ok",
            file=name,
            sha256=digest,
            rows=table.num_rows,
        )

    def without(self, kind: Kind, **changes: Any) -> Manifest:
        fields: dict[str, Any] = {
            "status": "no_data",
            "reason": "source_missing",
            "detail": "no file",
        } | changes
        return Manifest(monitor=self.monitor.name, kind=kind, day=DAY, **fields)

    def check(
        self, manifests: Sequence[Manifest], expectations: Sequence[Expectation] = ()
    ) -> QualityReport:
        return check(
            self.monitor,
            DAY,
            {m.kind: m for m in manifests},
            expectations,
            lake=self.lake,
            reference="ref",
        )

    def outcome(self, columns: Mapping[str, Any], expectation: Expectation) -> CheckOutcome:
        """The outcome of the one expectation on a features snapshot of these columns."""
        report = self.check([self.write(columns)], [expectation])
        snapshot, outcome = report.outcomes
        assert (snapshot.expect, snapshot.result) == ("snapshot", "passed")
        return outcome


@pytest.fixture
def snapshots(tmp_path: Path) -> Snapshots:
    (tmp_path / "scratch").mkdir()
    return Snapshots(Lake(str(tmp_path / "lake")), tmp_path / "scratch", monitor_of())
