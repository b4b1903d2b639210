"""The labelled rows of planned days, as their snapshots hold them, for trainer and gate alike.

A snapshot that is not the one that was planned is an error. What of the rows a trainer sees is
`frames`; which days are planned, `windows`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from monitoring_dagster.errors import SnapshotChanged, SnapshotMissing
from monitoring_dagster.monitors.calendar import window
from monitoring_dagster.monitors.contract import Kind, Monitor, Privacy, Role
from monitoring_dagster.profiles.day_snapshots import DaySnapshots
from monitoring_dagster.profiles.joined_rows import draw, joined
from monitoring_dagster.retraining.handover import DAY
from monitoring_dagster.telemetry import snapshots
from monitoring_dagster.telemetry.casts import STORED
from monitoring_dagster.telemetry.kernels import pc
from monitoring_dagster.telemetry.lake import Lake
from monitoring_dagster.telemetry.manifest import Manifest

_COMPARED = (Role.SCORE, Role.PREDICTION, Role.LATENCY, Role.MODEL_VERSION, Role.VARIANT)


@dataclass(frozen=True)
class PlannedDay:
    """One day of a plan: where its snapshots lie, and the SHA-256 of each as it was planned."""

    day: dt.date
    name: str
    digests: Mapping[Kind, str]

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> PlannedDay:
        """The day that an entry of a plan's `training` or `validation` describes."""
        digests = {Kind(kind): str(sha) for kind, sha in document["digests"].items() if sha}
        return cls(dt.date.fromisoformat(document["day"]), str(document["name"]), digests)


@dataclass(frozen=True)
class Labelled:
    """The labelled rows of some planned days; more than `most` are drawn from by `seed`."""

    lake: Lake
    monitor: Monitor
    planned: Sequence[PlannedDay]
    most: int
    seed: Sequence[int]

    @cached_property
    def manifests(self) -> list[dict[Kind, Manifest]]:
        """What is stored of each day, seen to be what was planned.

        Raises:
            SnapshotMissing, SnapshotChanged: it is not.
        """
        return [
            {kind: _as_planned(self.lake, each, kind) for kind in each.digests}
            for each in self.planned
        ]

    def notes(self, what: str) -> list[str]:
        """What became of the rows, for people."""
        known = sum(found[Kind.LABELS].rows for found in self.manifests)
        if known <= self.most:
            return []
        return [f"{self.most:,} of {known:,} labelled rows of {what} were drawn, over all days"]

    def days(self, target: pa.Schema, needed: Sequence[Kind] = ()) -> Iterator[pa.Table]:
        """The rows of each day in the order of time; memory holds one day.

        Args:
            target: the columns; null where a day's snapshots do not carry one.
            needed: kinds that a row must be in beside labels and its features.

        Yields:
            Tables of `target` and `@day`; nothing for a day without rows.
        """
        sizes = [found[Kind.LABELS].rows for found in self.manifests]
        drawn = draw(sizes, self.most, np.random.default_rng(list(self.seed)))
        for each, found, places in zip(self.planned, self.manifests, drawn, strict=True):
            if not places.size:
                continue
            inputs = Kind.FEATURES if Kind.FEATURES in found else Kind.PREDICTIONS
            kinds = [Kind.LABELS, inputs, *(kind for kind in needed if kind in found)]
            with ExitStack() as opened:
                verified = _opened(self.lake, self.monitor, each, found, opened)
                rows = joined(self.monitor, verified, kinds, places, _with_time(self, target))
            rows = _in_time(_known(rows, self.monitor), self.monitor).select(target.names)
            day = pa.repeat(pa.scalar(each.day, pa.date32()), rows.num_rows)
            if rows.num_rows:
                yield rows.append_column(DAY, day)


def compared_rows(source: Labelled) -> pa.Table:
    """Rows for the gate: labelled, with features and with what the champion answered.

    Returns:
        The columns of `compared_schema`, in the order of time.
    """
    schema = compared_schema(source.monitor)
    wanted = pa.schema([field for field in schema if field.name != DAY])
    days = source.days(wanted, needed=[Kind.PREDICTIONS])
    return pa.concat_tables([schema.empty_table(), *days]).combine_chunks()


