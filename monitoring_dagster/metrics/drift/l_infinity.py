"""L-infinity distance: the largest change of any one share.

Only its formula and its interval live here; bins are `bins`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from monitoring_dagster.metrics.drift.comparison import Comparison
from monitoring_dagster.metrics.intervals import largest_bias, share_difference
from monitoring_dagster.metrics.measurement import Estimate

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def distance(reference: Ints, current: Ints) -> Floats:
    """Max |p - q| of counts over the last axis, from 0 to 1.

    Source: the Chebyshev distance, `scipy.spatial.distance.chebyshev` of the shares.

    >>> float(distance(np.array([50, 30, 20]), np.array([40, 35, 25])))
    0.1
    """
    p = reference / reference.sum(axis=-1, keepdims=True)
    q = current / current.sum(axis=-1, keepdims=True)
    return np.abs(p - q).max(axis=-1)


def l_infinity(comparison: Comparison) -> Estimate:
    """Largest change of a category's share, with Newcombe's interval of that category.

    Its low end is lowered by what being the largest of many adds.

    >>> from monitoring_dagster.profiles.grid import CategoryCells
    >>> from monitoring_dagster.profiles.profile import ColumnCounts
    >>> cells = CategoryCells(("a", "b"))
    >>> e = l_infinity(Comparison(cells, ColumnCounts(np.array([500, 500, 0]), 1_000),
    ...                           ColumnCounts(np.array([150, 50, 0]), 200)))
    >>> round(e.value, 3), round(e.ci_low, 3), round(e.ci_high, 3), e.n
    (0.25, 0.159, 0.313, 200)
    """
    reference, current = comparison.bins
    m, n = comparison.reference_n, comparison.n
    gap = current / n - reference / m
    at = int(np.argmax(np.abs(gap)))
    low, high = share_difference(int(current[at]), n, int(reference[at]), m)
    if gap[at] < 0:
        low, high = -high, -low
    p, q = reference / m, current / n
    value = float(abs(gap[at]))
    bias = largest_bias(gap, p * (1 - p) / m + q * (1 - q) / n)
    return Estimate(value, max(low - bias, 0.0), min(high, 1.0), n)
