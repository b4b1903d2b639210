"""Tails and shrinkage against scipy's distributions and published figures."""

import numpy as np
import pytest
from scipy import special, stats

from monitoring_dagster.decisions.noise import sampling, tails
from monitoring_dagster.decisions.noise.shrinkage import DEFAULT, prior, shrunk, uncertain
from monitoring_dagster.decisions.noise.weekdays import autocorrelation, matched, spans_weeks

ONE = np.ones((1, 1))


def arrays(*values: float) -> tails.Cumulants:
    return tails.Cumulants(*(np.array([[v]]) for v in values))


@pytest.mark.parametrize("freedom", [1, 3, 9])
@pytest.mark.parametrize("p", [0.05, 1e-4])
def test_the_tail_of_a_chi_square_is_that_of_scipy(freedom, p) -> None:
    tail = tails.tail(arrays(freedom, 2 * freedom, 8 * freedom), np.array([[1e6]]))
    at = stats.chi2.isf(p, freedom)
    assert tails.beyond(np.array([at]), tail, ONE)[0] == pytest.approx(p, rel=2e-3)
    assert tails.exceeded(np.array([p]), tail, ONE)[0] == pytest.approx(at, rel=1e-3)


def test_a_mean_known_from_few_days_makes_an_f() -> None:
    tail = tails.tail(arrays(1.0, 2 / 9, 8 / 81), np.array([[30.0]]))
    assert tails.beyond(np.array([3.5]), tail, ONE)[0] == pytest.approx(stats.f.sf(3.5, 9, 30))


def test_one_direction_among_many_has_the_tail_of_their_sum() -> None:
    rng = np.random.default_rng(1)
    weights = np.array([10 / 9] + [1 / 9] * 8)
    sums = rng.chisquare(1, (400_000, 9)) @ weights
    third = 8 * (weights**3).sum()
    tail = tails.tail(arrays(2.0, 2 * (weights**2).sum(), third), np.array([[1e6]]))
    at = np.quantile(sums, 0.999)
    assert tails.beyond(np.array([at]), tail, ONE)[0] == pytest.approx(0.001, rel=0.15)


def test_the_quantile_of_a_mixture_is_exceeded_as_often_as_asked() -> None:
    each = [tails.tail(arrays(1.0, v, v * v * 2), np.array([[50.0]])) for v in (0.2, 2.0, 4.0)]
    mixture = tails.Tail(*(np.concatenate(part, axis=1) for part in zip(*each, strict=True)))
    weights = np.array([[0.7, 0.2, 0.1]])
    for level in (0.3, 0.05, 1e-3, 1e-6):
        at = tails.exceeded(np.array([level]), mixture, weights)
        assert tails.beyond(at, mixture, weights)[0] == pytest.approx(level, rel=1e-3)


def test_the_density_is_the_slope_of_the_chance() -> None:
    tail = tails.heavier(tails.tail(arrays(1.0, 1.0, 2.0), np.array([[40.0]])), np.array([[6.0]]))
    one, other = (tails.chances(np.array([[x]]), tail)[0, 0] for x in (2.0, 2.001))
    assert np.exp(tails.log_density(np.array([[2.0005]]), tail)[0, 0]) == pytest.approx(
        (one - other) / 0.001, rel=1e-4
    )


def test_shares_of_whole_rows_are_binomial() -> None:
    hits, n, p = np.arange(0.0, 21.0), np.full(21, 20.0), np.full(21, 0.3)
    up, down = tails.of_share(hits / 20, n, p, np.ones(21))
    assert up == pytest.approx(stats.binom.sf(hits - 1, 20, 0.3))
    assert down == pytest.approx(stats.binom.cdf(hits, 20, 0.3))


