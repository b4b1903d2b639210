"""Intervals against published figures, scipy and simulation."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from monitoring_dagster.metrics.intervals import (
    delta_variance,
    folding_bias,
    largest_bias,
    normal,
    quantile,
    quantile_ranks,
    share_difference,
    wilson,
)
from monitoring_dagster.metrics.measurement import Estimate, Reason, Status
from monitoring_dagster.metrics.safely import safely


@settings(deadline=None)
@given(n=st.integers(1, 100_000), part=st.floats(0, 1))
def test_wilson_is_that_of_scipy(n: int, part: float) -> None:
    k = round(part * n)
    theirs = stats.binomtest(k, n).proportion_ci(method="wilson")
    assert wilson(k, n) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ((56, 70), (48, 80), (0.0524, 0.3339)),
        ((9, 10), (3, 10), (0.1705, 0.8090)),
        ((10, 10), (0, 20), (0.6791, 1.0)),
        ((10, 10), (0, 10), (0.6075, 1.0)),
    ],
    ids=["56/70 - 48/80", "9/10 - 3/10", "10/10 - 0/20", "10/10 - 0/10"],
)
def test_the_difference_of_shares_is_newcombes_table(one, other, expected) -> None:
    # Newcombe 1998, Statistics in Medicine 17:873-890, table II, method 10.
    assert share_difference(*one, *other) == pytest.approx(expected, abs=5e-5)


def test_an_empty_side_has_no_interval() -> None:
    assert all(map(math.isnan, wilson(0, 0)))
    assert all(map(math.isnan, share_difference(1, 2, 0, 0)))


def test_a_normal_interval_keeps_to_the_bounds_and_to_the_value() -> None:
    assert normal(0.1, 1.0, low=0.0, high=1.0) == (0.0, 1.0)
    assert normal(0.5, 1e-6, bias=(0.2, 0.1)).high == 0.5


def test_the_delta_method_gives_the_variance_of_a_multinomial_sum() -> None:
    shares, gradient = np.array([0.5, 0.3, 0.2]), np.array([1.0, -2.0, 4.0])
    covariance = stats.multinomial.cov(1, shares)
    assert delta_variance(gradient, shares, 50) == pytest.approx(
        gradient @ covariance @ gradient / 50
    )


@pytest.mark.parametrize(
    ("n", "share"), [(30, 0.5), (200, 0.9), (1_000, 0.5), (1_000, 0.99), (250_000, 0.95)]
)
def test_ranks_of_a_quantile_lie_between_the_binomial_ones(n: int, share: float) -> None:
    ranks = quantile_ranks(n, share)
    low, high = stats.binom.ppf(0.025, n, share), stats.binom.ppf(0.975, n, share) + 1
    assert low <= ranks.low <= low + 1
    assert high - 1 <= ranks.high <= high


@pytest.mark.parametrize(
    ("n", "share"),
    [(50, 0.5), (500, 0.95), (2_000, 0.99)],
    ids=["median of 50", "p95 of 500", "p99 of 2,000"],
)
def test_the_interval_of_a_quantile_covers_it(n: int, share: float) -> None:
    rng = np.random.default_rng(61)
    edges = 1e-4 * 1.02 ** np.arange(600)
    truth = stats.expon.ppf(share)
    hits = 0
    for _ in range(800):
        sample = rng.exponential(1, n)
        counts = np.bincount(np.searchsorted(edges, sample), minlength=edges.size + 1)
        found = quantile(counts, edges, share, minimum=sample.min(), maximum=sample.max())
        hits += found.low <= truth <= found.high
    # The share that covers has a standard error of .8 points.
    assert 0.925 <= hits / 800 <= 0.98


@settings(deadline=None)
@given(values=st.lists(st.floats(0, 9.99), min_size=1, max_size=50), share=st.floats(0.01, 0.99))
def test_a_quantile_is_within_a_cell_of_that_of_the_rows(values, share: float) -> None:
    edges = np.arange(11.0)
    counts = np.bincount(np.searchsorted(edges, values), minlength=12)
    found = quantile(counts, edges, share, minimum=min(values), maximum=max(values))
    assert abs(found.value - np.quantile(values, share)) <= 1.0 + 1e-9
    assert not found.low > found.value
    assert not found.high < found.value


def test_a_quantile_beyond_an_open_cell_is_not_invented() -> None:
    counts, edges = np.array([0, 10, 90]), np.array([0.0, 1.0])
    assert math.isnan(quantile(counts, edges, 0.5).value)
    assert math.isnan(quantile(np.zeros(3, dtype=int), edges, 0.5).value)


def test_the_bias_of_an_absolute_value_is_that_of_the_folded_normal() -> None:
    rng = np.random.default_rng(62)
    drawn = np.abs(rng.normal(0.7, 0.5, 400_000)).mean() - 0.7
    # Row 1 takes the gap for the truth.
    assert folding_bias(np.array([0.7]), np.array([0.25]))[1, 0] == pytest.approx(drawn, abs=3e-3)


def test_the_bias_of_the_largest_is_that_of_draws() -> None:
    rng = np.random.default_rng(63)
    drawn = np.abs(rng.normal(0, [1.0, 0.5, 0.5, 0.2], (400_000, 4))).max(axis=1).mean()
    found = largest_bias(np.zeros(4), np.array([1.0, 0.5, 0.5, 0.2]) ** 2)
    assert found == pytest.approx(drawn, rel=0.01)
    assert largest_bias(np.array([0.5, 0.1]), np.zeros(2)) == 0


@pytest.mark.parametrize("value", [math.nan, math.inf], ids=["nan", "infinite"])
def test_a_value_that_is_not_finite_is_a_failed_metric(value: float) -> None:
    estimate = safely("odd", lambda: Estimate.exact(value, n=5))
    assert (estimate.status, estimate.reason) == (Status.ERROR, Reason.METRIC_FAILED)
    assert estimate.detail == f"odd failed: its value is {value}, not a finite number"


def test_a_metric_that_returns_a_reason_keeps_it() -> None:
    without = Estimate.without(Status.NO_DATA, Reason.ALL_NULL, "nothing there")
    assert safely("odd", lambda: without) is without


def test_numeric_trouble_inside_a_metric_warns_nobody() -> None:
    estimate = safely("odd", lambda: Estimate.exact(float(np.float64(0) / np.float64(0)), n=1))
    assert estimate.reason is Reason.METRIC_FAILED
