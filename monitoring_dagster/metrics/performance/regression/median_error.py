"""Median error: the bias that outliers do not move."""

from __future__ import annotations

from monitoring_dagster.metrics.measurement import Estimate
from monitoring_dagster.metrics.performance.regression.error_cells import (
    ErrorEdges,
    error_quantile,
)
from monitoring_dagster.profiles.outcomes import RegressionCounts


def median_error(counts: RegressionCounts, edges: ErrorEdges) -> Estimate:
    """Median of prediction − target in the target's unit, within a cell's width.

    Source: David and Nagaraja, Order Statistics, section 7.1, for the interval.

    >>> import numpy as np
    >>> from dataclasses import replace
    >>> counts = replace(RegressionCounts.empty(4, 0), n=100, residuals=np.array([0, 50, 50, 0]))
    >>> edges = ErrorEdges(np.array([-1.0, 0.0, 1.0]), np.array([]))
    >>> abs(median_error(counts, edges).value)
    0.0
    """
    return error_quantile(counts.residuals, edges.residuals, 0.5)
