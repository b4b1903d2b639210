"""sMAPE: the mean error in parts of the middle of prediction and target."""

from __future__ import annotations

from monitoring_dagster.metrics.measurement import Estimate
from monitoring_dagster.metrics.performance.estimates import no_labels, positive_mean
from monitoring_dagster.profiles.outcomes import RegressionCounts


def smape(counts: RegressionCounts) -> Estimate:
    """Mean of 2 |prediction − target| / (|target| + |prediction|) in [0, 2]; 0 where both are 0.

    Interval by the central limit theorem on the log scale, cut at 2.
    Source: Makridakis and Hibon 2000, International Journal of Forecasting 16:451-476, with
    absolute values (Hyndman and Koehler 2006).

    >>> from dataclasses import replace
    >>> smape(replace(RegressionCounts.empty(0, 0), n=4, sape=0.8, squared_sape=0.2)).value
    0.2
    """
    if counts.n == 0:
        return no_labels()
    estimate = positive_mean(counts.sape, counts.squared_sape, counts.n)
    return Estimate(estimate.value, estimate.ci_low, min(estimate.ci_high, 2.0), estimate.n)
