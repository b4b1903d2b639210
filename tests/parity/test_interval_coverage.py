"""Intervals hold the truth on 95 % ± 2 of days as long as real ones.

Of AUC, F1, MAE, PSI, Kolmogorov-Smirnov and the p95 latency, at 500 to 5,000 rows a day against a
reference of 20,000. 2,000 seeded days each: the share that covers has a standard error of half a
point. Smaller days and the other metrics are in the tests of their own folders.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from monitoring_dagster.metrics.drift import REGISTRY as DRIFT
from monitoring_dagster.metrics.drift.comparison import Comparison
from monitoring_dagster.metrics.measurement import Estimate
from monitoring_dagster.metrics.operations.latency import latency_p95
from monitoring_dagster.metrics.performance.binary.registry import REGISTRY as BINARY
from monitoring_dagster.metrics.performance.regression.error_cells import ErrorEdges
from monitoring_dagster.metrics.performance.regression.registry import REGISTRY as REGRESSION
from monitoring_dagster.profiles.freezing import latency_cells
from monitoring_dagster.profiles.grid import NumericCells
from monitoring_dagster.profiles.outcomes import BinaryCounts, RegressionCounts
from monitoring_dagster.profiles.profile import ColumnCounts

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

DAYS = 2_000
REFERENCE_ROWS = 20_000
ROWS = [500, 900, 5_000]

within_two_points = pytest.approx(0.95, abs=0.02)


def coverage(estimates: Iterable[Estimate], truth: float) -> float:
    return float(np.mean([e.ci_low <= truth <= e.ci_high for e in estimates]))


def seeded(*numbers: float) -> np.random.Generator:
    return np.random.default_rng([round(100 * number) for number in numbers])


# --- drift ---------------------------------------------------------------------------------

EDGES = np.concatenate([[-6.0], stats.norm.ppf(np.arange(1, 1_000) / 1_000), [6.0]])
"""A normal column's thousand quantile cells."""


def shares(shift: float, borders: Floats) -> Floats:
    """Of a normal column that moved, between the borders and beyond them."""
    return np.diff(np.concatenate([[0.0], stats.norm.cdf(borders - shift), [1.0]]))


def moved_days(shift: float, rows: int) -> Iterable[Comparison]:
    rng, cells = seeded(shift, rows), NumericCells(tuple(EDGES.tolist()))
    before = rng.multinomial(REFERENCE_ROWS, shares(0, EDGES), DAYS)
    after = rng.multinomial(rows, shares(shift, EDGES), DAYS)
    for reference, current in zip(before, after, strict=True):
        yield Comparison(
            cells, ColumnCounts(reference, REFERENCE_ROWS), ColumnCounts(current, rows)
        )


def population_psi(shift: float) -> float:
    borders = stats.norm.ppf(np.arange(1, 10) / 10)
    p, q = shares(0, borders), shares(shift, borders)
    return float(((q - p) * np.log(q / p)).sum())


OF_DRIFT = {
    "psi": population_psi,
    # The two distribution functions lie farthest apart midway between their means.
    "kolmogorov_smirnov": lambda shift: 2 * stats.norm.cdf(shift / 2) - 1,
}


@pytest.mark.parametrize("shift", [0.3, 1.0], ids=["0.3 sigma", "1 sigma"])
@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("metric", OF_DRIFT)
def test_intervals_of_drift_cover(metric: str, rows: int, shift: float) -> None:
    estimates = (DRIFT[metric](day) for day in moved_days(shift, rows))
    assert coverage(estimates, OF_DRIFT[metric](shift)) == within_two_points


# --- latency -------------------------------------------------------------------------------

LATENCIES = {
    "log-normal around 40 ms": stats.lognorm(0.6, scale=0.04),
    "exponential around 200 ms": stats.expon(scale=0.2),
}


@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("latency", LATENCIES.values(), ids=LATENCIES)
def test_the_interval_of_the_p95_latency_covers(latency, rows: int) -> None:
    cells, rng = latency_cells(), seeded(rows)
    drawn = latency.rvs((DAYS, rows), random_state=rng)
    estimates = (
        latency_p95(
            cells,
            ColumnCounts(
                np.bincount(np.searchsorted(cells.borders, day), minlength=cells.cell_count),
                rows,
                minimum=float(day.min()),
                maximum=float(day.max()),
            ),
        )
        for day in drawn
    )
    assert coverage(estimates, float(latency.ppf(0.95))) == within_two_points


# --- performance ---------------------------------------------------------------------------

SCORES = np.linspace(0.005, 0.995, 100)


def scored_population(base: float) -> Floats:
    """Shares by score and label of a calibrated model; a lower base makes positives rarer."""
    weight = stats.beta(2, 3).pdf(SCORES)
    positive = 1 / (1 + np.exp(-(base + np.log(SCORES / (1 - SCORES)))))
    joint = weight[:, None] * np.stack([1 - positive, positive], axis=1)
    return joint / joint.sum()


def binary(table: Ints) -> BinaryCounts:
    """Outcomes of a model that decides at a score of one half."""
    is_positive = SCORES >= 0.5
    decisions = np.stack([table[~is_positive].sum(axis=0), table[is_positive].sum(axis=0)], axis=1)
    empty = vars(BinaryCounts.empty(SCORES.size))
    return BinaryCounts(**{**empty, "scores": table, "decisions": decisions})


def population_auc(shares: Floats) -> float:
    """P(a positive scores above a negative) + half P(equal)."""
    below = np.cumsum(shares[:, 0]) - shares[:, 0] / 2
    return float(shares[:, 1] @ below / shares[:, 1].sum() / shares[:, 0].sum())


def population_f1(shares: Floats) -> float:
    called = SCORES >= 0.5
    hits = shares[called, 1].sum()
    return float(2 * hits / (shares[called].sum() + shares[:, 1].sum()))


OF_SCORES = {"roc_auc": population_auc, "f1": population_f1}


@pytest.mark.parametrize("base", [0.0, -1.5], ids=["40 % positive", "15 % positive"])
@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("metric", OF_SCORES)
def test_intervals_of_classification_cover(metric: str, rows: int, base: float) -> None:
    population = scored_population(base)
    drawn = seeded(rows, -base).multinomial(rows, population.ravel(), DAYS)
    estimates = (BINARY[metric](binary(day.reshape(-1, 2)), SCORES) for day in drawn)
    assert coverage(estimates, OF_SCORES[metric](population)) == within_two_points


ERRORS = {"normal errors": stats.norm(0.2), "errors with heavy tails": stats.laplace(0.2, 0.7)}


@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("error", ERRORS.values(), ids=ERRORS)
def test_the_interval_of_the_mean_absolute_error_covers(error, rows: int) -> None:
    borders = np.linspace(-1, 1, 3)
    empty = vars(RegressionCounts.empty(borders.size + 1, borders.size + 1))
    drawn = error.rvs((DAYS, rows), random_state=seeded(rows, 1))
    absolute, squared = np.abs(drawn).sum(axis=1), (drawn**2).sum(axis=1)
    estimates = (
        REGRESSION["mae"](
            RegressionCounts(
                **{**empty, "n": rows, "absolute_error": absolute[i], "squared_error": squared[i]}
            ),
            ErrorEdges(borders, borders),
        )
        for i in range(DAYS)
    )
    assert coverage(estimates, float(error.expect(abs))) == within_two_points
