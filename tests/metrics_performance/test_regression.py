"""Regression metrics against scikit-learn and numpy, on the same rows."""

from __future__ import annotations

import math
from types import ModuleType

import numpy as np
import pytest
from numpy.typing import NDArray

from monitoring_dagster.metrics.measurement import Estimate, Reason, Status
from monitoring_dagster.metrics.performance.regression.error_cells import ErrorEdges
from monitoring_dagster.metrics.performance.regression.registry import REGISTRY
from monitoring_dagster.profiles.grid import NumericCells
from monitoring_dagster.profiles.outcomes import RegressionCounts
from tests.metrics_performance.counting import count_regression, quantile_cells

Floats = NDArray[np.float64]

ERRORS = np.random.default_rng(1).normal(0, 3, 50_000)
RESIDUAL = quantile_cells(ERRORS)
ABSOLUTE = quantile_cells(np.abs(ERRORS))
EDGES = ErrorEdges.of(RESIDUAL, ABSOLUTE)


def rows(n: int, seed: int, mean: float = 20.0) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(seed)
    targets = rng.normal(mean, 8, n)
    return targets, targets + rng.normal(0.3, 2.5, n)


def value(metric: str, counts: RegressionCounts) -> Estimate:
    estimate = REGISTRY[metric](counts, EDGES)
    assert estimate.status is Status.OK, estimate
    return estimate


ORACLES = {
    "bias": lambda _, t, p: (p - t).mean(),
    "mae": lambda sk, t, p: sk.mean_absolute_error(t, p),
    "mse": lambda sk, t, p: sk.mean_squared_error(t, p),
    "rmse": lambda sk, t, p: sk.root_mean_squared_error(t, p),
    "mape": lambda sk, t, p: sk.mean_absolute_percentage_error(t, p),
    "smape": lambda _, t, p: (2 * abs(p - t) / (abs(p) + abs(t))).mean(),
    "r2": lambda sk, t, p: sk.r2_score(t, p),
}


@pytest.mark.parametrize("metric", ORACLES)
@pytest.mark.parametrize("mean", [20.0, 0.0], ids=["positive targets", "targets of both signs"])
def test_sums_are_exact(sklearn: ModuleType, metric: str, mean: float) -> None:
    targets, predictions = rows(3_000, seed=2, mean=mean)
    counts = count_regression(targets, predictions, RESIDUAL, ABSOLUTE, reference_mean=19.0)
    truth = ORACLES[metric](sklearn, targets, predictions)
    assert value(metric, counts).value == pytest.approx(truth, rel=1e-10)


def test_r2_of_large_targets_does_not_cancel(sklearn: ModuleType) -> None:
    targets, predictions = rows(3_000, seed=3, mean=1e9)
    counts = count_regression(targets, predictions, RESIDUAL, ABSOLUTE, reference_mean=1e9 + 4)
    truth = sklearn.r2_score(targets, predictions)
    assert value("r2", counts).value == pytest.approx(truth, rel=1e-9)


QUANTILES = {
    "median_error": lambda e: np.quantile(e, 0.5),
    "median_absolute_error": lambda e: np.quantile(np.abs(e), 0.5),
    "p90_absolute_error": lambda e: np.quantile(np.abs(e), 0.9),
}


@pytest.mark.parametrize("metric", QUANTILES)
def test_quantiles_of_errors_are_within_a_cell(metric: str) -> None:
    targets, predictions = rows(3_000, seed=4)
    estimate = value(metric, count_regression(targets, predictions, RESIDUAL, ABSOLUTE))
    truth = QUANTILES[metric](predictions - targets)
    edges = np.asarray((RESIDUAL if metric == "median_error" else ABSOLUTE).edges)
    place = int(np.searchsorted(edges, truth))
    assert estimate.value == pytest.approx(truth, abs=edges[place] - edges[place - 1])
    assert estimate.ci_low < estimate.value < estimate.ci_high


