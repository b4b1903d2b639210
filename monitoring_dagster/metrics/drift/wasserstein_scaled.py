"""Wasserstein distance in standard deviations of the reference.

The area itself is `transport`.
"""

from __future__ import annotations

from monitoring_dagster.metrics.drift.comparison import Comparison
from monitoring_dagster.metrics.drift.constant import without_scale
from monitoring_dagster.metrics.intervals import normal
from monitoring_dagster.metrics.measurement import Estimate


def wasserstein_scaled(comparison: Comparison) -> Estimate:
    """First Wasserstein distance over the reference's standard deviation, from 0.

    Source: see `wasserstein`; the scaling is Evidently's "normed". The noise of the standard
    deviation itself is part of the interval. Without a value for a constant reference.

    >>> import numpy as np
    >>> from monitoring_dagster.profiles.grid import NumericCells
    >>> from monitoring_dagster.profiles.profile import ColumnCounts
    >>> cells = NumericCells((-1.0, 0.0, 1.0), is_discrete=True)
    >>> half = ColumnCounts(np.array([0, 500, 500, 0]), 1_000, total=500.0, total_squares=500.0,
    ...                     minimum=0.0, maximum=1.0)
    >>> quarter = ColumnCounts(np.array([0, 150, 50, 0]), 200, total=50.0, total_squares=50.0,
    ...                        minimum=0.0, maximum=1.0)
    >>> round(wasserstein_scaled(Comparison(cells, half, quarter)).value, 3)
    0.5
    """
    plan = comparison.transport
    reference, current = comparison.reference_moments, comparison.current_moments
    scale = reference.deviation
    if scale == 0:
        return without_scale(comparison)
    value = plan.distance / scale
    offset = (reference.centres - reference.mean) / scale
    # A reference value moves the area by minus its influence, and the deviation by (z² - 1) / 2.
    influence = -plan.influence(reference) - value * scale * offset * offset / 2
    variance = plan.variance(reference, influence) + plan.variance(current, plan.influence(current))
    most, least = plan.bias
    low, high = normal(value, variance / scale**2, bias=(most / scale, least / scale), low=0.0)
    return Estimate(value, low, high, comparison.n)