def test_the_ends_of_a_share_are_reached_as_often_as_asked() -> None:
    n, p, lump = np.full(1, 400.0), np.full(1, 0.05), np.ones(1)
    high, low = tails.share_exceeded(np.full(1, 1e-3), n, p, lump)
    assert tails.of_share(high, n, p, lump)[0][0] == pytest.approx(1e-3, rel=1e-3)
    assert tails.of_share(low, n, p, lump)[1][0] == pytest.approx(1e-3, rel=1e-3)


def test_students_tail_is_scipys() -> None:
    assert tails.of_students(np.array([4.0]), np.array([6.0]))[0] == pytest.approx(stats.t.sf(4, 6))
    assert tails.students(np.array([1e-4]), np.array([6.0]))[0] == pytest.approx(
        stats.t.isf(1e-4, 6)
    )


def test_kolmogorovs_square_has_the_cumulants_of_its_series() -> None:
    sums = [
        2 * special.factorial(k) / 2**k * (1 - 2.0 ** (1 - 2 * k)) * special.zeta(2 * k)
        for k in (1, 2, 3)
    ]
    one, two, three = sums
    central = [one, two - one**2, three - 3 * one * two + 2 * one**3]
    assert pytest.approx(central, rel=1e-6) == sampling.KOLMOGOROV


def test_bridges_have_the_variance_of_a_brownian_bridge() -> None:
    at = sampling.bridges()[:, [512, 1024]]
    assert at.var(axis=0) == pytest.approx([0.1875, 0.25], rel=0.12)


def test_variances_of_one_kind_pool_and_those_of_two_do_not() -> None:
    rng = np.random.default_rng(2)
    alike = rng.chisquare(6, 200) / 6
    given = prior(alike, np.full(200, 6.0))
    assert given.level == pytest.approx(1.0, abs=0.1)
    assert given.freedom > 30
    assert prior(alike * rng.choice([1.0, 50.0], 200), np.full(200, 6.0)).freedom < 3


def test_a_prior_of_known_freedom_is_found_again() -> None:
    rng = np.random.default_rng(3)
    variances = 8.0 / rng.chisquare(8, 4_000)
    given = prior(variances * rng.chisquare(10, 4_000) / 10, np.full(4_000, 10.0))
    assert given.freedom == pytest.approx(8, rel=0.2)
    assert given.level == pytest.approx(1.0, rel=0.05)


def test_without_days_the_variance_is_the_stated_default() -> None:
    ratio, freedom = shrunk(np.zeros(2), np.zeros(2), prior(np.zeros(2), np.zeros(2)))
    assert (ratio == DEFAULT.level).all()
    assert (freedom == DEFAULT.freedom).all()


def test_what_sampling_hid_from_the_reference_is_allowed_for_at_many_rows() -> None:
    zero, one = np.zeros(1), np.ones(1)
    added, freedom = uncertain(zero, one, 200 * one, one)
    assert (added[0], freedom[0]) == (0.0, 200.0)
    added, freedom = uncertain(zero, 0.001 * one, 200 * one, one)
    assert added[0] == pytest.approx(0.1, rel=0.05)
    assert freedom[0] == 8


def test_weekdays_that_differ_are_kept_and_noise_is_not() -> None:
    rng = np.random.default_rng(4)
    days = np.arange(738_000, 738_035)
    noise = rng.normal(0, 1, 35)
    weekly = np.array([9.0, 0, 0, 0, 0, 0, 0])[(days - 1) % 7]
    assert matched(noise + weekly, days).kept > 0.9
    assert matched(rng.normal(0, 1, 35), days).kept < 0.6
    assert matched(noise, days[:27]).kept == 0.0
    assert not spans_weeks(days[:27])
    assert spans_weeks(days[:28])


def test_autocorrelation_is_found_without_its_bias() -> None:
    rng = np.random.default_rng(6)
    found = []
    for _ in range(400):
        x = np.zeros(60)
        for day in range(1, 60):
            x[day] = 0.5 * x[day - 1] + rng.normal()
        found.append(autocorrelation(x, np.arange(60))[0])
    assert np.mean(found) == pytest.approx(0.5, abs=0.03)
