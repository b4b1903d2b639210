"""Population stability index.

Only its formula and its slopes live here; bins are `bins`, the interval is `divergence`.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from monitoring_dagster.metrics.drift.bins import floored_shares
from monitoring_dagster.metrics.drift.comparison import Comparison
from monitoring_dagster.metrics.drift.divergence import Slopes, divergence_interval
from monitoring_dagster.metrics.measurement import Estimate

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def distance(reference: Ints, current: Ints) -> Floats:
    """PSI = Σ (q - p) ln(q / p) of counts over the last axis, from 0 without a bound of its own.

    Source: Siddiqi, Credit Risk Scorecards (2006), section 6; it is the symmetrised
    Kullback-Leibler divergence of Jeffreys (1946). An empty bin counts as half a row (see
    `floored_shares`), a bin that is empty on both sides as nothing.

    >>> float(distance(np.array([50, 50]), np.array([75, 25])))
    0.2747
    """
    is_used = (reference > 0) | (current > 0)
    p, q = floored_shares(reference), floored_shares(current)
    return np.where(is_used, (q - p) * np.log(q / p), 0.0).sum(axis=-1)


def psi(comparison: Comparison) -> Estimate:
    """PSI on the reference's deciles, a discrete column's values or the categories.

    >>> from monitoring_dagster.profiles.grid import CategoryCells
    >>> from monitoring_dagster.profiles.profile import ColumnCounts
    >>> cells = CategoryCells(("a", "b"))
    >>> e = psi(Comparison(cells, ColumnCounts(np.array([500, 500, 0]), 1_000),
    ...                    ColumnCounts(np.array([150, 50, 0]), 200)))
    >>> round(e.value, 3), round(e.ci_low, 3), round(e.ci_high, 3), e.n
    (0.275, 0.106, 0.428, 200)
    """
    value = float(distance(*comparison.bins))
    p, q = comparison.floored_shares
    slopes = Slopes(
        by_reference=1 - q / p - np.log(q / p),
        by_current=1 - p / q + np.log(q / p),
        by_reference_twice=1 / p + q / (p * p),
        by_current_twice=1 / q + p / (q * q),
        by_both=-1 / p - 1 / q,
    )
    low, high = divergence_interval(value, slopes, comparison, upper=math.inf)
    return Estimate(value, low, high, comparison.n)
