"""Change of the share of nulls.

Values that go missing are drift of their own; the distances only see the values that are there.
"""

from __future__ import annotations

from monitoring_dagster.metrics.drift.comparison import Comparison
from monitoring_dagster.metrics.intervals import share_difference
from monitoring_dagster.metrics.measurement import Estimate


def null_rate_change(comparison: Comparison) -> Estimate:
    """Null share less the reference's null share, from -1 to 1; n counts rows, not values.

    Interval: Newcombe 1998, method 10.

    >>> import numpy as np
    >>> from monitoring_dagster.profiles.grid import CategoryCells
    >>> from monitoring_dagster.profiles.profile import ColumnCounts
    >>> e = null_rate_change(Comparison(CategoryCells(("a",)),
    ...     ColumnCounts(np.array([98, 0]), rows=100, nulls=2),
    ...     ColumnCounts(np.array([0, 0]), rows=50, nulls=50)))
    >>> round(e.value, 2), round(e.ci_low, 2), round(e.ci_high, 2), e.n
    (0.98, 0.89, 0.99, 50)
    """
    reference, current = comparison.reference, comparison.current
    low, high = share_difference(current.nulls, current.rows, reference.nulls, reference.rows)
    value = current.nulls / current.rows - reference.nulls / reference.rows
    return Estimate(value, low, high, current.rows)
