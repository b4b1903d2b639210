"""What every drift measure owes whatever the counts are."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from monitoring_dagster.metrics.drift import CATEGORICAL, NUMERIC, REGISTRY
from monitoring_dagster.metrics.drift.comparison import Comparison
from monitoring_dagster.metrics.measurement import Estimate, Status
from monitoring_dagster.profiles.grid import CategoryCells
from monitoring_dagster.profiles.profile import ColumnCounts

DISTANCES = sorted({*NUMERIC, *CATEGORICAL} - {"mean_change", "variance_ratio"})
BOUNDED = ["jensen_shannon", "hellinger", "total_variation", "l_infinity", "cramers_v"]
SYMMETRIC = [*BOUNDED, "psi", "chi_square"]

counts = arrays(np.int64, 6, elements=st.integers(0, 10_000)).filter(lambda c: c.sum() > 0)
# Millionths up to a million: the measures' own units. What is beyond ends in a status (measure).
numbers = st.lists(
    st.integers(-(10**12), 10**12).map(lambda i: i / 1e6) | st.sampled_from([0.0, -0.0, 5e-324]),
    min_size=1,
    max_size=60,
)


def categories(reference: np.ndarray, current: np.ndarray) -> Comparison:
    cells = CategoryCells(("a", "b", "c", "d", "e"))
    sides = (ColumnCounts(c, rows=int(c.sum())) for c in (reference, current))
    return Comparison(cells, *sides)


def is_sound(estimate: Estimate) -> bool:
    if estimate.status is not Status.OK:
        return math.isnan(estimate.value) and bool(estimate.detail)
    ends = (estimate.ci_low, estimate.value, estimate.ci_high)
    return all(map(math.isfinite, ends)) and ends[0] <= ends[1] <= ends[2]


@settings(deadline=None)
@given(reference=counts, current=counts)
def test_categorical_measures_are_sound_and_bounded(reference, current) -> None:
    comparison = categories(reference, current)
    for name, metric in CATEGORICAL.items():
        estimate = metric(comparison)
        assert is_sound(estimate), (name, estimate)
        assert estimate.ci_low >= 0
        assert name not in BOUNDED or estimate.ci_high <= 1
        assert estimate.n == current.sum()


@settings(deadline=None)
@given(before=numbers, after=numbers)
def test_numeric_measures_are_sound_whatever_the_numbers(before, after, counting) -> None:
    comparison = counting.comparison(np.array(before), np.array(after))
    for name, metric in NUMERIC.items():
        estimate = metric(comparison)
        assert is_sound(estimate), (name, estimate)
        assert name not in DISTANCES or not estimate.ci_low < 0


@pytest.mark.parametrize("name", sorted(CATEGORICAL))
@settings(deadline=None)
@given(reference=counts)
def test_a_day_equal_to_the_reference_has_no_distance(name: str, reference) -> None:
    estimate = CATEGORICAL[name](categories(reference, reference))
    assert (estimate.value, estimate.ci_low) == (pytest.approx(0, abs=1e-7), 0)


@settings(deadline=None)
@given(before=numbers)
def test_numbers_equal_to_the_reference_have_no_distance(before, counting) -> None:
    comparison = counting.comparison(np.array(before), np.array(before))
    scale = max(map(abs, before))
    for name in sorted({*NUMERIC} & {*DISTANCES}):
        estimate = NUMERIC[name](comparison)
        if estimate.status is Status.OK:
            assert estimate.value == pytest.approx(0, abs=1e-9 * max(scale, 1))


@pytest.mark.parametrize("name", SYMMETRIC)
@settings(deadline=None)
@given(reference=counts, current=counts)
def test_measures_of_shares_are_symmetric(name: str, reference, current) -> None:
    one = REGISTRY[name](categories(reference, current)).value
    other = REGISTRY[name](categories(current, reference)).value
    assert one == pytest.approx(other, rel=1e-9, abs=1e-7)


@settings(deadline=None)
@given(reference=counts, current=counts, order=st.permutations(range(5)))
def test_the_order_of_categories_does_not_matter(reference, current, order) -> None:
    moved = [*order, 5]
    one, other = categories(reference, current), categories(reference[moved], current[moved])
    for metric in CATEGORICAL.values():
        assert metric(one).value == pytest.approx(metric(other).value, rel=1e-9, abs=1e-7)


@settings(deadline=None, max_examples=50)
@given(before=numbers, one=numbers, other=numbers)
def test_the_sum_of_two_profiles_is_the_profile_of_all_rows(before, one, other, counting) -> None:
    cells = counting.numeric_cells(np.array(before))
    reference = counting.counted(cells, np.array(before))
    parts = counting.counted(cells, np.array(one)) + counting.counted(cells, np.array(other))
    whole = counting.counted(cells, np.array([*one, *other]))
    scale = max(map(abs, [*before, *one, *other]))
    for name in ("kolmogorov_smirnov", "psi", "jensen_shannon", "hellinger"):
        found = [NUMERIC[name](Comparison(cells, reference, c)).value for c in (parts, whole)]
        assert found[0] == found[1]
    found = [NUMERIC["wasserstein"](Comparison(cells, reference, c)).value for c in (parts, whole)]
    assert found[0] == pytest.approx(found[1], rel=1e-6, abs=1e-6 * max(scale, 1))


@settings(deadline=None, max_examples=50)
@given(before=numbers, after=numbers)
def test_wasserstein_is_never_below_the_difference_of_the_means(before, after, counting) -> None:
    comparison = counting.comparison(np.array(before), np.array(after))
    gap = abs(np.mean(after) - np.mean(before))
    assert NUMERIC["wasserstein"](comparison).value >= gap * (1 - 1e-9) - 1e-6


def test_ten_billion_rows_do_not_overflow() -> None:
    huge = np.array([4, 3, 2, 1, 0, 0]) * 10**10
    other = np.array([3, 3, 2, 1, 1, 0]) * 10**10
    for name, metric in CATEGORICAL.items():
        assert is_sound(metric(categories(huge, other))), name
