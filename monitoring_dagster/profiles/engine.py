"""The engine: one pass over a day's snapshots counts every column in every group.

Rows come in file order, so the same snapshots give the same sums to the last bit. Cells are
found by `lookup` and added up by `grouped`; what predictions were worth is `matching`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from monitoring_dagster.monitors.contract import Kind, LatencyUnit, Monitor, Role
from monitoring_dagster.profiles import traffic
from monitoring_dagster.profiles.day_snapshots import DaySnapshots
from monitoring_dagster.profiles.grid import CategoryCells, Cells, Grid, NumericCells
from monitoring_dagster.profiles.grouped import Groups, Placed, Sums, collected
from monitoring_dagster.profiles.keyed import KINDS, KeyedRows, Keys
from monitoring_dagster.profiles.matching import count_outcomes, each_outcomes
from monitoring_dagster.profiles.profile import EVERYTHING, Group, GroupCounts, Profile
from monitoring_dagster.profiles.rows import FEW_ROWS, RowGroup, database, pattern, quoted
from monitoring_dagster.profiles.tallies import CategoryTally, NumericTally

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

__all__ = [
    "MAX_UNSEEN",
    "DaySnapshots",
    "count",
    "count_outcomes",
    "each_outcomes",
    "each_profile",
]

MAX_THREADS = 8
"""Columns that are counted at a time; each takes some 10 MB."""

MAX_UNSEEN = 20
"""Values outside the reference's categories that a day's profile names."""

_PER_SECOND = {
    LatencyUnit.SECONDS: 1.0,
    LatencyUnit.MILLISECONDS: 1e3,
    LatencyUnit.MICROSECONDS: 1e6,
}


def count(
    monitor: Monitor,
    grid: Grid,
    days: Mapping[dt.date, DaySnapshots],
    *,
    scratch: Path | None = None,
) -> dict[dt.date, Profile]:
    """Count days on the grid, each into a profile of its own.

    Args:
        monitor: says what columns are for and how traffic is cut.
        grid: the frozen cells.
        days: the snapshots of each day.
        scratch: folder to spill to when a day outgrows memory; the system's otherwise.

    Returns:
        A profile for every day of `days`; one without groups where there is no snapshot.
    """
    return dict(each_profile(monitor, grid, days, scratch=scratch))


def each_profile(
    monitor: Monitor,
    grid: Grid,
    days: Mapping[dt.date, DaySnapshots],
    *,
    scratch: Path | None = None,
) -> Iterator[tuple[dt.date, Profile]]:
    """The profiles of `count` one after the other, for ranges that memory does not hold.

    A profile takes 8 bytes per cell and group: 5 MB for 10 columns in 63 segments.
    """
    with database(scratch) as db, ThreadPoolExecutor(min(pa.cpu_count(), MAX_THREADS)) as pool:
        for day, snapshots in days.items():
            yield day, _profile(db, pool, monitor, grid, snapshots)


def _profile(
    db: DuckDBPyConnection, pool: Executor, monitor: Monitor, grid: Grid, snapshots: DaySnapshots
) -> Profile:
    keys = Keys.of(db, monitor, grid, snapshots)
    counted = {name: cells for name, cells in grid.columns.items() if name in monitor.columns}
    homes = {name: snapshots.home(monitor, name) for name in counted}
    found: dict[Group, GroupCounts] = {}
    for kind in KINDS:
        if snapshots.path(kind) is None:
            continue
        here = {name: cells for name, cells in counted.items() if homes[name] is kind}
        for group, counts in _kind_groups(db, pool, monitor, snapshots, kind, keys, here).items():
            found[group] = found[group] + counts if group in found else counts
    return Profile(grid.id, dict(sorted(found.items())), snapshots.lacking(monitor))


def _kind_groups(
    db: DuckDBPyConnection,
    pool: Executor,
    monitor: Monitor,
    snapshots: DaySnapshots,
    kind: Kind,
    keys: Keys,
    columns: Mapping[str, Cells],
) -> dict[Group, GroupCounts]:
    """What one snapshot of a day says of every group."""
    groups = keys.groups
    tallies = {name: _tally(monitor, name, cells, groups) for name, cells in columns.items()}
    log = traffic.columns(monitor, snapshots) if kind is snapshots.traffic_kind else None
    sums = Sums(groups, {"rows": np.zeros((), np.int64), **traffic.TEMPLATE})
    keyed = KeyedRows.of(db, monitor, snapshots, kind, keys)
    with keyed.row_groups([*tallies, *(log.names if log else ())]) as parts:
        for part, codes in parts:
            sums.add("rows", codes)
            if log:
                log.add(sums, part, codes, snapshots.window)
            _count(pool, tallies, part, Placed.of(codes, groups.sizes))
    result: dict[Group, GroupCounts] = {}
    for cut in range(len(groups.cuts)):
        of_cut = sums.of_cut(cut)

        def made(at: int, cut: int = cut, of_cut: Mapping[str, np.ndarray] = of_cut) -> GroupCounts:
            n = int(of_cut["rows"][at])
            return GroupCounts(
                rows=n if log else 0,
                columns={name: tally.counts(cut, at, n) for name, tally in tallies.items()},
                requests=of_cut["requests"][at],
                failures=of_cut["failures"][at],
            )

        result.update(collected(groups, cut, of_cut["rows"], made))
    return _with_unseen(db, keyed.path, columns, result)


def _tally(
    monitor: Monitor, name: str, cells: Cells, groups: Groups
) -> NumericTally | CategoryTally:
    if isinstance(cells, NumericCells):
        return NumericTally(cells, groups, _divisor(monitor, name))
    return CategoryTally(cells, groups)


def _count(
    pool: Executor,
    tallies: Mapping[str, NumericTally | CategoryTally],
    part: RowGroup,
    placed: Placed,
) -> None:
    """Count every column of some rows, each in one thread: its sums add up in the rows' order.

    numpy and Arrow let go of the interpreter while they work, so threads use all processors.
    """

    def count_one(name: str) -> None:
        tallies[name].add(part.column(name), placed)

    each = map if part.rows <= FEW_ROWS else pool.map
    for _ in each(count_one, tallies):
        pass


def _divisor(monitor: Monitor, name: str) -> float:
    """What a value is divided by before it is counted: latencies are counted in seconds."""
    column = monitor.columns[name]
    if column.role is not Role.LATENCY:
        return 1.0
    return _PER_SECOND[column.unit or LatencyUnit.MILLISECONDS]


def _with_unseen(
    db: DuckDBPyConnection,
    path: Path,
    columns: Mapping[str, Cells],
    counts: dict[Group, GroupCounts],
) -> dict[Group, GroupCounts]:
    """The same counts, with the heaviest unseen categories of the whole traffic named."""
    if EVERYTHING not in counts:
        return counts
    whole = counts[EVERYTHING]
    named = dict(whole.columns)
    for name, cells in columns.items():
        if isinstance(cells, CategoryCells) and named[name].cells[-1]:
            named[name] = replace(named[name], unseen=_heaviest_unseen(db, path, name, cells))
    return counts | {EVERYTHING: replace(whole, columns=named)}


def _heaviest_unseen(
    db: DuckDBPyConnection, path: Path, name: str, cells: CategoryCells
) -> dict[str, int]:
    """The most frequent values that have no cell of their own, ties by name."""
    column = quoted(name)
    # Grouped before what is known is left out: there are fewer values than rows to compare.
    found = db.sql(
        f"SELECT value, n FROM (SELECT CAST({column} AS VARCHAR) AS value, count(*) AS n "
        f"FROM read_parquet($path) WHERE {column} IS NOT NULL GROUP BY value) "
        "WHERE value NOT IN (SELECT unnest($known)) ORDER BY n DESC, value LIMIT $most",
        params={"path": pattern(path), "known": list(cells.categories), "most": MAX_UNSEEN},
    )
    return dict(found.fetchall())
