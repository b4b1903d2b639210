"""Hellinger distance.

Only its formula and its slopes live here; bins are `bins`, the interval is `divergence`.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from monitoring_dagster.metrics.drift.comparison import Comparison
from monitoring_dagster.metrics.drift.divergence import Slopes, divergence_interval
from monitoring_dagster.metrics.measurement import Estimate

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def distance(reference: Ints, current: Ints) -> Floats:
    """sqrt(½ Σ (√p - √q)²) of counts over the last axis, from 0 to 1 (nothing in common).

    Source: Hellinger 1909; Pollard, A User's Guide to Measure Theoretic Probability, section 3.3.

    >>> float(distance(np.array([1, 0]), np.array([1, 1])))
    0.541196
    """
    p = reference / reference.sum(axis=-1, keepdims=True)
    q = current / current.sum(axis=-1, keepdims=True)
    squared = ((np.sqrt(p) - np.sqrt(q)) ** 2).sum(axis=-1) / 2
    return np.sqrt(np.minimum(squared, 1.0))


def hellinger(comparison: Comparison) -> Estimate:
    """Hellinger distance on the reference's deciles, discrete values or categories.

    >>> from monitoring_dagster.profiles.grid import CategoryCells
    >>> from monitoring_dagster.profiles.profile import ColumnCounts
    >>> cells = CategoryCells(("a", "b"))
    >>> e = hellinger(Comparison(cells, ColumnCounts(np.array([500, 500, 0]), 1_000),
    ...                          ColumnCounts(np.array([150, 50, 0]), 200)))
    >>> round(e.value, 3), round(e.ci_low, 3), round(e.ci_high, 3), e.n
    (0.185, 0.116, 0.23, 200)
    """
    value = float(distance(*comparison.bins))
    p, q = comparison.floored_shares
    root = np.sqrt(q / p)
    slopes = Slopes(
        by_reference=(1 - root) / 2,
        by_current=(1 - 1 / root) / 2,
        by_reference_twice=root / p / 4,
        by_current_twice=1 / (root * q) / 4,
        by_both=-1 / (4 * np.sqrt(p * q)),
    )
    low, high = divergence_interval(value * value, slopes, comparison, upper=1.0)
    return Estimate(value, math.sqrt(low), math.sqrt(high), comparison.n)
