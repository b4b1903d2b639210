"""RMSE: the root of the mean squared error."""

from __future__ import annotations

import math

from monitoring_dagster.metrics.measurement import Estimate, Status
from monitoring_dagster.metrics.performance.regression.mse import mse
from monitoring_dagster.profiles.outcomes import RegressionCounts


def rmse(counts: RegressionCounts) -> Estimate:
    """Root of `mse` in the target's unit, ≥ 0; the ends of the interval are those of `mse`.

    Source: Chai and Draxler 2014, Geoscientific Model Development 7:1247-1250.

    >>> from dataclasses import replace
    >>> counts = RegressionCounts.empty(0, 0)
    >>> rmse(replace(counts, n=4, squared_error=16.0, fourth_error=64.0)).value
    2.0
    """
    squared = mse(counts)
    if squared.status is not Status.OK:
        return squared
    return Estimate(
        math.sqrt(squared.value),
        math.sqrt(squared.ci_low),
        math.sqrt(squared.ci_high),
        squared.n,
    )