def test_zero_targets_are_reported_apart_from_mape() -> None:
    targets, predictions = np.array([0.0, 0.0, 10.0, -20.0]), np.array([1.0, 0.0, 11.0, -16.0])
    counts = count_regression(targets, predictions, RESIDUAL, ABSOLUTE)
    assert value("zero_targets", counts).value == 2
    assert value("mape", counts).value == pytest.approx(0.15)
    assert value("mape", counts).n == 2
    assert value("smape", counts).value == pytest.approx((2 + 0 + 2 / 21 + 8 / 36) / 4)


def count(targets: list[float], predictions: list[float]) -> RegressionCounts:
    rows = np.array([targets, predictions], dtype=float)
    return count_regression(*rows, RESIDUAL, ABSOLUTE)


WITHOUT = {
    "no labels": (count([], []), "mae", Reason.NO_LABELS),
    "no labels to rank": (count([], []), "median_error", Reason.NO_LABELS),
    "zero targets only": (count([0, 0, 0], [1, 2, 3]), "mape", Reason.ZERO_TARGETS_ONLY),
    "one row has no variance": (count([5], [4]), "r2", Reason.CONSTANT_TARGET),
    "a constant target": (count([0.1] * 30, [0.2] * 30), "r2", Reason.CONSTANT_TARGET),
    "errors beyond the reference's": (
        count([0] * 9, [1e6] * 9),
        "median_error",
        Reason.BEYOND_GRID,
    ),
}


@pytest.mark.parametrize(("counts", "metric", "reason"), WITHOUT.values(), ids=WITHOUT)
def test_what_is_undefined_says_why(counts: RegressionCounts, metric: str, reason: Reason) -> None:
    estimate = REGISTRY[metric](counts, EDGES)
    assert estimate.reason is reason
    assert math.isnan(estimate.value)
    assert estimate.detail


def test_a_reference_without_labels_leaves_no_cells_for_errors() -> None:
    counts = count_regression(
        np.ones(5), np.ones(5), NumericCells((0.0, 1.0)), NumericCells((0.0, 1.0))
    )
    estimate = REGISTRY["p90_absolute_error"](counts, ErrorEdges.of(None, None))
    assert estimate.reason is Reason.REFERENCE_EMPTY


def test_a_perfect_model_has_no_error_and_explains_everything() -> None:
    targets = rows(100, seed=5)[0]
    counts = count_regression(targets, targets, RESIDUAL, ABSOLUTE)
    assert value("r2", counts) == Estimate(1.0, 1.0, 1.0, 100)
    assert value("rmse", counts) == Estimate(0.0, 0.0, 0.0, 100)


def test_the_mean_of_the_targets_has_an_r2_of_zero() -> None:
    targets = rows(100, seed=6)[0]
    counts = count_regression(targets, np.full(100, targets.mean()), RESIDUAL, ABSOLUTE)
    estimate = value("r2", counts)
    assert estimate.value == pytest.approx(0, abs=1e-12)
    assert estimate.ci_low < 0 < estimate.ci_high


def test_a_tenth_of_the_references_errors_is_large_and_more_where_errors_grow() -> None:
    targets, predictions = rows(20_000, seed=5)
    reference = count_regression(targets, predictions, RESIDUAL, ABSOLUTE, reference_mean=19.0)
    edges = ErrorEdges.of(RESIDUAL, ABSOLUTE, reference)
    limit = np.quantile(abs(predictions - targets), 0.9)
    assert REGISTRY["large_error_rate"](reference, edges).value == pytest.approx(0.1, abs=1e-3)
    worse = targets + 1.5 * (predictions - targets)
    found = REGISTRY["large_error_rate"](
        count_regression(targets, worse, RESIDUAL, ABSOLUTE, reference_mean=19.0), edges
    )
    assert found.value == pytest.approx((abs(worse - targets) > limit).mean(), abs=2e-3)
    assert found.ci_low < found.value < found.ci_high
    assert REGISTRY["large_error_rate"](reference, EDGES).reason is Reason.REFERENCE_EMPTY
