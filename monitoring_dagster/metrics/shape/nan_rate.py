"""Share of values that are not a number.

A model that divides by zero shows here first.
"""

from __future__ import annotations

from monitoring_dagster.metrics.measurement import Estimate
from monitoring_dagster.metrics.shape.share import share_of_rows
from monitoring_dagster.profiles.grid import NumericCells
from monitoring_dagster.profiles.profile import ColumnCounts


def nan_rate(cells: NumericCells, counts: ColumnCounts) -> Estimate:
    """NaN among all rows, from 0 to 1; nulls are apart. Interval: Wilson 1927.

    >>> import numpy as np
    >>> from monitoring_dagster.profiles.grid import NumericCells
    >>> counts = ColumnCounts(np.array([5, 80, 10]), rows=100, nulls=2, nans=1,
    ...                       positive_infinities=1, negative_infinities=1)
    >>> e = nan_rate(NumericCells((0.0, 1.0)), counts)
    >>> round(e.value, 3), round(e.ci_low, 3), round(e.ci_high, 3), e.n
    (0.01, 0.002, 0.054, 100)
    """
    del cells  # NaN is in none
    return share_of_rows(counts.nans, counts)
