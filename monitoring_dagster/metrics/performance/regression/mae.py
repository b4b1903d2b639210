"""MAE: the mean absolute error."""

from __future__ import annotations

from monitoring_dagster.metrics.measurement import Estimate
from monitoring_dagster.metrics.performance.estimates import no_labels, positive_mean
from monitoring_dagster.profiles.outcomes import RegressionCounts


def mae(counts: RegressionCounts) -> Estimate:
    """Mean of |prediction − target| in the target's unit, ≥ 0.

    Interval by the central limit theorem on the log scale.
    Source: Willmott and Matsuura 2005, Climate Research 30:79-82.

    >>> from dataclasses import replace
    >>> counts = RegressionCounts.empty(0, 0)
    >>> mae(replace(counts, n=4, absolute_error=6.0, squared_error=10.0)).value
    1.5
    """
    if counts.n == 0:
        return no_labels()
    return positive_mean(counts.absolute_error, counts.squared_error, counts.n)
