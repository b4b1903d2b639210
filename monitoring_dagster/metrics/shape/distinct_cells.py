"""Number of cells that hold a value.

A collapse of it is a stuck sensor or a broken join.
"""

from __future__ import annotations

import numpy as np

from monitoring_dagster.metrics.measurement import Estimate
from monitoring_dagster.profiles.grid import Cells
from monitoring_dagster.profiles.profile import ColumnCounts


def distinct_cells(cells: Cells, counts: ColumnCounts) -> Estimate:
    """Non-empty cells: distinct values of a column of categories, a lower bound of a numeric one.

    Without an interval: it grows with the rows, so compare it at like numbers of rows.

    >>> import numpy as np
    >>> from monitoring_dagster.profiles.grid import NumericCells
    >>> distinct_cells(NumericCells((0.0, 1.0)), ColumnCounts(np.array([5, 0, 10]), 15)).value
    2.0
    """
    del cells  # outer and unseen cells count as one each
    return Estimate.exact(float(np.count_nonzero(counts.cells)), counts.n)