def features_of(monitor: Monitor) -> list[str]:
    """The features that a trainer sees: those that say nothing about a person.

    Segment columns, ids and entities are never among them.
    """
    hidden = left_out(monitor)
    return [name for name in monitor.with_role(Role.FEATURE) if name not in hidden]


def left_out(monitor: Monitor) -> dict[str, str]:
    """Declared features that no trainer sees, and why."""
    return {
        name: f"privacy {monitor.columns[name].privacy}: private values leave the lake for nobody"
        for name in monitor.with_role(Role.FEATURE)
        if monitor.columns[name].privacy is not Privacy.NONE
    }


def compared_schema(monitor: Monitor) -> pa.Schema:
    """The columns of the gate's rows, as snapshots store them, and `@day`.

    Features and the columns of segments; what the champion answered and how fast; label.
    """
    cut_by = [name for segment in monitor.segments for name in segment.columns]
    answered = [name for role in _COMPARED for name in monitor.with_role(role)]
    names = [*features_of(monitor), *cut_by, *answered, *monitor.with_role(Role.LABEL)]
    return schema_of(monitor, names).append(pa.field(DAY, pa.date32()))


def schema_of(monitor: Monitor, names: Sequence[str]) -> pa.Schema:
    """Columns of a monitor as snapshots store them, each once."""
    columns = monitor.columns
    return pa.schema([(name, STORED[columns[name].stored_type]) for name in dict.fromkeys(names)])


def _as_planned(lake: Lake, planned: PlannedDay, kind: Kind) -> Manifest:
    what = f"the snapshot of {kind} of {planned.name} on {planned.day}"
    found = snapshots.manifest(lake, planned.name, kind, planned.day)
    if found is None or found.file is None:
        raise SnapshotMissing(
            f"{what}, which the retraining was requested with, is not there any more; request "
            "the retraining anew, and keep snapshots for longer (retention.snapshots_days)"
        )
    if found.sha256 != planned.digests[kind]:
        raise SnapshotChanged(
            f"{what} was taken anew since the retraining was requested: its SHA-256 is "
            f"{str(found.sha256)[:16]}..., and {planned.digests[kind][:16]}... was planned; "
            "request the retraining anew"
        )
    return found


def _opened(
    lake: Lake,
    monitor: Monitor,
    planned: PlannedDay,
    manifests: Mapping[Kind, Manifest],
    opened: ExitStack,
) -> DaySnapshots:
    """The day's verified files; a column that a file does not hold as declared is missing."""
    paths = {kind: opened.enter_context(snapshots.data(lake, m)) for kind, m in manifests.items()}
    found = DaySnapshots.of(window(monitor, planned.day), manifests, paths)
    missing = {kind: dict(names) for kind, names in found.missing.items()}
    for kind, path in paths.items():
        held = pq.read_schema(path)
        stored = {field.name: field.type for field in held}
        for name, column in monitor.columns_of(kind).items():
            # Declared, or declared as another type, since this day was taken.
            if stored.get(name) != STORED[column.stored_type]:
                missing[kind].setdefault(name, "column_missing")
    return replace(found, missing=missing)


def _time(monitor: Monitor) -> str | None:
    return monitor.the(Role.TIMESTAMP, Kind.FEATURES) or monitor.the(
        Role.TIMESTAMP, Kind.PREDICTIONS
    )


def _with_time(source: Labelled, target: pa.Schema) -> pa.Schema:
    stamp = _time(source.monitor)
    if stamp is None or stamp in target.names:
        return target
    return pa.schema([*target, *schema_of(source.monitor, [stamp])])


def _in_time(rows: pa.Table, monitor: Monitor) -> pa.Table:
    """The rows by their timestamp; those of one instant, or without any, as they are stored."""
    stamp = _time(monitor)
    return rows if stamp is None else rows.take(pc.sort_indices(rows.column(stamp)))


def _known(rows: pa.Table, monitor: Monitor) -> pa.Table:
    """The rows whose label says something."""
    label = rows.column(monitor.the(Role.LABEL) or "")
    is_known = label.is_valid()
    if pa.types.is_floating(label.type):
        is_known = pc.and_(is_known, pc.fill_null(pc.is_finite(label), False))
    return rows.filter(is_known)
