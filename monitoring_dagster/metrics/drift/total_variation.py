"""Total variation distance.

Only its formula and its interval live here; bins are `bins`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from monitoring_dagster.metrics.drift.comparison import Comparison
from monitoring_dagster.metrics.intervals import delta_variance, folding_bias, normal
from monitoring_dagster.metrics.measurement import Estimate

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def distance(reference: Ints, current: Ints) -> Floats:
    """½ Σ |p - q| of counts over the last axis: the share of rows that changed category; 0 to 1.

    Source: Levin, Peres and Wilmer, Markov Chains and Mixing Times, proposition 4.2.

    >>> float(distance(np.array([50, 50]), np.array([75, 25])))
    0.25
    """
    p = reference / reference.sum(axis=-1, keepdims=True)
    q = current / current.sum(axis=-1, keepdims=True)
    return np.abs(p - q).sum(axis=-1) / 2


def total_variation(comparison: Comparison) -> Estimate:
    """Total variation on the categories, or a numeric column's coarse bins.

    The interval is the delta method's around the value less its bias: the noise of a bin's
    difference adds to its absolute value.

    >>> from monitoring_dagster.profiles.grid import CategoryCells
    >>> from monitoring_dagster.profiles.profile import ColumnCounts
    >>> cells = CategoryCells(("a", "b"))
    >>> e = total_variation(Comparison(cells, ColumnCounts(np.array([500, 500, 0]), 1_000),
    ...                                ColumnCounts(np.array([150, 50, 0]), 200)))
    >>> round(e.value, 3), round(e.ci_low, 3), round(e.ci_high, 3), e.n
    (0.25, 0.182, 0.318, 200)
    """
    reference, current = comparison.bins
    m, n = comparison.reference_n, comparison.n
    p, q = reference / m, current / n
    gap = q - p
    value = float(distance(reference, current))
    most, least = folding_bias(gap, p * (1 - p) / m + q * (1 - q) / n).sum(axis=1) / 2
    slope = np.sign(gap) / 2
    variance = delta_variance(slope, p, m) + delta_variance(slope, q, n)
    low, high = normal(value, variance, bias=(float(most), float(least)), low=0.0, high=1.0)
    return Estimate(value, low, high, n)
