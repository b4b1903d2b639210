"""Cramér's V of the two-sample contingency table.

The effect size that belongs to `chi_square`.
"""

from __future__ import annotations

import math

from monitoring_dagster.metrics.drift.comparison import Comparison
from monitoring_dagster.metrics.drift.contingency import phi_squared, phi_squared_interval
from monitoring_dagster.metrics.measurement import Estimate


def cramers_v(comparison: Comparison) -> Estimate:
    """Cramér's V: sqrt(chi-square / rows), since one side of the table has two levels; 0 to 1.

    Source: Cramér, Mathematical Methods of Statistics (1946), section 21.9. Equals
    `scipy.stats.contingency.association(table, method="cramer")`.

    >>> import numpy as np
    >>> from monitoring_dagster.profiles.grid import CategoryCells
    >>> from monitoring_dagster.profiles.profile import ColumnCounts
    >>> cells = CategoryCells(("a", "b"))
    >>> e = cramers_v(Comparison(cells, ColumnCounts(np.array([500, 500, 0]), 1_000),
    ...                          ColumnCounts(np.array([150, 50, 0]), 200)))
    >>> round(e.value, 3), e.n
    (0.187, 200)
    """
    effect = float(phi_squared(*comparison.bins))
    low, high = phi_squared_interval(comparison, effect)
    return Estimate(math.sqrt(effect), math.sqrt(low), math.sqrt(high), comparison.n)
