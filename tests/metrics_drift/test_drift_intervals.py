"""Drift intervals under real shifts: about 95 of 100 contain the truth.

400 seeded days each: the share that covers has a standard error of 1.1 points, so the bounds
below are three of them around 95 ± 2. The truth comes from a formula or from numerical shares,
never from the metric itself.
"""

import math

import numpy as np
import pytest
from scipy import stats

from monitoring_dagster.metrics.drift import REGISTRY
from monitoring_dagster.metrics.drift.comparison import Comparison
from monitoring_dagster.profiles.grid import CategoryCells
from monitoring_dagster.profiles.profile import ColumnCounts

DAYS = 400
LOW, HIGH = 0.90, 0.995


def coverage(name: str, truth: float, comparisons) -> float:
    estimates = [REGISTRY[name](c) for c in comparisons]
    return float(np.mean([e.ci_low <= truth <= e.ci_high for e in estimates]))


@pytest.fixture(scope="module")
def shifted_days(counting) -> list[Comparison]:
    """A normal column that moved by half a standard deviation: 5,000 rows before, 400 a day."""
    rng = np.random.default_rng(21)
    return [
        counting.comparison(rng.normal(size=5_000), rng.normal(0.5, 1, size=400))
        for _ in range(DAYS)
    ]


def decile_shares(shift: float) -> tuple[np.ndarray, np.ndarray]:
    borders = stats.norm.ppf(np.arange(1, 10) / 10)
    reached = np.concatenate([[0], stats.norm.cdf(borders - shift), [1]])
    return np.full(10, 0.1), np.diff(reached)


P, Q = decile_shares(0.5)
MIDDLE = (P + Q) / 2
NUMERIC_TRUTHS = {
    "kolmogorov_smirnov": 2 * stats.norm.cdf(0.25) - 1,
    "wasserstein": 0.5,
    "wasserstein_scaled": 0.5,
    "mean_change": 0.5,
    "variance_ratio": 1.0,
    "psi": float(((Q - P) * np.log(Q / P)).sum()),
    "jensen_shannon": math.sqrt(
        (stats.entropy(P, MIDDLE, base=2) + stats.entropy(Q, MIDDLE, base=2)) / 2
    ),
    "hellinger": math.sqrt(1 - float(np.sqrt(P * Q).sum())),
}


@pytest.mark.parametrize("name", NUMERIC_TRUTHS)
def test_intervals_of_a_shifted_number_cover_the_truth(name: str, shifted_days) -> None:
    assert LOW <= coverage(name, NUMERIC_TRUTHS[name], shifted_days) <= HIGH


BEFORE = np.array([0.4, 0.3, 0.15, 0.1, 0.05])
AFTER = np.array([0.3, 0.3, 0.2, 0.1, 0.1])
BETWEEN = (BEFORE + AFTER) / 2
POOLED = (5_000 * BEFORE + 400 * AFTER) / 5_400
PHI = float((5_000 * 400 / 5_400**2 * (BEFORE - AFTER) ** 2 / POOLED).sum())
CATEGORICAL_TRUTHS = {
    "psi": float(((AFTER - BEFORE) * np.log(AFTER / BEFORE)).sum()),
    "jensen_shannon": math.sqrt(
        (stats.entropy(BEFORE, BETWEEN, base=2) + stats.entropy(AFTER, BETWEEN, base=2)) / 2
    ),
    "hellinger": math.sqrt(1 - float(np.sqrt(BEFORE * AFTER).sum())),
    "total_variation": 0.1,
    "l_infinity": 0.1,
    "chi_square": 5_400 * PHI,
    "cramers_v": math.sqrt(PHI),
}


@pytest.fixture(scope="module")
def mixed_days() -> list[Comparison]:
    """A column of five categories whose shares moved."""
    rng = np.random.default_rng(22)
    cells = CategoryCells(tuple("abcde"))

    def side(shares: np.ndarray, n: int) -> ColumnCounts:
        return ColumnCounts(np.append(rng.multinomial(n, shares), 0), rows=n)

    return [Comparison(cells, side(BEFORE, 5_000), side(AFTER, 400)) for _ in range(DAYS)]


@pytest.mark.parametrize("name", CATEGORICAL_TRUTHS)
def test_intervals_of_moved_categories_cover_the_truth(name: str, mixed_days) -> None:
    assert LOW <= coverage(name, CATEGORICAL_TRUTHS[name], mixed_days) <= HIGH


@pytest.mark.parametrize("name", ["kolmogorov_smirnov", "wasserstein", "psi", "jensen_shannon"])
def test_without_drift_the_interval_reaches_down_to_zero(name: str, counting) -> None:
    rng = np.random.default_rng(23)
    days = [counting.comparison(rng.normal(size=5_000), rng.normal(size=400)) for _ in range(200)]
    # The column does not change, so the low end lies above 0 (or, for the divergences, above
    # their share of noise) on few days only.
    estimates = [REGISTRY[name](day) for day in days]
    assert np.mean([e.ci_low <= 0.01 for e in estimates]) >= 0.9
