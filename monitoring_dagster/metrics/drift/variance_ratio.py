"""Ratio of the variances.

Tells a change of spread that leaves the mean where it was.
"""

from __future__ import annotations

import math

from monitoring_dagster.metrics.drift.comparison import Comparison
from monitoring_dagster.metrics.drift.constant import without_scale
from monitoring_dagster.metrics.intervals import Z
from monitoring_dagster.metrics.measurement import Estimate


def variance_ratio(comparison: Comparison) -> Estimate:
    """Sample variance over the reference's sample variance: 1 without change, 0 if constant.

    Interval on the logarithm, whose variance is (kurtosis - 1) / n per side, so that it holds
    for columns that are not normal, where Fisher's F does not (Shoemaker 2003, The American
    Statistician 57:105-110). Without a value for a constant reference.

    >>> import numpy as np
    >>> from monitoring_dagster.profiles.grid import NumericCells
    >>> from monitoring_dagster.profiles.profile import ColumnCounts
    >>> cells = NumericCells((-1.0, 0.0, 1.0), is_discrete=True)
    >>> half = ColumnCounts(np.array([0, 500, 500, 0]), 1_000, total=500.0, total_squares=500.0,
    ...                     minimum=0.0, maximum=1.0)
    >>> quarter = ColumnCounts(np.array([0, 150, 50, 0]), 200, total=50.0, total_squares=50.0,
    ...                        minimum=0.0, maximum=1.0)
    >>> round(variance_ratio(Comparison(cells, half, quarter)).value, 3)
    0.753
    """
    reference, current = comparison.reference_moments, comparison.current_moments
    if reference.variance == 0:
        return without_scale(comparison)
    value = current.variance / reference.variance
    tails = reference.skewness_and_kurtosis[1]
    # A day's own kurtosis comes out too small on heavy tails, for it has not seen them yet; n
    # values cannot have one above n.
    day_tails = min(max(tails, current.skewness_and_kurtosis[1]), current.n)
    noise = max(tails - 1, 0.0) / reference.n + max(day_tails - 1, 0.0) / current.n
    factor = math.exp(Z * math.sqrt(noise))
    return Estimate(value, value / factor, value * factor, comparison.n)
