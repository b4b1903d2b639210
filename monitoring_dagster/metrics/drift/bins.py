"""Coarse bins: the grid's cells merged into a few, by the counts of the reference.

The measures of shares (PSI, Jensen-Shannon, Hellinger) need few bins with mass in each: on 1,000
cells and 500 rows a day they would measure noise. Bins never come from the current counts, so no
value of a day can move them and hide a shift.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from monitoring_dagster.profiles.grid import CategoryCells, Cells

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

QUANTILE_BINS = 10
"""Deciles, as is the custom for PSI (Siddiqi, Credit Risk Scorecards, 2006)."""

DISCRETE_VALUES = 20
"""A discrete column of up to this many values keeps them as bins."""


def keeps_cells(cells: Cells) -> bool:
    """Whether a column's cells are its bins: categories, and discrete columns of a few values."""
    return isinstance(cells, CategoryCells) or (
        cells.is_discrete and len(cells.edges) - 1 <= DISCRETE_VALUES
    )


def bin_starts(cells: Cells, reference_cells: Ints) -> Ints:
    """First cell of every bin, for `np.add.reduceat`; each bin reaches to the next one's start.

    - Categories keep their cells, the one for unseen values included.
    - Discrete columns of up to 20 values keep theirs, and below and above are bins of their own:
      a value that the reference did not have is as telling as an unseen category.
    - Other numeric columns get at most ten bins at the reference's deciles. The outer cells are
      part of the end bins, so that a handful of values out of range stays a handful. Values that
      hold more than a tenth of the reference make fewer bins.
    - Where all of the reference lies in one cell, that cell is a bin and whatever lies below or
      above it is another: drift of a constant column is any departure from it.

    >>> from monitoring_dagster.profiles.grid import NumericCells
    >>> hundred = NumericCells(tuple(float(i) for i in range(101)))
    >>> bin_starts(hundred, np.array([0, *[5] * 100, 0]))
    array([ 0, 11, 21, 31, 41, 51, 61, 71, 81, 91])
    """
    if keeps_cells(cells):
        return np.arange(cells.cell_count, dtype=np.int64)
    reached = np.cumsum(reference_cells)
    n = int(reached[-1])
    if n == 0:
        return np.zeros(1, dtype=np.int64)
    targets = np.arange(1, QUANTILE_BINS) * (n / QUANTILE_BINS)
    at = np.searchsorted(reached, targets)
    before = np.maximum(at - 1, 0)
    is_nearer = np.abs(reached[before] - targets) < np.abs(reached[at] - targets)
    # Cells without mass repeat the count; the first of them stands for all.
    borders = np.unique(np.searchsorted(reached, reached[np.where(is_nearer, before, at)]))
    borders = borders[(reached[borders] > 0) & (reached[borders] < n)]
    if borders.size == 0:
        only = int(np.argmax(reference_cells))
        return np.unique(np.array([0, only, min(only + 1, reached.size - 1)], dtype=np.int64))
    return np.concatenate([[0], borders + 1])


def floored_shares(counts: Ints) -> Floats:
    """Shares over the last axis, with half a row in each empty bin.

    Half a row (Krichevsky and Trofimov 1981; Jeffreys' prior) is both bounded, at most ln(2n) in
    a logarithm, and aware of the sample's size: an empty bin among 100 rows says little, among
    100,000 much. Bins that are not empty keep their share exactly, so nothing changes where
    nothing is empty.

    >>> floored_shares(np.array([0, 4, 6])).tolist()
    [0.05, 0.4, 0.6]
    """
    return np.maximum(counts, 0.5) / counts.sum(axis=-1, keepdims=True)
