"""Intervals of divergences: measures that are a sum over bins of f(reference, current share).

PSI, Jensen-Shannon, Hellinger and chi-square are all of that kind; each states its own f and its
derivatives, and this states what the noise of both samples makes of them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from monitoring_dagster.metrics.drift.comparison import Comparison
from monitoring_dagster.metrics.intervals import Interval, delta_variance, normal

Floats = NDArray[np.float64]


class Slopes(NamedTuple):
    """Derivatives of f per bin: two gradients and three second derivatives, each (bins,)."""

    by_reference: Floats
    by_current: Floats
    by_reference_twice: Floats
    by_current_twice: Floats
    by_both: Floats


def divergence_interval(
    value: float, slopes: Slopes, comparison: Comparison, *, upper: float
) -> Interval:
    """Interval of a divergence between the coarse shares of both sides, 0 to `upper`.

    Second-order delta method (van der Vaart, Asymptotic Statistics, sections 3.1 and 3.3): the
    plain one fails exactly where nothing has drifted, since there every gradient is zero. The
    centre is the value less its bias, ½ tr(H Σ): with ten bins and 500 rows PSI is .02 too large
    on average.
    """
    m, n = comparison.reference_n, comparison.n
    reference, current = comparison.floored_shares
    reference_noise = reference * (1 - reference) / m
    current_noise = current * (1 - current) / n
    one = slopes.by_reference_twice * reference_noise
    other = slopes.by_current_twice * current_noise
    bias = float(one.sum() + other.sum()) / 2
    linear = delta_variance(slopes.by_reference, reference, m)
    linear += delta_variance(slopes.by_current, current, n)
    mixed = slopes.by_both * slopes.by_both * reference_noise * current_noise
    quadratic = float(one @ one + other @ other + 2 * mixed.sum()) / 2
    return normal(value, linear + quadratic, bias=(bias, bias), low=0.0, high=upper)
