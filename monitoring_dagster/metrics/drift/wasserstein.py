"""Wasserstein distance in the unit of the column.

The area itself is `transport`; `wasserstein_scaled` has no unit.
"""

from __future__ import annotations

from monitoring_dagster.metrics.drift.comparison import Comparison
from monitoring_dagster.metrics.intervals import normal
from monitoring_dagster.metrics.measurement import Estimate


def wasserstein(comparison: Comparison) -> Estimate:
    """First Wasserstein distance ∫ |F - G| dx, from 0, in the column's unit.

    Source: Vallender 1974; Ramdas, García Trillos and Cuturi 2017 (Entropy 19:47). Within 1 % of
    `scipy.stats.wasserstein_distance` on 1,000 quantile cells. Interval by the influence function
    (del Barrio, Giné and Matrán 1999, Annals of Probability 27), both samples' noise included.

    >>> import numpy as np
    >>> from monitoring_dagster.profiles.grid import NumericCells
    >>> from monitoring_dagster.profiles.profile import ColumnCounts
    >>> cells = NumericCells((-1.0, 0.0, 1.0), is_discrete=True)
    >>> half = ColumnCounts(np.array([0, 500, 500, 0]), 1_000, total=500.0, total_squares=500.0,
    ...                     minimum=0.0, maximum=1.0)
    >>> quarter = ColumnCounts(np.array([0, 150, 50, 0]), 200, total=50.0, total_squares=50.0,
    ...                        minimum=0.0, maximum=1.0)
    >>> e = wasserstein(Comparison(cells, half, quarter))
    >>> round(e.value, 3), round(e.ci_low, 3), round(e.ci_high, 3)
    (0.25, 0.182, 0.318)
    """
    plan = comparison.transport
    reference, current = comparison.reference_moments, comparison.current_moments
    variance = plan.variance(reference, plan.influence(reference)) + plan.variance(
        current, plan.influence(current)
    )
    low, high = normal(plan.distance, variance, bias=plan.bias, low=0.0)
    return Estimate(plan.distance, low, high, comparison.n)
