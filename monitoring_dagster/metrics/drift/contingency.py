"""The two-sample contingency table, whose statistic chi-square and Cramér's V share.

Evidently's chi-square takes the reference as exact and calls a third of unchanged days changed
(1,000 rows on both sides); here both sides are samples.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from monitoring_dagster.metrics.drift.comparison import Comparison
from monitoring_dagster.metrics.drift.divergence import Slopes, divergence_interval
from monitoring_dagster.metrics.intervals import Interval

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def phi_squared(reference: Ints, current: Ints) -> Floats:
    """Pearson's chi-square of the 2 × bins table over its total, over the last axis; 0 to 1.

    With w and v the samples' shares of all rows: Σ w v (p - q)² / (w p + v q). Source: Cramér,
    Mathematical Methods of Statistics (1946), section 21.9.

    >>> float(phi_squared(np.array([10, 0]), np.array([0, 10])))
    1.0
    """
    # As floats: the product of two totals of ten billion rows is beyond 64-bit integers.
    m = reference.sum(axis=-1, keepdims=True).astype(np.float64)
    n = current.sum(axis=-1, keepdims=True).astype(np.float64)
    pooled = np.maximum(reference + current, 1) / (m + n)
    gap = reference / m - current / n
    return (m * n / (m + n) ** 2 * gap * gap / pooled).sum(axis=-1)


def phi_squared_interval(comparison: Comparison, value: float) -> Interval:
    """Interval of phi squared, both samples' noise included."""
    m, n = comparison.reference_n, comparison.n
    p, q = comparison.floored_shares
    w, v = m / (m + n), n / (m + n)
    pooled = w * p + v * q
    ratio = (p - q) / pooled
    first, second = 1 - w * ratio, 1 + v * ratio
    slopes = Slopes(
        by_reference=w * v * ratio * (2 - w * ratio),
        by_current=-w * v * ratio * (2 + v * ratio),
        by_reference_twice=2 * w * v / pooled * first * first,
        by_current_twice=2 * w * v / pooled * second * second,
        by_both=-2 * w * v / pooled * first * second,
    )
    return divergence_interval(value, slopes, comparison, upper=1.0)
