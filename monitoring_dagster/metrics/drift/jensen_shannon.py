"""Jensen-Shannon distance.

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

LN2 = math.log(2)


def distance(reference: Ints, current: Ints) -> Floats:
    """Square root of the Jensen-Shannon divergence in bits, of counts over the last axis.

    From 0 (equal shares) to 1 (nothing in common); a metric in the mathematical sense. Source:
    Lin 1991 (IEEE Transactions on Information Theory 37:145-151), Endres and Schindelin 2003.
    Equals `scipy.spatial.distance.jensenshannon(p, q, base=2)`.

    >>> float(distance(np.array([5, 5, 0]), np.array([0, 0, 9])))
    1.0
    """
    p = reference / reference.sum(axis=-1, keepdims=True)
    q = current / current.sum(axis=-1, keepdims=True)
    middle = (p + q) / 2
    safe = np.where(middle > 0, middle, 1.0)
    terms = _relative(p, safe) + _relative(q, safe)
    return np.sqrt(np.clip(terms.sum(axis=-1) / (2 * LN2), 0.0, 1.0))


def jensen_shannon(comparison: Comparison) -> Estimate:
    """Jensen-Shannon distance on the reference's deciles, discrete values or categories.

    >>> from monitoring_dagster.profiles.grid import CategoryCells
    >>> from monitoring_dagster.profiles.profile import ColumnCounts
    >>> cells = CategoryCells(("a", "b"))
    >>> e = jensen_shannon(Comparison(cells, ColumnCounts(np.array([500, 500, 0]), 1_000),
    ...                               ColumnCounts(np.array([150, 50, 0]), 200)))
    >>> round(e.value, 3), round(e.ci_low, 3), round(e.ci_high, 3), e.n
    (0.221, 0.14, 0.275, 200)
    """
    value = float(distance(*comparison.bins))
    p, q = comparison.floored_shares
    scale, both = 1 / (2 * LN2), p + q
    slopes = Slopes(
        by_reference=scale * np.log(2 * p / both),
        by_current=scale * np.log(2 * q / both),
        by_reference_twice=scale * q / (p * both),
        by_current_twice=scale * p / (q * both),
        by_both=-scale / both,
    )
    low, high = divergence_interval(value * value, slopes, comparison, upper=1.0)
    return Estimate(value, math.sqrt(low), math.sqrt(high), comparison.n)


def _relative(shares: Floats, middle: Floats) -> Floats:
    """Terms of the Kullback-Leibler divergence in nats; 0 ln 0 = 0."""
    return shares * np.log(np.where(shares > 0, shares, middle) / middle)
