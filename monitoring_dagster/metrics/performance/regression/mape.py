"""MAPE: the mean error in parts of the target."""

from __future__ import annotations

from monitoring_dagster.metrics.measurement import Estimate, Reason, Status
from monitoring_dagster.metrics.performance.estimates import no_labels, positive_mean
from monitoring_dagster.profiles.outcomes import RegressionCounts


def mape(counts: RegressionCounts) -> Estimate:
    """Mean of |prediction − target| / |target| over the rows with a target other than 0; ≥ 0.

    A share, not a percentage: 0.1 is 10 %. Rows whose target is 0 are left out and reported as
    `zero_targets`; scikit-learn divides them by 2e-16 and returns 1e15. `n` counts the rows
    used. Interval by the central limit theorem on the log scale.
    Source: Hyndman and Koehler 2006, International Journal of Forecasting 22:679-688.

    >>> from dataclasses import replace
    >>> counts = replace(
    ...     RegressionCounts.empty(0, 0), n=5, zero_targets=1, ape=0.4, squared_ape=0.05)
    >>> mape(counts).value
    0.1
    """
    if counts.n == 0:
        return no_labels()
    used = int(counts.n - counts.zero_targets)
    if used == 0:
        return Estimate.without(
            Status.NOT_ENOUGH_DATA,
            Reason.ZERO_TARGETS_ONLY,
            f"the target of all {counts.n} labelled rows is 0",
            int(counts.n),
        )
    return positive_mean(counts.ape, counts.squared_ape, used)
