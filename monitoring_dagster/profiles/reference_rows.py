"""Raw rows, joined by id: a sample of the reference's, and of a monitored day's.

For what counts cannot tell: models of the telemetry, and what the monitored model makes of
other inputs. Only stored snapshots are read, never a source; how days are counted is `engine`.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pyarrow as pa

from monitoring_dagster.errors import SnapshotError
from monitoring_dagster.monitors.calendar import days_between
from monitoring_dagster.monitors.contract import Kind, Monitor, Role, Telemetry
from monitoring_dagster.profiles import reference
from monitoring_dagster.profiles.day_snapshots import DaySnapshots
from monitoring_dagster.profiles.grid import Ints
from monitoring_dagster.profiles.rows import batches
from monitoring_dagster.telemetry import snapshots
from monitoring_dagster.telemetry.casts import STORED
from monitoring_dagster.telemetry.kernels import pc
from monitoring_dagster.telemetry.lake import Lake
from monitoring_dagster.telemetry.manifest import Manifest

MOST_ROWS = 20_000
"""Enough for every use so far; 20,000 rows of 16 columns take 3 MB."""

Manifests = Mapping[Kind, Manifest]


def schema(monitor: Monitor) -> pa.Schema:
    """The columns of a sample: features, columns of segments, scores, prediction, label."""
    cut_by = [name for segment in monitor.segments for name in segment.columns]
    names = [
        *monitor.with_role(Role.FEATURE),
        *cut_by,
        *monitor.with_role(Role.SCORE),
        *monitor.with_role(Role.PREDICTION),
        *monitor.with_role(Role.LABEL),
    ]
    columns = monitor.columns
    return pa.schema([(name, STORED[columns[name].stored_type]) for name in dict.fromkeys(names)])


def sample(lake: Lake, monitor: Monitor, *, most: int = MOST_ROWS, seed: int = 0) -> pa.Table:
    """Rows of the reference, drawn uniformly over all its days.

    A row is there when its id is in every snapshot of inputs (features, predictions) that the
    monitor declares; its label is null where none is known. A value that a day's snapshots do
    not carry is null.

    Args:
        lake: holds the snapshots that the reference was frozen from.
        monitor: the document.
        most: rows at most; fewer come back where ids have no twin in the other snapshot.
        seed: the same seed and snapshots give the same rows in the same order.

    Returns:
        Rows with the columns of `schema`, in the order of days; none where the raw rows are past
        their retention or damaged.
    """
    first, last = monitor.reference.first_day, monitor.reference.last_day
    name = reference.stored_as(monitor)
    days = {day: _manifests(lake, name, day) for day in days_between(first, last)}
    needed = _inputs(monitor.reference.telemetry or monitor.telemetry)
    return _drawn(lake, monitor, needed, days, most, np.random.default_rng(seed))


def day_rows(
    lake: Lake, monitor: Monitor, day: dt.date, *, most: int = MOST_ROWS, seed: int = 0
) -> pa.Table:
    """Rows of a monitored day, drawn uniformly; all else is as in `sample`."""
    days = {day: _manifests(lake, monitor.name, day)}
    random = np.random.default_rng([seed, day.toordinal()])
    return _drawn(lake, monitor, _inputs(monitor.telemetry), days, most, random)


def _manifests(lake: Lake, name: str, day: dt.date) -> Manifests:
    """The snapshots of a day that hold rows."""
    found: dict[Kind, Manifest] = {}
    for kind in Kind:
        # A damaged day is told where it is counted; here it has no rows.
        with contextlib.suppress(SnapshotError):
            manifest = snapshots.manifest(lake, name, kind, day)
            if manifest is not None and manifest.file is not None and manifest.rows:
                found[kind] = manifest
    return found


def _inputs(telemetry: Telemetry) -> list[Kind]:
    """The snapshots that every row must be in; the first is drawn from."""
    kinds = (Kind.PREDICTIONS, Kind.FEATURES)
    return [kind for kind in kinds if getattr(telemetry, kind) is not None]


def _drawn(
    lake: Lake,
    monitor: Monitor,
    needed: Sequence[Kind],
    days: Mapping[dt.date, Manifests],
    most: int,
    random: np.random.Generator,
) -> pa.Table:
    whole = {day: found for day, found in days.items() if all(kind in found for kind in needed)}
    sizes = [found[needed[0]].rows for found in whole.values()]
    tables = [schema(monitor).empty_table()]
    for (day, found), places in zip(whole.items(), _places(sizes, most, random), strict=True):
        with ExitStack() as opened:
            verified, _ = reference.open_day(monitor, day, found, lake, opened)
            if places.size and all(verified.path(kind) for kind in needed):
                tables.append(_joined(monitor, verified, needed, places))
    return pa.concat_tables(tables).combine_chunks()


def _places(sizes: Sequence[int], most: int, random: np.random.Generator) -> list[Ints]:
    """Which rows of each of several files are drawn: row numbers, ascending.

    >>> [places.tolist() for places in _places([2, 0, 3], 9, np.random.default_rng(0))]
    [[0, 1], [], [0, 1, 2]]
    """
    ends = np.cumsum(sizes, dtype=np.int64)
    total = int(ends[-1]) if len(ends) else 0
    drawn = np.arange(total)
    if total > most:
        drawn = np.sort(random.choice(total, most, replace=False))
    stops = np.searchsorted(drawn, ends)
    starts = np.append(0, stops)[:-1]
    return [
        drawn[start:stop] - (end - size)
        for start, stop, end, size in zip(starts, stops, ends, sizes, strict=True)
    ]


def _joined(
    monitor: Monitor, verified: DaySnapshots, needed: Sequence[Kind], places: Ints
) -> pa.Table:
    """The rows at `places` of the first of the `needed` snapshots that all of them have."""
    id_column = monitor.the(Role.ID) or ""
    target = schema(monitor)
    label = monitor.the(Role.LABEL)
    homes = {name: verified.home(monitor, name) for name in target.names if name != label}
    if label is not None and verified.carries(monitor, Kind.LABELS, label):
        homes[label] = Kind.LABELS
    columns = {kind: [n for n, home in homes.items() if home is kind] for kind in Kind}
    base = _picked(_path(verified, needed[0]), [id_column, *columns[needed[0]]], places)
    ids = base.column(id_column).combine_chunks()
    found = {name: base.column(name) for name in columns[needed[0]]}
    is_whole = np.ones(len(ids), dtype=bool)
    for kind in (*needed[1:], Kind.LABELS):
        if kind in needed or columns[kind]:
            twins, is_there = _twins(_path(verified, kind), id_column, ids, columns[kind])
            found |= {name: twins.column(name) for name in columns[kind]}
            is_whole &= is_there | (kind is Kind.LABELS)
    nothing = {f.name: pa.nulls(len(ids), f.type) for f in target if f.name not in found}
    rows = pa.table({name: (found | nothing)[name] for name in target.names})
    return rows.filter(pa.array(is_whole)).cast(target)


def _path(verified: DaySnapshots, kind: Kind) -> Path:
    path = verified.path(kind)
    if path is None:
        raise ValueError(f"there is no snapshot of {kind} on {verified.day}")
    return path


def _picked(path: Path, columns: Sequence[str], places: Ints) -> pa.Table:
    """The rows of a file at ascending `places`, one row group in memory at a time."""
    picked: list[pa.RecordBatch] = []
    start = 0
    for batch in batches(path, columns):
        low, high = np.searchsorted(places, [start, start + batch.num_rows])
        picked.append(batch.take(pa.array(places[low:high] - start)))
        start += batch.num_rows
    return pa.Table.from_batches(picked).combine_chunks()


def _twins(
    path: Path, id_column: str, ids: pa.Array, columns: Sequence[str]
) -> tuple[pa.Table, np.ndarray]:
    """For each of `ids` the file's row with that id, or nulls; and whether there is one."""
    at = np.full(len(ids), -1)
    kept: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches(path, [id_column, *columns]):
        positions = pc.index_in(batch.column(id_column), value_set=ids)
        kept.append(batch.filter(positions.is_valid()))
        found = positions.drop_null().to_numpy(zero_copy_only=False)
        at[found] = rows + np.arange(len(found))
        rows += len(found)
    is_there = at >= 0
    order = pa.array(at, mask=~is_there)
    return pa.Table.from_batches(kept).combine_chunks().take(order), is_there
