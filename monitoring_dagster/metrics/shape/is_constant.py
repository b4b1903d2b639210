"""Whether all values of a column are the same.

Nulls are `null_rate`.
"""

from __future__ import annotations

import numpy as np

from monitoring_dagster.metrics.groups import no_values
from monitoring_dagster.metrics.measurement import Estimate
from monitoring_dagster.profiles.grid import Cells, NumericCells
from monitoring_dagster.profiles.profile import ColumnCounts


def is_constant(cells: Cells, counts: ColumnCounts) -> Estimate:
    """1 if every value is the same, else 0; without a value where there are no values.

    >>> import numpy as np
    >>> from monitoring_dagster.profiles.grid import CategoryCells
    >>> is_constant(CategoryCells(("a", "b")), ColumnCounts(np.array([7, 0, 0]), rows=7)).value
    1.0
    """
    if counts.n == 0:
        return no_values(counts)
    if isinstance(cells, NumericCells):
        same = counts.minimum == counts.maximum
    else:
        unseen = int(counts.cells[-1])
        same = np.count_nonzero(counts.cells) == 1 and (
            unseen == 0 or list(counts.unseen.values()) == [unseen]
        )
    return Estimate.exact(float(same), counts.n)
