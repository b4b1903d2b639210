"""Change of the mean in standard deviations of the reference.

A signed effect size; how the whole distribution moved is for the distances.
"""

from __future__ import annotations

import math

from monitoring_dagster.metrics.drift.comparison import Comparison
from monitoring_dagster.metrics.drift.constant import without_scale
from monitoring_dagster.metrics.intervals import TAIL
from monitoring_dagster.metrics.measurement import Estimate


def mean_change(comparison: Comparison) -> Estimate:
    """(mean - reference mean) / reference standard deviation; negative for a fall.

    Source: Glass's Δ (Hedges and Olkin, Statistical Methods for Meta-Analysis, section 5.A).
    Interval: Welch's (1947), degrees of freedom by Satterthwaite, plus the noise of the
    reference's standard deviation by the delta method. Without a value for a constant reference.

    >>> import numpy as np
    >>> from monitoring_dagster.profiles.grid import NumericCells
    >>> from monitoring_dagster.profiles.profile import ColumnCounts
    >>> cells = NumericCells((-1.0, 0.0, 1.0), is_discrete=True)
    >>> half = ColumnCounts(np.array([0, 500, 500, 0]), 1_000, total=500.0, total_squares=500.0,
    ...                     minimum=0.0, maximum=1.0)
    >>> quarter = ColumnCounts(np.array([0, 150, 50, 0]), 200, total=50.0, total_squares=50.0,
    ...                        minimum=0.0, maximum=1.0)
    >>> e = mean_change(Comparison(cells, half, quarter))
    >>> round(e.value, 3), round(e.ci_low, 3), round(e.ci_high, 3)
    (-0.5, -0.636, -0.364)
    """
    from scipy.special import stdtrit  # pyright: ignore[reportMissingTypeStubs] - scipy has none

    reference, current = comparison.reference_moments, comparison.current_moments
    if reference.variance == 0:
        return without_scale(comparison)
    value = (current.mean - reference.mean) / reference.deviation
    skewness, kurtosis = reference.skewness_and_kurtosis
    day = current.variance / reference.variance / current.n
    base = 1 / reference.n
    scale = max(value * skewness + value * value * (kurtosis - 1) / 4, -1.0) / reference.n
    freedom = (day + base) ** 2 / (
        day * day / max(current.n - 1, 1) + base * base / max(reference.n - 1, 1)
    )
    reach = float(stdtrit(freedom, 1 - TAIL)) * math.sqrt(day + base + scale)
    return Estimate(value, value - reach, value + reach, comparison.n)
