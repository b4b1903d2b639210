"""Every drift measure against an independent computation on the rows themselves."""

import math

import numpy as np
import pytest
from scipy import stats
from scipy.spatial.distance import jensenshannon

from monitoring_dagster.metrics.drift import REGISTRY
from monitoring_dagster.profiles.grid import CategoryCells


def normal(mean: float, deviation: float = 1.0):
    return lambda rng, n: rng.normal(mean, deviation, n)


SHIFTS = {
    "a shift of 0.3 sigma": (normal(0), normal(0.3)),
    "a shift of 3 sigma": (normal(0), normal(3)),
    "a shift beyond every reference value": (normal(0), normal(12)),
    "half the spread": (normal(0), normal(0, 0.5)),
    "an exponential column that grows": (
        lambda rng, n: rng.exponential(1, n),
        lambda rng, n: rng.exponential(1.4, n),
    ),
    "lognormal with a shift": (
        lambda rng, n: rng.lognormal(0, 1, n),
        lambda rng, n: 1 + rng.lognormal(0, 1, n),
    ),
    "integers": (
        lambda rng, n: rng.integers(0, 100, n).astype(float),
        lambda rng, n: rng.integers(5, 115, n).astype(float),
    ),
    "a third zeros": (
        lambda rng, n: np.where(rng.random(n) < 0.3, 0.0, rng.exponential(1, n)),
        lambda rng, n: np.where(rng.random(n) < 0.5, 0.0, rng.exponential(1.5, n)),
    ),
    "a discrete column of three values": (
        lambda rng, n: rng.choice([0.0, 1.0, 5.0], n),
        lambda rng, n: rng.choice([0.0, 1.0, 5.0], n, p=[0.5, 0.3, 0.2]),
    ),
}


@pytest.fixture(params=SHIFTS.values(), ids=SHIFTS.keys())
def rows(request):
    rng = np.random.default_rng(5)
    before, after = request.param
    return before(rng, 20_000), after(rng, 3_000)


def test_kolmogorov_smirnov_is_that_of_the_rows_within_one_cell(rows, counting) -> None:
    estimate = REGISTRY["kolmogorov_smirnov"](counting.comparison(*rows))
    assert estimate.value == pytest.approx(stats.ks_2samp(*rows).statistic, abs=1.5e-3)


def test_wasserstein_is_that_of_the_rows_within_one_per_cent(rows, counting) -> None:
    comparison = counting.comparison(*rows)
    truth = stats.wasserstein_distance(*rows)
    assert REGISTRY["wasserstein"](comparison).value == pytest.approx(truth, rel=0.01)
    scaled = REGISTRY["wasserstein_scaled"](comparison)
    assert scaled.value == pytest.approx(truth / rows[0].std(ddof=1), rel=0.01)


@pytest.mark.parametrize("outliers", [[1e4], [1e4, 1e4, -1e3]], ids=["one", "on both sides"])
def test_wasserstein_knows_how_far_outliers_lie(outliers: list[float], counting) -> None:
    rng = np.random.default_rng(6)
    reference, current = rng.normal(size=20_000), rng.normal(size=2_000)
    current[: len(outliers)] = outliers
    found = REGISTRY["wasserstein"](counting.comparison(reference, current)).value
    assert found == pytest.approx(stats.wasserstein_distance(reference, current), rel=0.005)


def test_an_outlier_of_the_reference_does_not_spread_over_its_cell(counting) -> None:
    rng = np.random.default_rng(7)
    reference, current = rng.normal(size=20_000), rng.normal(1, 1, size=2_000)
    reference[0] = 1e4
    found = REGISTRY["wasserstein"](counting.comparison(reference, current)).value
    assert found == pytest.approx(stats.wasserstein_distance(reference, current), rel=0.02)


def test_a_small_reference_does_not_make_a_column_discrete(counting) -> None:
    rng = np.random.default_rng(8)
    reference, current = rng.normal(size=400), rng.normal(0.5, 1, size=300)
    found = REGISTRY["wasserstein"](counting.comparison(reference, current)).value
    assert found == pytest.approx(stats.wasserstein_distance(reference, current), rel=0.01)


def test_mean_and_variance_are_exact_from_the_sums(rows, counting) -> None:
    before, after = rows
    comparison = counting.comparison(before, after)
    change = (after.mean() - before.mean()) / before.std(ddof=1)
    assert REGISTRY["mean_change"](comparison).value == pytest.approx(change, rel=1e-9)
    ratio = after.var(ddof=1) / before.var(ddof=1)
    assert REGISTRY["variance_ratio"](comparison).value == pytest.approx(ratio, rel=1e-9)


def test_large_offsets_do_not_cancel_the_variance_away(counting) -> None:
    rng = np.random.default_rng(9)
    before, after = 1e9 + rng.normal(size=20_000), 1e9 + rng.normal(1, 2, size=3_000)
    comparison = counting.comparison(before, after)
    assert REGISTRY["mean_change"](comparison).value == pytest.approx(1.0, abs=0.06)
    assert REGISTRY["variance_ratio"](comparison).value == pytest.approx(
        after.var() / before.var(), rel=0.03
    )


def test_without_a_change_the_interval_of_the_mean_is_welchs(counting) -> None:
    rng = np.random.default_rng(10)
    before, after = rng.normal(size=20_000), rng.normal(size=60)
    found = REGISTRY["mean_change"](counting.comparison(before, after))
    welch = stats.ttest_ind(after, before, equal_var=False).confidence_interval()
    scale = before.std(ddof=1)
    assert (found.ci_low, found.ci_high) == pytest.approx(
        (welch.low / scale, welch.high / scale), abs=1e-4
    )


