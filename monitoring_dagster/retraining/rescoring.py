"""Rescoring: the days that a new champion was validated on, as if it had answered them.

Its reference is frozen from these snapshots, and no source is read. They are copies of the lake's
own, but for what a model answers, and can be written again after a crash. Freezing is `profiles`.
"""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from monitoring_dagster.errors import ReferenceUnusable, SnapshotError
from monitoring_dagster.failpoints import failpoint
from monitoring_dagster.monitors.calendar import days_between
from monitoring_dagster.monitors.contract import Kind, Monitor, Role, content_hash
from monitoring_dagster.profiles import reference
from monitoring_dagster.profiles.day_snapshots import DaySnapshots
from monitoring_dagster.profiles.joined_rows import joined
from monitoring_dagster.profiles.reference import RescoredReference
from monitoring_dagster.profiles.rows import row_count
from monitoring_dagster.retraining.answered import Answers, negative
from monitoring_dagster.telemetry import snapshots
from monitoring_dagster.telemetry.casts import STORED
from monitoring_dagster.telemetry.commit import commit
from monitoring_dagster.telemetry.kernels import pc
from monitoring_dagster.telemetry.lake import Lake
from monitoring_dagster.telemetry.manifest import ColumnState, Manifest, folder
from monitoring_dagster.telemetry.parquet_file import ParquetFile, read_batches

ALGORITHM_VERSION = 1
"""Raised when the same snapshots and model would give others."""

ROWS_AT_ONCE = 500_000
"""Rows of a day that the model is asked about at a time."""

Predict = Callable[[pa.Table], NDArray[np.float64]]
"""Rows with the monitor's features to scores, as `models.model.Model.predict` gives them."""


def rescore(
    document: Monitor, effective: Monitor, *, lake: Lake, predict: Predict
) -> dict[dt.date, str]:
    """Write the snapshots of a champion's reference: those of its window, answered by it.

    Scores, predictions and versions are its own. Latency and whatever else is stored stay as they
    are, and a request that was not answered then is not answered now: one without score and
    prediction, or without its features. Where the model gives NaN, so does the snapshot, and no
    decision. Without any threshold a binary model decides from 0.5 on.

    Args:
        document: of the monitor, as it was written.
        effective: the document of the champion's days (`Succession.taking_over`).
        lake: holds production's snapshots and those of the document's reference, and takes these.
        predict: asks the champion.

    Returns:
        The days of the window that cannot be used, and why; they do not become part of it.

    Raises:
        ReferenceUnusable: the reference of the document is not one that a champion answers.
        ModelRefused: the champion cannot answer such rows.
    """
    ours = effective.reference
    if not isinstance(ours, RescoredReference):
        raise ReferenceUnusable(
            f"the reference of {effective.name} is that of its document, which no other model "
            "answers; give the effective document of a tenure"
        )
    left_out = set(ours.left_out)
    window = [d for d in days_between(ours.first_day, ours.last_day) if d not in left_out]
    writing = _Rescoring(document, effective, ours, lake, predict, window)
    unusable: dict[dt.date, str] = {}
    for day in window:
        try:
            why = writing.write(day)
        except SnapshotError as error:
            why = str(error)
        if why:
            unusable[day] = why
        failpoint("rescoring.day_written")
    return unusable


