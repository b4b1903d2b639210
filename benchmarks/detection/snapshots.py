"""Rows of a day as snapshots: what telemetry would have stored, without its checks and hashes.

The rows are clean by construction, so taking them would prove nothing here and cost ten times as
much. What broken rows lead to is asked of the real telemetry, in `broken`.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.detection.world import Frame
from monitoring_dagster.monitors.calendar import window
from monitoring_dagster.monitors.contract import Kind, Monitor, Role
from monitoring_dagster.profiles.day_snapshots import DaySnapshots
from monitoring_dagster.telemetry.contract import stored_schema
from monitoring_dagster.telemetry.manifest import Manifest


def write(
    monitor: Monitor, day: dt.date, rows: Frame, folder: Path
) -> tuple[DaySnapshots, dict[Kind, Manifest]]:
    """Write a day's rows as the three snapshots; exact copies are dropped and counted."""
    identity, label = monitor.the(Role.ID), monitor.the(Role.LABEL)
    once = rows.drop_duplicates(identity)
    copies = len(rows) - len(once)
    paths: dict[Kind, Path | None] = {}
    manifests: dict[Kind, Manifest] = {}
    for kind in Kind:
        kept = once[once[label].notna()] if kind is Kind.LABELS else once
        schema = stored_schema(monitor, kind)
        table = pa.Table.from_pandas(kept[schema.names], schema=schema, preserve_index=False)
        paths[kind] = folder / f"{day}.{kind}.parquet"
        pq.write_table(table, paths[kind], compression="none")
        manifests[kind] = Manifest(
            monitor=monitor.name,
            kind=kind,
            day=day,
            status="ok",
            file=paths[kind].name,
            rows=table.num_rows,
            duplicates=copies,
            maturity="final" if kind is Kind.LABELS else None,
        )
    return DaySnapshots.of(window(monitor, day), manifests, paths), manifests
