"""Share of values above the range of the reference.

Infinities are `infinity_rate`.
"""

from __future__ import annotations

from monitoring_dagster.metrics.measurement import Estimate
from monitoring_dagster.metrics.shape.share import share_of_values
from monitoring_dagster.profiles.grid import NumericCells
from monitoring_dagster.profiles.profile import ColumnCounts


def above_range_rate(cells: NumericCells, counts: ColumnCounts) -> Estimate:
    """Finite values above the highest border among all finite values. Interval: Wilson 1927.

    >>> import numpy as np
    >>> from monitoring_dagster.profiles.grid import NumericCells
    >>> counts = ColumnCounts(np.array([5, 80, 10]), rows=100, nulls=2, nans=1,
    ...                       positive_infinities=1, negative_infinities=1)
    >>> e = above_range_rate(NumericCells((0.0, 1.0)), counts)
    >>> round(e.value, 3), round(e.ci_low, 3), round(e.ci_high, 3), e.n
    (0.105, 0.058, 0.183, 95)
    """
    del cells  # the last cell of any grid is the one above it
    return share_of_values(int(counts.cells[-1]), counts)