def deciles(reference: np.ndarray, current: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Shares of both by the reference's deciles, from the rows."""
    borders = np.quantile(reference, np.linspace(0, 1, 1_001)[100:1_000:100], method="inverted_cdf")
    return tuple(
        np.bincount(np.searchsorted(borders, x), minlength=10) / x.size
        for x in (reference, current)
    )


@pytest.mark.parametrize("shift", [0.0, 0.3, 1.0], ids=["no shift", "0.3 sigma", "1 sigma"])
def test_share_measures_of_a_number_are_those_of_its_deciles(shift: float, counting) -> None:
    rng = np.random.default_rng(11)
    before, after = rng.normal(size=20_000), rng.normal(shift, 1, size=5_000)
    comparison = counting.comparison(before, after)
    p, q = deciles(before, after)
    expected = {
        "psi": float(((q - p) * np.log(q / p)).sum()),
        "jensen_shannon": float(jensenshannon(p, q, base=2)),
        "hellinger": float(np.sqrt(1 - np.sqrt(p * q).sum())),
    }
    found = {name: REGISTRY[name](comparison).value for name in expected}
    assert found == pytest.approx(expected, rel=1e-9)


COUNTS = {
    "five categories": ([500, 300, 150, 40, 10, 0], [90, 80, 20, 8, 2, 0]),
    "a category that vanished": ([500, 300, 200, 0], [120, 80, 0, 0]),
    "categories that the reference did not have": ([500, 500, 0], [60, 30, 10]),
    "nothing in common": ([400, 600, 0], [0, 0, 100]),
}


@pytest.fixture(params=COUNTS.values(), ids=COUNTS.keys())
def table(request):
    return np.array(request.param)


def test_categorical_measures_are_those_of_scipy(table: np.ndarray, counting) -> None:
    names = [f"c{i}" for i in range(table.shape[1] - 1)]
    rows = [np.repeat([*names, "new"], counts).tolist() for counts in table]
    comparison = counting.comparison(*rows, CategoryCells(tuple(names)))
    used = table[:, table.sum(axis=0) > 0]
    p, q = (counts / counts.sum() for counts in used)
    expected = {
        "jensen_shannon": float(jensenshannon(p, q, base=2)),
        "hellinger": float(np.linalg.norm(np.sqrt(p) - np.sqrt(q)) / math.sqrt(2)),
        "total_variation": float(np.abs(p - q).sum() / 2),
        "l_infinity": float(np.abs(p - q).max()),
        "chi_square": float(stats.chi2_contingency(used, correction=False).statistic),
        "cramers_v": float(stats.contingency.association(used, method="cramer")),
    }
    found = {name: REGISTRY[name](comparison).value for name in expected}
    assert found == pytest.approx(expected, rel=1e-9)


def test_psi_of_a_vanished_category_counts_it_as_half_a_row(counting) -> None:
    cells = CategoryCells(("a", "b"))
    rows = ["a"] * 500 + ["b"] * 500, ["a"] * 100
    found = REGISTRY["psi"](counting.comparison(*rows, cells)).value
    assert found == pytest.approx(0.5 * math.log(1 / 0.5) + (0.005 - 0.5) * math.log(0.005 / 0.5))


@pytest.mark.parametrize("outlier", [1e4, -1e6, 1e300], ids=["1e4", "-1e6", "1e300"])
def test_one_outlier_does_not_hide_a_shift(outlier: float, counting) -> None:
    rng = np.random.default_rng(12)
    before, after = rng.normal(size=5_000), rng.normal(1, 1, size=1_000)
    alone = counting.comparison(before, after)
    beside = counting.comparison(before, np.append(after, outlier))
    for name in ("psi", "jensen_shannon", "hellinger", "kolmogorov_smirnov"):
        value = REGISTRY[name](beside).value
        assert value == pytest.approx(REGISTRY[name](alone).value, rel=0.01)
    assert REGISTRY["psi"](beside).value > 0.9


def test_an_outlier_of_the_reference_does_not_hide_a_shift(counting) -> None:
    rng = np.random.default_rng(13)
    before, after = rng.normal(size=10_000), rng.normal(1, 1, size=1_000)
    clean = REGISTRY["jensen_shannon"](counting.comparison(before, after)).value
    with_outlier = counting.comparison(np.append(before, 1e4), after)
    assert REGISTRY["jensen_shannon"](with_outlier).value == pytest.approx(clean, abs=0.005)


def test_a_new_value_of_a_discrete_column_counts_as_mass(counting) -> None:
    before = np.array([0.0, 1.0] * 500)
    after = np.array([0.0, 1.0] * 40 + [2.0] * 20)
    comparison = counting.comparison(before, after)
    assert REGISTRY["hellinger"](comparison).value == pytest.approx(
        math.sqrt(1 - 2 * math.sqrt(0.5 * 0.4))
    )
    assert REGISTRY["kolmogorov_smirnov"](comparison).value == pytest.approx(0.2)


def test_the_null_rate_change_is_a_difference_of_shares(counting) -> None:
    before, after = [1.0] * 90 + [None] * 10, [1.0] * 20 + [None] * 30
    cells = counting.numeric_cells(np.array([1.0]))
    found = REGISTRY["null_rate_change"](counting.comparison(before, after, cells))
    # Newcombe's method 10 for 30/50 - 10/100, computed from the Wilson limits of each share.
    one = stats.binomtest(30, 50).proportion_ci(method="wilson")
    other = stats.binomtest(10, 100).proportion_ci(method="wilson")
    assert found.value == pytest.approx(0.5)
    assert found.ci_low == pytest.approx(0.5 - math.hypot(0.6 - one.low, other.high - 0.1))
    assert found.ci_high == pytest.approx(0.5 + math.hypot(one.high - 0.6, 0.1 - other.low))
