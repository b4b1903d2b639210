"""Share of values below the range of the reference.

Infinities are `infinity_rate`.
"""

from __future__ import annotations

from monitoring_dagster.metrics.measurement import Estimate
from monitoring_dagster.metrics.shape.share import share_of_values
from monitoring_dagster.profiles.grid import NumericCells
from monitoring_dagster.profiles.profile import ColumnCounts


def below_range_rate(cells: NumericCells, counts: ColumnCounts) -> Estimate:
    """Finite values at or below the lowest border among all finite values. Interval: Wilson 1927.

    >>> import numpy as np
    >>> from monitoring_dagster.profiles.grid import NumericCells
    >>> counts = ColumnCounts(np.array([5, 80, 10]), rows=100, nulls=2, nans=1,
    ...                       positive_infinities=1, negative_infinities=1)
    >>> e = below_range_rate(NumericCells((0.0, 1.0)), counts)
    >>> round(e.value, 3), round(e.ci_low, 3), round(e.ci_high, 3), e.n
    (0.053, 0.023, 0.117, 95)
    """
    del cells  # the first cell of any grid is the one below it
    return share_of_values(int(counts.cells[0]), counts)
