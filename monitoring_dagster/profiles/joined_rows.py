"""Raw rows of one day, joined by id over its snapshots, and which rows of several days are drawn.

Which days and columns are wanted, and what for, belongs to the callers.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from monitoring_dagster.monitors.contract import Kind, Monitor, Role
from monitoring_dagster.profiles.day_snapshots import DaySnapshots
from monitoring_dagster.profiles.grid import Ints
from monitoring_dagster.profiles.rows import batches
from monitoring_dagster.telemetry.kernels import pc


def draw(sizes: Sequence[int], most: int, random: np.random.Generator) -> list[Ints]:
    """Which rows of each of several files are drawn: row numbers, ascending.

    Args:
        sizes: rows of each file.
        most: rows that are drawn at most, uniformly over all files.
        random: draws them.

    >>> [rows.tolist() for rows in draw([2, 0, 3], 9, np.random.default_rng(0))]
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


def joined(
    monitor: Monitor,
    verified: DaySnapshots,
    needed: Sequence[Kind],
    places: Ints,
    target: pa.Schema,
) -> pa.Table:
    """The rows at `places` of the first of the `needed` snapshots that all of them have.

    Args:
        monitor: the document.
        verified: the day's files; every needed one is there.
        needed: kinds that a row must be in.
        places: row numbers in the first of them, ascending.
        target: the columns wanted; null where no snapshot of the day holds them. The label comes
            from labels, and all else from features before predictions.
    """
    id_column = monitor.the(Role.ID) or ""
    label = monitor.the(Role.LABEL)
    homes = {name: verified.home(monitor, name) for name in target.names if name != label}
    if label is not None and verified.carries(monitor, Kind.LABELS, label):
        homes[label] = Kind.LABELS
    columns = {kind: [n for n, home in homes.items() if home is kind] for kind in Kind}
    base = _picked(_path(verified, needed[0]), [id_column, *columns[needed[0]]], places)
    ids = base.column(id_column).combine_chunks()
    found = {name: base.column(name) for name in columns[needed[0]]}
    is_whole = np.ones(len(ids), dtype=bool)
    for kind in Kind:
        if kind is not needed[0] and (kind in needed or columns[kind]):
            twins, is_there = _twins(_path(verified, kind), id_column, ids, columns[kind])
            found |= {name: twins.column(name) for name in columns[kind]}
            is_whole &= is_there | (kind not in needed)
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
