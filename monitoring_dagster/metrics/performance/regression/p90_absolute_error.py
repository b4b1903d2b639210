"""90th percentile of the absolute error: nine of ten predictions are closer."""

from __future__ import annotations

from monitoring_dagster.metrics.measurement import Estimate
from monitoring_dagster.metrics.performance.regression.error_cells import (
    ErrorEdges,
    error_quantile,
)
from monitoring_dagster.profiles.outcomes import RegressionCounts


def p90_absolute_error(counts: RegressionCounts, edges: ErrorEdges) -> Estimate:
    """The 0.9 quantile of |prediction − target| in the target's unit, within a cell's width.

    Source: David and Nagaraja, Order Statistics, section 7.1, for the interval.

    >>> import numpy as np
    >>> from dataclasses import replace
    >>> cells = np.array([0, 500, 500, 0])
    >>> counts = replace(RegressionCounts.empty(0, 4), n=1_000, absolute_residuals=cells)
    >>> edges = ErrorEdges(np.array([]), np.array([0.0, 1.0, 2.0]))
    >>> p90_absolute_error(counts, edges).value
    1.799
    """
    return error_quantile(counts.absolute_residuals, edges.absolute_residuals, 0.9, minimum=0.0)
