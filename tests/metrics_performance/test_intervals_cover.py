"""Intervals of 95 % hold the truth in 95 % of days, by simulation from populations of cells."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from monitoring_dagster.metrics.measurement import Estimate
from monitoring_dagster.metrics.performance.binary.registry import REGISTRY as BINARY
from monitoring_dagster.metrics.performance.multiclass.registry import REGISTRY as MULTICLASS
from monitoring_dagster.metrics.performance.regression.error_cells import ErrorEdges
from monitoring_dagster.metrics.performance.regression.registry import REGISTRY as REGRESSION
from monitoring_dagster.profiles.outcomes import BinaryCounts, MulticlassCounts, RegressionCounts
from tests.metrics_performance.counting import decided

Floats = NDArray[np.float64]

DAYS = 2_000

STANDS_FOR = np.linspace(0.01, 0.99, 50)


def coverage(estimates: list[Estimate], truth: float) -> float:
    held = [e.ci_low <= truth <= e.ci_high for e in estimates]
    return float(np.mean(held))


def score_population(separation: float, base: float = 0.0) -> Floats:
    """Shares by cell and label: scores spread evenly in log odds, calibrated up to a slope."""
    odds = np.log(STANDS_FOR / (1 - STANDS_FOR))
    positive = 1 / (1 + np.exp(-(base + separation * odds)))
    return np.stack([1 - positive, positive], axis=1) / STANDS_FOR.size


def with_sums(table: NDArray[np.int64]) -> BinaryCounts:
    """Scores exactly at the points that the cells stand for."""
    losses = -np.log(np.stack([1 - STANDS_FOR, STANDS_FOR], axis=1))
    errors = np.stack([STANDS_FOR, 1 - STANDS_FOR], axis=1) ** 2
    bins = np.minimum((STANDS_FOR * 20).astype(int), 19)
    rows = table.sum(axis=1)
    return BinaryCounts(
        scores=table,
        decisions=np.zeros((2, 2), dtype=np.int64),
        bin_rows=np.bincount(bins, rows, 20).astype(np.int64),
        bin_scores=np.bincount(bins, rows * STANDS_FOR, 20),
        bin_positives=np.bincount(bins, table[:, 1], 20).astype(np.int64),
        log_loss=float((table * losses).sum()),
        squared_error=float((table * errors).sum()),
    )


OF_SCORES = {
    "an area of .84, 400 rows": ("roc_auc", 1.0, 0.0, 400),
    "an area of .97, 200 rows": ("roc_auc", 3.0, 0.0, 200),
    "an area of .82 with rare positives": ("roc_auc", 1.0, -3.0, 600),
    "an average precision of .83": ("average_precision", 1.0, 0.0, 400),
    "an average precision with rare positives": ("average_precision", 1.0, -3.0, 1_000),
    "a log loss": ("log_loss", 1.3, 0.0, 400),
    "a Brier score": ("brier", 1.3, 0.0, 400),
    "a slope of 0.6": ("calibration_slope", 0.6, 0.0, 400),
    "a slope of 1.5": ("calibration_slope", 1.5, -1.0, 600),
    "an intercept of 0.4": ("calibration_intercept", 1.0, 0.4, 400),
}


@pytest.mark.parametrize(("metric", "separation", "base", "n"), OF_SCORES.values(), ids=OF_SCORES)
def test_intervals_from_scores_cover(metric: str, separation: float, base: float, n: int) -> None:
    rng = np.random.default_rng(11)
    population = score_population(separation, base)
    truths = {"calibration_slope": separation, "calibration_intercept": base}
    large = with_sums(np.round(population * 1e12).astype(np.int64))
    truth = truths.get(metric, BINARY[metric](large, STANDS_FOR).value)
    days = rng.multinomial(n, population.ravel(), DAYS).reshape(DAYS, -1, 2)
    estimates = [BINARY[metric](with_sums(day), STANDS_FOR) for day in days]
    assert coverage(estimates, truth) == pytest.approx(0.95, abs=0.02)


@pytest.mark.parametrize("slope", [1.0, 0.5], ids=["calibrated", "too sure"])
def test_the_interval_of_ece_covers_at_least_95_percent(slope: float) -> None:
    rng = np.random.default_rng(12)
    population = score_population(slope)
    large = with_sums(np.round(population * 1e12).astype(np.int64))
    # The truth of a calibrated model is 0; what rounding leaves of it is not.
    truth = round(BINARY["ece"](large, STANDS_FOR).value, 9)
    days = rng.multinomial(500, population.ravel(), DAYS).reshape(DAYS, -1, 2)
    estimates = [BINARY["ece"](with_sums(day), STANDS_FOR) for day in days]
    assert coverage(estimates, truth) >= 0.95


OF_DECISIONS = {
    "a useful model, 300 rows": ((0.5, 0.1, 0.1, 0.3), 300),
    "rare positives, 1,000 rows": ((0.93, 0.02, 0.02, 0.03), 1_000),
    "a good model, 200 rows": ((0.45, 0.03, 0.04, 0.48), 200),
}


@pytest.mark.parametrize("metric", ["f1", "mcc", "balanced_accuracy", "precision", "accuracy"])
@pytest.mark.parametrize(("shares", "n"), OF_DECISIONS.values(), ids=OF_DECISIONS)
def test_intervals_from_decisions_cover(metric: str, shares: tuple[float, ...], n: int) -> None:
    rng = np.random.default_rng(13)
    truth = BINARY[metric](decided(*(round(s * 100_000) for s in shares)), STANDS_FOR).value
    days = rng.multinomial(n, shares, DAYS).tolist()
    estimates = [BINARY[metric](decided(*day), STANDS_FOR) for day in days]
    assert coverage(estimates, truth) == pytest.approx(0.95, abs=0.02)


CONFUSION = np.array([[0.35, 0.05, 0.02], [0.06, 0.20, 0.04], [0.03, 0.05, 0.20]])


@pytest.mark.parametrize(
    "metric",
    ["recall_macro", "precision_macro", "f1_macro", "precision_weighted", "f1_weighted"],
)
def test_intervals_of_averages_over_classes_cover(metric: str) -> None:
    rng = np.random.default_rng(14)
    classes = ["a", "b", "c"]

    def estimate(table: NDArray[np.int64]) -> Estimate:
        empty = vars(MulticlassCounts.empty(3))
        return MULTICLASS[metric](MulticlassCounts(**{**empty, "confusion": table}), classes)

    truth = estimate(np.round(CONFUSION * 1e6).astype(np.int64)).value
    days = rng.multinomial(400, CONFUSION.ravel(), DAYS).reshape(DAYS, 3, 3)
    assert coverage([estimate(day) for day in days], truth) == pytest.approx(0.95, abs=0.02)


def test_the_interval_of_the_macro_area_covers_at_least_95_percent() -> None:
    rng = np.random.default_rng(15)
    centres = np.eye(3) * 1.5
    n, cells = 300, 50

    def day(rows: int) -> MulticlassCounts:
        labels = rng.integers(0, 3, rows)
        raw = np.exp(centres[labels] + rng.standard_normal((rows, 3)))
        place = (raw / raw.sum(axis=1, keepdims=True) * cells).astype(int)
        table = np.zeros((3, cells, 2), dtype=np.int64)
        for c in range(3):
            np.add.at(table, (c, place[:, c], (labels == c).astype(int)), 1)
        return MulticlassCounts(np.zeros((3, 3), dtype=np.int64), table, rows, 0.0)

    def estimate(counts: MulticlassCounts) -> Estimate:
        return MULTICLASS["roc_auc_macro"](counts, ["a", "b", "c"])

    truth = estimate(day(1_000_000)).value
    assert coverage([estimate(day(n)) for _ in range(DAYS)], truth) >= 0.95


def sums(errors: Floats, targets: Floats, residuals: Floats) -> RegressionCounts:
    relative = np.abs(errors) / np.abs(targets)
    cells = np.searchsorted(residuals, errors)
    absolute = np.searchsorted(residuals, np.abs(errors))
    return RegressionCounts(
        n=errors.size,
        error=errors.sum(),
        absolute_error=np.abs(errors).sum(),
        squared_error=(errors**2).sum(),
        cubed_error=(errors**3).sum(),
        fourth_error=(errors**4).sum(),
        target=targets.sum(),
        squared_target=(targets**2).sum(),
        ape=relative.sum(),
        squared_ape=(relative**2).sum(),
        zero_targets=0,
        sape=0.0,
        squared_sape=0.0,
        residuals=np.bincount(cells, minlength=residuals.size + 1),
        absolute_residuals=np.bincount(absolute, minlength=residuals.size + 1),
    )


EDGES = np.linspace(-12, 12, 4_001)

DRAWS: dict[str, Callable[[np.random.Generator, int], Floats]] = {
    "normal errors": lambda rng, n: rng.normal(0.2, 1, n),
    "errors with heavy tails": lambda rng, n: rng.laplace(0.2, 0.7, n),
    "skewed errors": lambda rng, n: rng.exponential(1, n) - 0.5,
}


OF_ERRORS = ("bias", "mae", "mse", "rmse", "mape", "median_error", "p90_absolute_error")


@cache
def coverage_of_errors(draw: str) -> dict[str, float]:
    """Coverage of every metric over the same days."""
    rng = np.random.default_rng(16)
    edges = ErrorEdges(EDGES, EDGES)

    def day(n: int) -> RegressionCounts:
        return sums(DRAWS[draw](rng, n), rng.uniform(5, 20, n), EDGES)

    large, days = day(4_000_000), [day(500) for _ in range(DAYS)]
    return {
        metric: coverage(
            [REGRESSION[metric](counts, edges) for counts in days],
            REGRESSION[metric](large, edges).value,
        )
        for metric in OF_ERRORS
    }


@pytest.mark.parametrize("draw", DRAWS)
@pytest.mark.parametrize("metric", OF_ERRORS)
def test_intervals_of_errors_cover(metric: str, draw: str) -> None:
    assert coverage_of_errors(draw)[metric] == pytest.approx(0.95, abs=0.02)


@pytest.mark.parametrize("explained", [0.3, 0.6, 0.9])
def test_the_interval_of_r2_covers_for_a_calibrated_model_and_normal_targets(
    explained: float,
) -> None:
    rng = np.random.default_rng(17)

    def estimate() -> Estimate:
        predictions = rng.normal(0, np.sqrt(explained), 400)
        errors = rng.normal(0, np.sqrt(1 - explained), 400)
        return REGRESSION["r2"](sums(errors, predictions - errors, EDGES), ErrorEdges(EDGES, EDGES))

    assert coverage([estimate() for _ in range(DAYS)], explained) == pytest.approx(0.95, abs=0.02)


def test_the_interval_of_r2_is_never_too_narrow_for_predictions_that_know_nothing() -> None:
    rng = np.random.default_rng(18)

    def estimate() -> Estimate:
        targets = rng.normal(0, 1, 400)
        return REGRESSION["r2"](
            sums(rng.normal(0, 0.5, 400) - targets, targets, EDGES), ErrorEdges(EDGES, EDGES)
        )

    assert coverage([estimate() for _ in range(DAYS)], -0.25) >= 0.93
