"""Bias: the mean error."""

from __future__ import annotations

from monitoring_dagster.metrics.measurement import Estimate
from monitoring_dagster.metrics.performance.estimates import mean, no_labels
from monitoring_dagster.profiles.outcomes import RegressionCounts


def bias(counts: RegressionCounts) -> Estimate:
    """Mean of prediction − target in the target's unit; above 0 where predictions are too high.

    Interval by the central limit theorem.
    Source: Walther and Moore 2005, Ecography 28:815-829.

    >>> from dataclasses import replace
    >>> bias(replace(RegressionCounts.empty(0, 0), n=4, error=2.0, squared_error=6.0)).value
    0.5
    """
    return mean(counts.error, counts.squared_error, counts.n) if counts.n else no_labels()
