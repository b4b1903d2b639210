"""MSE: the mean squared error."""

from __future__ import annotations

from monitoring_dagster.metrics.measurement import Estimate
from monitoring_dagster.metrics.performance.estimates import no_labels, positive_mean
from monitoring_dagster.profiles.outcomes import RegressionCounts


def mse(counts: RegressionCounts) -> Estimate:
    """Mean of (prediction − target)² in the square of the target's unit, ≥ 0.

    Interval by the central limit theorem on the log scale, from the fourth moment of the error.
    Source: Gauss 1823, Theoria combinationis observationum, part 1.

    >>> from dataclasses import replace
    >>> mse(replace(RegressionCounts.empty(0, 0), n=4, squared_error=10.0, fourth_error=34.0)).value
    2.5
    """
    if counts.n == 0:
        return no_labels()
    return positive_mean(counts.squared_error, counts.fourth_error, counts.n)
