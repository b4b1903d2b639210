"""Estimates with an interval on the scale where their error is closest to normal.

Only forms that several metrics of performance share live here; a metric's own variance is the
metric's business, and closed forms that other families use are in `metrics.intervals`.
"""

from __future__ import annotations

import math

from monitoring_dagster.metrics.intervals import Interval, Z, normal, wilson
from monitoring_dagster.metrics.measurement import Estimate, Reason, Status

NOWHERE = Interval(math.nan, math.nan)
"""No interval exists."""


def no_labels() -> Estimate:
    """Nothing to compare with."""
    return Estimate.without(Status.NO_DATA, Reason.NO_LABELS, "no prediction has a label")


def share(successes: int, n: int) -> Estimate:
    """A share of n > 0 rows with its Wilson interval.

    >>> share(45, 50).value, share(45, 50).ci_low
    (0.9, 0.786398)
    """
    return Estimate(successes / n, *wilson(successes, n), int(n))


def mean_variance(total: float, squares: float, n: int) -> float:
    """Variance of a mean, from the sum and the sum of squares; NaN for fewer than 2 values.

    >>> mean_variance(6.0, 14.0, 3)
    0.333333
    """
    if n < 2:
        return math.nan
    n, mean = int(n), float(total) / int(n)
    return max(float(squares) / n - mean * mean, 0.0) / (n - 1)


def mean(total: float, squares: float, n: int) -> Estimate:
    """A mean of n > 0 values with its interval by the central limit theorem."""
    value = float(total) / int(n)  # counts that were read back are numpy's numbers
    return Estimate(value, *normal(value, mean_variance(total, squares, n)), int(n))


def positive_mean(total: float, squares: float, n: int) -> Estimate:
    """A mean of n > 0 values that are never negative, its interval on the log scale.

    Means of losses are skewed to the right; on the log scale the interval is too, and it stays
    above zero.
    """
    value = float(total) / int(n)
    return Estimate(value, *on_log(value, mean_variance(total, squares, n)), int(n))


def on_log(value: float, variance: float) -> Interval:
    """Interval of a positive quantity by the delta method on ln(value); [0, 0] for 0.

    >>> on_log(2.0, 0.04)
    Interval(low=1.644030, high=2.433045)
    """
    if value <= 0:
        return Interval(value, value)
    reach = Z * math.sqrt(variance) / value
    return Interval(value * math.exp(-reach), value * math.exp(reach))


def on_logit(value: float, variance: float) -> Interval:
    """Interval of a quantity inside (0, 1) by the delta method on its log odds.

    >>> on_logit(0.9, 0.0009)
    Interval(low=0.824031, high=0.945347)
    """
    reach = Z * math.sqrt(variance) / (value * (1 - value))
    odds = value / (1 - value)
    down, up = odds * math.exp(-min(reach, 700.0)), odds * math.exp(min(reach, 600.0))
    return Interval(down / (1 + down), up / (1 + up))


def on_atanh(value: float, variance: float) -> Interval:
    """Interval of a correlation inside (-1, 1) by the delta method on Fisher's z.

    >>> on_atanh(0.5, 0.0025)
    Interval(low=0.395786, high=0.591500)
    """
    reach = Z * math.sqrt(variance) / (1 - value * value)
    centre = math.atanh(value)
    return Interval(math.tanh(centre - reach), math.tanh(centre + reach))
