"""Mean, variance and shape of one column in one group, from its sums and its cells.

The sums are exact and the cells are not; each fills in what the other lacks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from monitoring_dagster.metrics.drift.places import Places, placed
from monitoring_dagster.profiles.grid import NumericCells
from monitoring_dagster.profiles.profile import ColumnCounts

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Moments:
    """Moments of one column in one group.

    `centres` and `spreads` (cells,) are the mean and the variance of the values in each cell;
    `variance` has n - 1 in its denominator and is exactly 0 for a constant column.
    """

    n: int
    mean: float
    variance: float
    shares: Floats
    centres: Floats
    spreads: Floats

    @property
    def deviation(self) -> float:
        """Standard deviation."""
        return math.sqrt(self.variance)

    @cached_property
    def skewness_and_kurtosis(self) -> tuple[float, float]:
        """Third and fourth standardised moment, from the cells; (0, 3) for a normal column."""
        offset = self.centres - float(self.shares @ self.centres)
        second = float(self.shares @ (offset * offset + self.spreads))
        if second <= 0:
            return 0.0, 3.0
        # Standardised before they are raised: powers of very small numbers vanish.
        z, within = offset / math.sqrt(second), self.spreads / second
        squares = z * z
        third = float(self.shares @ (z * (squares + 3 * within)))
        fourth = squares * squares + 6 * squares * within + 1.8 * within * within  # 1.8: even
        return third, float(self.shares @ fourth)


def moments(cells: NumericCells, counts: ColumnCounts, inside: Places) -> Moments:
    """Moments of a numeric column that has at least one value in a cell.

    `inside` says where values lie in the cells that the column's sums tell nothing of.

    >>> from monitoring_dagster.metrics.drift.places import even
    >>> cells = NumericCells((0.0, 1.0, 2.0))
    >>> two = ColumnCounts(np.array([0, 1, 1, 0]), 2, total=2.0, total_squares=2.5,
    ...                    minimum=0.5, maximum=1.5)
    >>> m = moments(cells, two, even(cells))
    >>> m.mean, m.variance, m.centres.tolist()
    (1.0, 0.5, [0.0, 0.5, 1.5, 2.0])
    """
    n = counts.n
    shares = counts.cells / n
    centres, spreads = placed(cells, counts, inside)
    mean = counts.total / n
    variance = counts.total_squares / n - mean * mean
    # A variance far below the squared mean has lost its digits to cancellation (and a sum that
    # overflowed has none): the cells still have them.
    if not (math.isfinite(variance) and variance > 1e-9 * mean * mean):
        middle = float(shares @ centres)
        variance = float(shares @ ((centres - middle) ** 2 + spreads))
        mean = mean if math.isfinite(mean) else middle
    if counts.minimum == counts.maximum:
        mean, variance = counts.minimum, 0.0
    return Moments(n, mean, variance * n / max(n - 1, 1), shares, centres, spreads)
