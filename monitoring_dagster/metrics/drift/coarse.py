"""Coarser cells for columns that are counted more finely than drift needs.

A score has many cells for the sake of its AUC; a distance between distributions is the same to
three digits on a thousand, and costs a twentieth.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from monitoring_dagster.profiles.grid import NumericCells
from monitoring_dagster.profiles.profile import ColumnCounts, Ints

MOST_CELLS = 1_000


def coarsened(
    cells: NumericCells, reference: ColumnCounts, current: ColumnCounts, most: int = MOST_CELLS
) -> tuple[NumericCells, ColumnCounts, ColumnCounts]:
    """The same counts on at most `most` inner cells, cut at quantiles of the reference.

    Outer cells stay as they are, and so do columns that have few cells or no reference.

    >>> fine = NumericCells((0.0, 1.0, 2.0, 3.0, 4.0))
    >>> half, day = (ColumnCounts(np.array(c), 5) for c in ([0, 1, 1, 1, 2, 0], [1, 0, 3, 0, 0, 1]))
    >>> cells, _, counts = coarsened(fine, half, day, most=2)
    >>> cells.edges, counts.cells.tolist()
    ((0.0, 3.0, 4.0), [1, 3, 0, 1])
    """
    seen: Ints = np.cumsum(reference.cells[1:-1])
    if len(seen) <= most or seen[-1] == 0:
        return cells, reference, current
    ranks: Ints = -(-np.arange(1, most + 1) * seen[-1] // most)
    last_of_each: Ints = np.union1d(np.searchsorted(seen, ranks), [len(seen) - 1])
    edges = cells.borders[np.insert(last_of_each + 1, 0, 0)]
    starts = np.concatenate([[0, 1], last_of_each[:-1] + 2, [cells.cell_count - 1]])
    return (
        NumericCells(tuple(edges.tolist())),
        replace(reference, cells=np.add.reduceat(reference.cells, starts)),
        replace(current, cells=np.add.reduceat(current.cells, starts)),
    )
