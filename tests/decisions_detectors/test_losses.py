"""What is tolerated: bounds against Wilson's, and sums that cannot be."""

import math

import numpy as np
import pytest

from monitoring_dagster.decisions.detectors.losses import Losses, Tolerance
from monitoring_dagster.metrics.intervals import Z, wilson


@pytest.mark.parametrize(("errors", "n"), [(0, 40), (2_000, 20_000), (7, 9), (40, 40)])
def test_of_errors_the_upper_end_of_wilsons_interval_is_tolerated(errors, n):
    tolerance = Tolerance.of(Losses.of_errors(errors, n), quantile=Z)
    assert tolerance.mean == pytest.approx(wilson(errors, n).high, abs=2e-9)


def test_days_that_differ_count_for_fewer_rows():
    rows = Losses.of_errors(2_000, 20_000)
    fewer = Losses.of_errors(500, 5_000)
    assert Tolerance.of(rows, quantile=Z, phi=4.0) == Tolerance.of(fewer, quantile=Z)
    assert Tolerance.of(rows, quantile=Z, phi=math.nan) == Tolerance.of(rows, quantile=Z)


def test_the_slack_holds_where_it_is_more_than_the_uncertainty():
    rows = Losses.of_errors(2_000, 20_000)
    assert Tolerance.of(rows, quantile=Z, slack=0.02).mean == pytest.approx(0.12)
    assert Tolerance.of(rows, quantile=Z, slack=0.001) == Tolerance.of(rows, quantile=Z)


def test_bounded_losses_have_the_interval_that_their_squares_allow():
    rng = np.random.default_rng(4)
    x = rng.beta(2, 6, 10_000)
    bounded = Losses(10_000, float(x.sum()), float((x * x).sum()))
    tolerance = Tolerance.of(bounded, quantile=Z)
    assert tolerance.mean == pytest.approx(x.mean() + Z * x.std() / 100, rel=1e-3)
    assert tolerance.deviation == pytest.approx(x.std(), rel=0.02)


def test_the_bound_of_bounded_losses_covers():
    rng = np.random.default_rng(6)
    x = rng.beta(1, 9, (3_000, 1_500))
    bounds = [
        Tolerance.of(Losses(1_500, float(s), float(q)), quantile=1.6449).mean
        for s, q in zip(x.sum(axis=1), (x * x).sum(axis=1), strict=True)
    ]
    assert np.mean(np.array(bounds) < 0.1) == pytest.approx(0.05, abs=0.015)


@pytest.mark.parametrize(
    "losses",
    [
        Losses.of_errors(1, 0),
        Losses.of_errors(-1, 10),
        Losses.of_errors(11, 10),
        Losses.of_errors(math.nan, 10),
        Losses.of_errors(1, math.inf),
        Losses(10, 5.0, 6.0),
        Losses(10, 5.0, 1.0),
    ],
    ids=["no rows", "fewer than none", "more than all", "NaN", "infinite", "above 1", "too even"],
)
def test_sums_that_cannot_be_are_not_usable(losses):
    assert not losses.is_usable
    assert Tolerance.of(losses, quantile=Z) is None


def test_losses_that_never_vary_are_tolerated_as_they_are():
    tolerance = Tolerance.of(Losses(100, 50.0, 25.0), quantile=Z)
    assert tolerance.mean == pytest.approx(0.5)
    assert tolerance.deviation > 0


def test_no_losses_have_no_mean():
    assert math.isnan(Losses.of_errors(0, 0).mean)
