"""What both ways of filing labels have in common: the world they read, and how they store.

Which source files are read for a day is decided by `filed_labels` and `arrived_labels`.
"""

from __future__ import annotations

import datetime as dt
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from monitoring_dagster.monitors.calendar import window
from monitoring_dagster.monitors.contract import Kind, LabelSource, Monitor
from monitoring_dagster.telemetry.contract import stored_schema
from monitoring_dagster.telemetry.lake import Lake
from monitoring_dagster.telemetry.manifest import ColumnState, Manifest, folder
from monitoring_dagster.telemetry.matching import Matched
from monitoring_dagster.telemetry.parquet_file import (
    ParquetFile,
    null_counts,
    read_batches,
)
from monitoring_dagster.telemetry.pseudonyms import Pseudonyms
from monitoring_dagster.telemetry.sources import Access


@dataclass(frozen=True)
class LabelReader(ABC):
    """Labels of one monitor as known at one instant."""

    monitor: Monitor
    labels: LabelSource
    lake: Lake
    access: Access
    as_of: dt.datetime
    pseudonyms: Pseudonyms

    @abstractmethod
    def take(self, day: dt.date, blank: Manifest, predictions: Manifest) -> Manifest:
        """Store the labels of a day of predictions.

        Args:
            day: of the predictions.
            blank: says what is asked for.
            predictions: the manifest of the day's predictions, which have a file.
        """

    @abstractmethod
    def changed(
        self, predictions: Mapping[dt.date, str], held: Mapping[dt.date, Manifest | None]
    ) -> dict[dt.date, str]:
        """Days whose labels differ from what is held, with the version they should have.

        Args:
            predictions: SHA-256 of the snapshot, by day.
            held: manifests of the labels, for the same days.
        """

    @property
    def span(self) -> dt.timedelta:
        """How long after the day of a prediction its labels are accepted."""
        return dt.timedelta(days=self.labels.maturity_days + self.labels.accepted_days)

    def accepted_before(self, day: dt.date) -> dt.datetime:
        """The instant from which on labels of the predictions of `day` are not accepted."""
        return window(self.monitor, day + self.span).end

    def folder(self, day: dt.date) -> str:
        """Where the snapshot of labels of a day lies."""
        return folder(self.monitor.name, Kind.LABELS, day)

    def predictions_folder(self, day: dt.date) -> str:
        """Where the predictions of a day lie."""
        return folder(self.monitor.name, Kind.PREDICTIONS, day)

    def write(self, files: Sequence[Path], matched: Matched, scratch: Path) -> Path | None:
        """Write the winning rows in the order in which they came; None when there is none."""
        schema = stored_schema(self.monitor, Kind.LABELS)
        out = ParquetFile(scratch / "labels.parquet", schema)
        for file, winners in zip(files, matched.winners, strict=True):
            first = 0
            for batch in read_batches(file) if len(winners) else ():
                start, end = np.searchsorted(winners, [first, first + batch.num_rows])
                chosen = batch.take(pa.array(winners[start:end] - first))
                out.write(_aligned(chosen, schema))
                first += batch.num_rows
        return out.close()


def resolved(found: Manifest, matched: Matched, data: Path | None) -> Manifest:
    """The manifest with what matching gave: rows, duplicates, and the bounds of what is known."""
    nulls = null_counts(data) if data is not None else {}
    known = [s.known_until for s in matched.shares if s.known_until is not None]
    following = [s.next_known_at for s in matched.shares if s.next_known_at is not None]
    rows = sum(len(winners) for winners in matched.winners)
    update: dict[str, object] = {
        "status": "ok",
        "reason": "",
        "rows": rows,
        "duplicates": matched.duplicates,
        "relabelled": matched.relabelled,
        "known_until": max(known).isoformat() if known else None,
        "next_known_at": min(following).isoformat() if following else None,
        "columns": {
            name: state.model_copy(update={"nulls": nulls.get(name, 0)})
            for name, state in found.columns.items()
        },
    }
    if not rows:
        update |= {
            "status": "no_data",
            "reason": "no_rows",
            "detail": "no label of these predictions is known yet",
        }
    return found.model_copy(update=update)


def merged_states(manifests: Sequence[Manifest]) -> dict[str, ColumnState]:
    """Column states of several files: a column is ok if any file could fill it."""
    states: dict[str, ColumnState] = {}
    for manifest in manifests:
        for name, state in manifest.columns.items():
            if name not in states or states[name].status != "ok":
                states[name] = state
    return states


def _aligned(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """The batch under today's contract: a file of an earlier one may lack a column."""
    return pa.RecordBatch.from_arrays(
        [
            batch.column(field.name)
            if field.name in batch.schema.names
            and batch.schema.field(field.name).type == field.type
            else pa.nulls(batch.num_rows, field.type)
            for field in schema
        ],
        schema=schema,
    )
