"""Chi-square statistic of the two-sample contingency table.

Its size grows with the rows; `cramers_v` is the same on a scale of its own.
"""

from __future__ import annotations

from monitoring_dagster.metrics.drift.comparison import Comparison
from monitoring_dagster.metrics.drift.contingency import phi_squared, phi_squared_interval
from monitoring_dagster.metrics.measurement import Estimate


def chi_square(comparison: Comparison) -> Estimate:
    """Pearson's two-sample chi-square, without continuity correction; 0 upwards.

    Source: Pearson 1900, 1911. Equals `scipy.stats.chi2_contingency(table, correction=False)`.
    The interval is that of the effect at today's number of rows.

    >>> import numpy as np
    >>> from monitoring_dagster.profiles.grid import CategoryCells
    >>> from monitoring_dagster.profiles.profile import ColumnCounts
    >>> cells = CategoryCells(("a", "b"))
    >>> e = chi_square(Comparison(cells, ColumnCounts(np.array([500, 500, 0]), 1_000),
    ...                           ColumnCounts(np.array([150, 50, 0]), 200)))
    >>> round(e.value, 2), e.n
    (41.96, 200)
    """
    rows = comparison.reference_n + comparison.n
    effect = float(phi_squared(*comparison.bins))
    low, high = phi_squared_interval(comparison, effect)
    return Estimate(rows * effect, rows * low, rows * high, comparison.n)
