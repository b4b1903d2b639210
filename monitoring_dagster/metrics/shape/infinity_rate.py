"""Share of infinite values.

Finite values beyond the reference are `below_range_rate` and `above_range_rate`.
"""

from __future__ import annotations

from monitoring_dagster.metrics.measurement import Estimate
from monitoring_dagster.metrics.shape.share import share_of_rows
from monitoring_dagster.profiles.grid import NumericCells
from monitoring_dagster.profiles.profile import ColumnCounts


def infinity_rate(cells: NumericCells, counts: ColumnCounts) -> Estimate:
    """Both infinities among all rows, from 0 to 1. Interval: Wilson 1927.

    >>> import numpy as np
    >>> from monitoring_dagster.profiles.grid import NumericCells
    >>> counts = ColumnCounts(np.array([5, 80, 10]), rows=100, nulls=2, nans=1,
    ...                       positive_infinities=1, negative_infinities=1)
    >>> e = infinity_rate(NumericCells((0.0, 1.0)), counts)
    >>> round(e.value, 3), round(e.ci_low, 3), round(e.ci_high, 3), e.n
    (0.02, 0.006, 0.07, 100)
    """
    del cells  # infinities are in none
    return share_of_rows(counts.positive_infinities + counts.negative_infinities, counts)
