"""Gains: the cells of a day that hold a larger share of its rows than of the reference's.

Arithmetic on stored counts. Which rows lie in these cells is asked by `strata`.
"""

# Arrow has no stubs: what comes from it has no type that a strict check could know.
# pyright: standard

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from monitoring_dagster.incidents.sampling.focus import Focus
from monitoring_dagster.metrics.drift.bins import bin_starts
from monitoring_dagster.metrics.drift.columns import ROLES
from monitoring_dagster.monitors.contract import Monitor, Role
from monitoring_dagster.profiles.grid import CategoryCells, Cells, Floats, Grid, Ints
from monitoring_dagster.profiles.lookup import (
    BEYOND,
    NULL,
    NumericLookup,
    finite_ones,
    numbers,
    numeric_cells,
    positions,
)
from monitoring_dagster.profiles.profile import ALL, ColumnCounts, Group, Profile

MOST_CELLS = 5
"""Coarse cells, over all columns, that count as those which gained most."""


@dataclass(frozen=True)
class Gain:
    """Where the mass of one column grew.

    `new` (cell_count + 4,) is, per cell of the grid and then for null, NaN and the infinities,
    the share of the day's rows there that the reference does not account for: 0 where nothing
    was gained, 1 where the reference had nothing.
    """

    column: str
    cells: Cells
    new: Floats

    def of(self, values: pa.Array) -> Floats:
        """`new` of the cell that each value lies in."""
        k = self.cells.cell_count
        if isinstance(self.cells, CategoryCells):
            known = pa.array(self.cells.categories, pa.string())
            return self.new[positions(values, known, null=k + NULL, other=k - 1)]
        found, nulls = numbers(values)
        lookup = NumericLookup(self.cells.edges)
        return self.new[numeric_cells(lookup, k, found, nulls, finite_ones(found))]


def gains(
    monitor: Monitor, grid: Grid, reference: Profile, current: Profile, focus: Focus
) -> tuple[Gain, ...]:
    """The cells that gained most among the columns of the focus, or among all that can drift.

    A segment is compared with itself, a model version with the whole reference. Numeric cells
    are merged into the coarse ones that drift is measured on, since a thousandth of the
    reference gains and loses by chance.

    Args:
        monitor: says which columns there are.
        grid: the frozen cells.
        reference: counted on the grid.
        current: the day, counted on the grid; nothing gained where it is on another.
        focus: of the incident.

    Returns:
        One per column that has one of the `MOST_CELLS` cells with the largest gain.
    """
    if {reference.grid_id, current.grid_id} != {grid.id}:
        return ()
    now = Group(focus.version, focus.segment)
    before = Group(ALL, focus.segment if focus.version == ALL else ALL)
    compared = [
        (name, grid.columns[name], old, new)
        for name in focus.columns or _drifting(monitor)
        if _is_comparable(monitor, grid, name)
        and (old := reference.column(name, before)) is not None
        and (new := current.column(name, now)) is not None
        and old.rows
        and new.rows
    ]
    coarse = [_Coarse.of(*parts) for parts in compared]
    floor = _least_of_the_largest(coarse)
    return tuple(gain for part in coarse for gain in part.reaching(floor))


def _drifting(monitor: Monitor) -> list[str]:
    return [name for name, column in monitor.columns.items() if column.role in ROLES]


def _is_comparable(monitor: Monitor, grid: Grid, name: str) -> bool:
    # Latencies are counted in seconds and stored in a unit of their own.
    return name in grid.columns and monitor.columns[name].role is not Role.LATENCY


@dataclass(frozen=True)
class _Coarse:
    """Shares of one column in coarse cells, each reaching from its start to the next one's."""

    column: str
    cells: Cells
    starts: Ints
    gained: Floats
    share: Floats

    @classmethod
    def of(cls, column: str, cells: Cells, before: ColumnCounts, now: ColumnCounts) -> _Coarse:
        beyond = cells.cell_count + np.arange(BEYOND)
        starts = np.concatenate([bin_starts(cells, before.cells), beyond])
        then, share = (np.add.reduceat(_counts(c), starts) / c.rows for c in (before, now))
        return cls(column, cells, starts, share - then, share)

    def reaching(self, floor: float) -> Iterator[Gain]:
        """The column's cells that gained at least `floor`, where there are any."""
        is_there = (self.gained >= floor) & (self.gained > 0)
        if is_there.any():
            new = np.zeros(self.gained.size)
            np.divide(self.gained, self.share, out=new, where=is_there)
            sizes = np.diff(self.starts, append=self.cells.cell_count + BEYOND)
            yield Gain(self.column, self.cells, np.repeat(new, sizes))


def _counts(counts: ColumnCounts) -> Ints:
    """Rows per cell, in the order of `lookup`: null, NaN and the infinities come last."""
    beyond = (counts.nulls, counts.nans, counts.positive_infinities, counts.negative_infinities)
    return np.concatenate([counts.cells, np.array(beyond, dtype=np.int64)])


def _least_of_the_largest(columns: Sequence[_Coarse]) -> float:
    every = np.sort(np.concatenate([np.zeros(1), *(c.gained for c in columns)]))
    return float(every[-MOST_CELLS:][0])