@dataclass(frozen=True)
class _Rescoring:
    """The snapshots of one champion's reference being written."""

    document: Monitor
    effective: Monitor
    reference: RescoredReference
    lake: Lake
    predict: Predict
    window: list[dt.date]

    def write(self, day: dt.date) -> str:
        """Write those of a day, or say why there are none."""
        held = self._held(day)
        inputs = [kind for kind in held if kind is not Kind.LABELS]
        lacking = [k for k in self._inputs if k not in inputs]
        if lacking:
            return f"no snapshot of {' and '.join(lacking)}"
        with ExitStack() as opened:
            # All of them are verified before the first is written: half a day would be another.
            verified, why = reference.open_day(self.document, day, held, self.lake, opened)
            if any(verified.path(kind) is None for kind in inputs):
                return why
            written: dict[Kind, Manifest] = {}
            for kind in (k for k in Kind if verified.path(k) is not None):
                predictions = written.get(Kind.PREDICTIONS)
                digest = predictions.sha256 if predictions and kind is Kind.LABELS else None
                written[kind] = self._write(verified, kind, held, digest)
        return ""

    def _held(self, day: dt.date) -> dict[Kind, Manifest]:
        """The snapshots of a day that hold rows; before its first day those of the reference."""
        is_monitored = day >= self.document.first_day
        name = self.document.name if is_monitored else reference.stored_as(self.document)
        found = {kind: snapshots.manifest(self.lake, name, kind, day) for kind in Kind}
        return {k: m for k, m in found.items() if m is not None and m.file is not None and m.rows}

    @property
    def _inputs(self) -> list[Kind]:
        kinds = (Kind.FEATURES, Kind.PREDICTIONS)
        return [kind for kind in kinds if getattr(self.document.telemetry, kind) is not None]

    def _write(
        self,
        verified: DaySnapshots,
        kind: Kind,
        held: Mapping[Kind, Manifest],
        predictions: str | None,
    ) -> Manifest:
        """Write one snapshot of a day; labels say by a digest to which predictions they belong."""
        name = reference.folder(self.effective)
        where = folder(name, kind, verified.day)
        made_of = self._made_of(kind, held)
        with self.lake.exclusive(where), self.lake.scratch() as scratch:
            previous = snapshots.manifest(self.lake, name, kind, verified.day)
            if previous is not None and self._is_current(previous, where, made_of):
                return previous
            file, columns = self._content(verified, kind, scratch / f"{kind}.parquet")
            manifest = held[kind].model_copy(
                update={
                    "monitor": name,
                    "source_version": made_of,
                    "columns": {**held[kind].columns, **columns},
                    "quarantine_file": None,
                    "predictions": predictions,
                }
            )
            return commit(
                self.lake, where, manifest, data=file, quarantine=None, quarantine_folder=None
            )

    def _made_of(self, kind: Kind, held: Mapping[Kind, Manifest]) -> str:
        """Identity of what a snapshot is made of: inputs hang on one another, labels on nothing."""
        sources = {
            k: m.sha256 for k, m in held.items() if (k is Kind.LABELS) == (kind is Kind.LABELS)
        }
        return content_hash([ALGORITHM_VERSION, reference.reference_id(self.effective), sources])

    def _is_current(self, previous: Manifest, where: str, made_of: str) -> bool:
        is_same = previous.source_version == made_of
        return is_same and self.lake.exists(f"{where}/{previous.file}")

    def _content(
        self, verified: DaySnapshots, kind: Kind, target: Path
    ) -> tuple[Path, dict[str, ColumnState]]:
        """The file of a snapshot, and what has become of the columns that are answered anew."""
        source = _path(verified, kind)
        columns = self._answers(verified, kind)
        if not columns:
            shutil.copyfile(source, target)
            return target, {}
        schema = pq.read_schema(source).remove_metadata()
        for name, values in columns.items():
            at, field = schema.get_field_index(name), pa.field(name, values.type)
            schema = schema.append(field) if at < 0 else schema.set(at, field)
        written, start = ParquetFile(target, schema), 0
        for batch in read_batches(source):
            held = {name: batch.column(name) for name in batch.schema.names}
            anew = {n: values.slice(start, batch.num_rows) for n, values in columns.items()}
            of_batch = [(held | anew)[name] for name in schema.names]
            written.write(pa.RecordBatch.from_arrays(of_batch, schema=schema))
            start += batch.num_rows
        written.close()
        return target, {n: ColumnState(nulls=values.null_count) for n, values in columns.items()}

    def _answers(self, verified: DaySnapshots, kind: Kind) -> dict[str, pa.Array]:
        """The columns of a snapshot that hold what a model answers, answered anew."""
        columns = self.document.columns_of(kind)
        if not any(column.role in (Role.SCORE, Role.PREDICTION) for column in columns.values()):
            return Answers.versions(self.effective, kind, row_count(_path(verified, kind)))
        scores = self._scores(verified, kind)
        return Answers(self.effective, kind, scores, self._was_answered(verified, kind)).columns(
            self._negative
        )

    def _scores(self, verified: DaySnapshots, kind: Kind) -> NDArray[np.float64]:
        """What the model answers to every row of a snapshot."""
        features = self.document.with_role(Role.FEATURE)
        types = self.document.columns
        wanted = pa.schema([(name, STORED[types[name].stored_type]) for name in features])
        rows = row_count(_path(verified, kind))
        parts = [
            np.asarray(
                self.predict(
                    joined(
                        self.document,
                        verified,
                        [kind],
                        np.arange(start, min(start + ROWS_AT_ONCE, rows)),
                        wanted,
                    )
                ),
                dtype=np.float64,
            )
            for start in range(0, rows, ROWS_AT_ONCE)
        ]
        return np.concatenate(parts)

    def _was_answered(self, verified: DaySnapshots, kind: Kind) -> NDArray[np.bool_]:
        """Rows that could be answered, and were."""
        path, key = _path(verified, kind), self.document.the(Role.ID) or ""
        roles = (Role.SCORE, Role.PREDICTION)
        logged = [
            name
            for name, column in self.document.columns_of(kind).items()
            if column.role in roles and verified.carries(self.document, kind, name)
        ]
        table = pq.read_table(path, columns=[key, *logged])
        was = np.zeros(table.num_rows, dtype=bool) if logged else np.ones(table.num_rows, bool)
        for name in logged:
            was |= table.column(name).is_valid().to_numpy()
        for other in self._inputs:
            if other is not kind:
                ids = pq.read_table(_path(verified, other), columns=[key]).column(key)
                was &= pc.is_in(table.column(key), value_set=ids.combine_chunks()).to_numpy()
        return was

    @cached_property
    def _negative(self) -> str | float | bool:
        """What production logs as the decision that is not positive."""
        name = self.document.the(Role.PREDICTION)
        if name is None:
            return False
        counted: dict[object, int] = {}
        for day in self.window:
            held = self._held(day)
            for kind in self.document.columns[name].telemetry_kinds:
                if kind not in held:
                    continue
                with snapshots.data(self.lake, held[kind]) as path:
                    if name in pq.read_schema(path).names:
                        found = pc.value_counts(pq.read_table(path, columns=[name]).column(name))
                        for one in found.to_pylist():
                            counted[one["values"]] = counted.get(one["values"], 0) + one["counts"]
        return negative(self.document, counted)


def _path(verified: DaySnapshots, kind: Kind) -> Path:
    path = verified.path(kind)
    if path is None:
        raise ValueError(f"there is no snapshot of {kind} on {verified.day}")
    return path
