"""Large errors: the share of rows that are further off than nine of ten of the reference's."""

from __future__ import annotations

from monitoring_dagster.metrics.intervals import wilson
from monitoring_dagster.metrics.measurement import Estimate, Reason, Status
from monitoring_dagster.metrics.performance.estimates import no_labels
from monitoring_dagster.metrics.performance.regression.error_cells import ErrorEdges
from monitoring_dagster.profiles.outcomes import RegressionCounts


def large_error_rate(counts: RegressionCounts, edges: ErrorEdges) -> Estimate:
    """Share of |prediction − target| above the reference's 0.9 quantile, 0 to 1; .1 on it.

    A bounded loss, which a mean error is not: sequential detectors can watch it without knowing
    how errors are distributed. Interval by Wilson.

    >>> import numpy as np
    >>> from dataclasses import replace
    >>> counts = replace(RegressionCounts.empty(0, 4), n=10,
    ...                  absolute_residuals=np.array([0, 5, 3, 2]))
    >>> large_error_rate(counts, ErrorEdges(np.array([]), np.array([0.0, 1.0, 2.0]), 3)).value
    0.2
    """
    n = int(counts.absolute_residuals.sum())
    if counts.n == 0 or n == 0:
        return no_labels()
    if edges.large_from is None:
        return Estimate.without(
            Status.NO_DATA,
            Reason.REFERENCE_EMPTY,
            "the reference has no labelled predictions, so no error can be called large",
            n,
        )
    large = int(counts.absolute_residuals[edges.large_from :].sum())
    return Estimate(large / n, *wilson(large, n), n)
