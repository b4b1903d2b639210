"""The metrics of a regression model, by name. A new one is a file and a line here."""

from __future__ import annotations

from collections.abc import Callable

from monitoring_dagster.metrics.measurement import Estimate
from monitoring_dagster.metrics.performance.regression.bias import bias
from monitoring_dagster.metrics.performance.regression.error_cells import ErrorEdges
from monitoring_dagster.metrics.performance.regression.large_error_rate import large_error_rate
from monitoring_dagster.metrics.performance.regression.mae import mae
from monitoring_dagster.metrics.performance.regression.mape import mape
from monitoring_dagster.metrics.performance.regression.median_absolute_error import (
    median_absolute_error,
)
from monitoring_dagster.metrics.performance.regression.median_error import median_error
from monitoring_dagster.metrics.performance.regression.mse import mse
from monitoring_dagster.metrics.performance.regression.p90_absolute_error import (
    p90_absolute_error,
)
from monitoring_dagster.metrics.performance.regression.r2 import r2
from monitoring_dagster.metrics.performance.regression.rmse import rmse
from monitoring_dagster.metrics.performance.regression.smape import smape
from monitoring_dagster.metrics.performance.regression.zero_targets import zero_targets
from monitoring_dagster.profiles.outcomes import RegressionCounts

Metric = Callable[[RegressionCounts, ErrorEdges], Estimate]


def _of_counts(metric: Callable[[RegressionCounts], Estimate]) -> Metric:
    """A metric that does not need the cells of the errors."""
    return lambda counts, _: metric(counts)


REGISTRY: dict[str, Metric] = {
    "bias": _of_counts(bias),
    "mae": _of_counts(mae),
    "mse": _of_counts(mse),
    "rmse": _of_counts(rmse),
    "mape": _of_counts(mape),
    "smape": _of_counts(smape),
    "zero_targets": _of_counts(zero_targets),
    "r2": _of_counts(r2),
    "median_error": median_error,
    "median_absolute_error": median_absolute_error,
    "p90_absolute_error": p90_absolute_error,
    "large_error_rate": large_error_rate,
}
