"""Tallies: what is counted of one column over the batches of a day, in every group.

One class per kind of cells. Which column gets which is `engine`; adding up is `grouped`.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from monitoring_dagster.profiles.grid import CategoryCells, Ints, NumericCells
from monitoring_dagster.profiles.grouped import Groups, Moments, Placed, Sums
from monitoring_dagster.profiles.lookup import (
    BEYOND,
    NAN,
    NEGATIVE_INFINITY,
    NULL,
    POSITIVE_INFINITY,
    NumericLookup,
    finite_ones,
    numbers,
    numeric_cells,
    positions,
)
from monitoring_dagster.profiles.profile import ColumnCounts


class _Cells:
    """Counts per cell, those of null, NaN and the infinities included."""

    def __init__(self, cell_count: int, groups: Groups) -> None:
        self._cell_count = cell_count
        self._sums = Sums(groups, {"cells": np.zeros(cell_count + BEYOND, np.int64)})
        self._of_cut: dict[int, np.ndarray] = {}

    def add(self, cells: Ints, placed: Placed) -> None:
        """Count the rows of a batch."""
        self._sums.add("cells", placed.codes, cells)

    def row(self, cut: int, at: int) -> Ints:
        """The counts of one group."""
        if cut not in self._of_cut:
            self._of_cut[cut] = self._sums.of_cut(cut)["cells"]
        return self._of_cut[cut][at]


class NumericTally:
    """A numeric column: cells and moments of its values divided by `divisor`."""

    def __init__(self, cells: NumericCells, groups: Groups, divisor: float = 1.0) -> None:
        self._lookup = NumericLookup(cells.edges)
        self._k = cells.cell_count
        self._divisor = divisor
        self._cells = _Cells(cells.cell_count, groups)
        self._moments = Moments(groups.sizes)

    def add(self, array: pa.Array | pa.ChunkedArray, placed: Placed) -> None:
        """Count the rows of a batch."""
        values, nulls = numbers(array, self._divisor)
        finite = finite_ones(values)
        self._cells.add(numeric_cells(self._lookup, self._k, values, nulls, finite), placed)
        self._moments.add(values, finite, placed.runs)

    def counts(self, cut: int, at: int, rows: int) -> ColumnCounts:
        """What was counted in one group, which has `rows` rows."""
        counted, k, moments = self._cells.row(cut, at), self._k, self._moments
        # Copied, so that one group does not keep the counts of all groups alive.
        cells = counted[:k].copy()
        has_values = bool(cells.any())
        return ColumnCounts(
            cells=cells,
            rows=rows,
            nulls=int(counted[k + NULL]),
            nans=int(counted[k + NAN]),
            positive_infinities=int(counted[k + POSITIVE_INFINITY]),
            negative_infinities=int(counted[k + NEGATIVE_INFINITY]),
            total=float(moments.total[cut][at]),
            total_squares=float(moments.total_squares[cut][at]),
            # Adding zero makes one of the two zeros, so that the order of rows does not show.
            minimum=float(moments.minimum[cut][at]) + 0.0 if has_values else float("nan"),
            maximum=float(moments.maximum[cut][at]) + 0.0 if has_values else float("nan"),
        )


class CategoryTally:
    """A categorical column: cells only."""

    def __init__(self, cells: CategoryCells, groups: Groups) -> None:
        self._known = pa.array(cells.categories, pa.string())
        self._k = cells.cell_count
        self._cells = _Cells(cells.cell_count, groups)

    def add(self, array: pa.Array | pa.ChunkedArray, placed: Placed) -> None:
        """Count the rows of a batch."""
        cells = positions(array, self._known, null=self._k + NULL, other=self._k - 1)
        self._cells.add(cells, placed)

    def counts(self, cut: int, at: int, rows: int) -> ColumnCounts:
        """What was counted in one group, which has `rows` rows."""
        counted = self._cells.row(cut, at)
        return ColumnCounts(
            cells=counted[: self._k].copy(), rows=rows, nulls=int(counted[self._k + NULL])
        )
