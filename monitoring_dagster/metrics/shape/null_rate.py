"""Share of nulls.

How it moved against the reference is a drift measure.
"""

from __future__ import annotations

from monitoring_dagster.metrics.measurement import Estimate
from monitoring_dagster.metrics.shape.share import share_of_rows
from monitoring_dagster.profiles.grid import Cells
from monitoring_dagster.profiles.profile import ColumnCounts


def null_rate(cells: Cells, counts: ColumnCounts) -> Estimate:
    """Nulls among all rows, from 0 to 1; NaN is not null. Interval: Wilson 1927.

    >>> import numpy as np
    >>> from monitoring_dagster.profiles.grid import NumericCells
    >>> counts = ColumnCounts(np.array([5, 80, 10]), rows=100, nulls=2, nans=1,
    ...                       positive_infinities=1, negative_infinities=1)
    >>> e = null_rate(NumericCells((0.0, 1.0)), counts)
    >>> round(e.value, 3), round(e.ci_low, 3), round(e.ci_high, 3), e.n
    (0.02, 0.006, 0.07, 100)
    """
    del cells  # nulls are in none
    return share_of_rows(counts.nulls, counts)
