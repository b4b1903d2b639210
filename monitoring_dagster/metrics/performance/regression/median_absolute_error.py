"""Median absolute error: half of the predictions are closer."""

from __future__ import annotations

from monitoring_dagster.metrics.measurement import Estimate
from monitoring_dagster.metrics.performance.regression.error_cells import (
    ErrorEdges,
    error_quantile,
)
from monitoring_dagster.profiles.outcomes import RegressionCounts


def median_absolute_error(counts: RegressionCounts, edges: ErrorEdges) -> Estimate:
    """Median of |prediction − target| in the target's unit, within a cell's width.

    Source: David and Nagaraja, Order Statistics, section 7.1, for the interval.

    >>> import numpy as np
    >>> from dataclasses import replace
    >>> cells = np.array([0, 50, 50, 0])
    >>> counts = replace(RegressionCounts.empty(0, 4), n=100, absolute_residuals=cells)
    >>> edges = ErrorEdges(np.array([]), np.array([0.0, 1.0, 2.0]))
    >>> median_absolute_error(counts, edges).value
    1.0
    """
    return error_quantile(counts.absolute_residuals, edges.absolute_residuals, 0.5, minimum=0.0)
