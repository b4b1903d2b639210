from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import mutual_info_score

from monitoring_dagster.decisions.importance import mutual_information
from monitoring_dagster.decisions.importance.cells import of_categories, of_column, of_numbers


def bits(cells, score):
    return mutual_information({"x": np.asarray(cells)}, np.asarray(score))["x"]


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3)), min_size=1, max_size=80))
def test_it_is_scikit_learns_estimate_less_miller_and_madows_bias(drawn):
    x, y = (np.array(values) for values in zip(*drawn, strict=True))
    filled = [len(set(x)), len(set(y)), len(set(drawn))]
    bias = (filled[2] - filled[0] - filled[1] + 1) / (2 * len(drawn))
    expected = max(0.0, (mutual_info_score(x, y) - bias) / np.log(2))
    assert bits(x, y) == pytest.approx(expected, abs=1e-9)


def test_cells_that_tell_nothing_have_no_bits_however_few_the_rows():
    r = np.random.default_rng(2)
    found = [bits(r.integers(0, 5, 300), r.integers(0, 5, 300)) for _ in range(200)]
    # Uncorrected they would have 16 / 600 nats, .038 bits.
    assert np.mean(found) < 0.008


def test_a_normal_pair_has_most_of_the_bits_that_it_has_in_theory():
    r = np.random.default_rng(4)
    x = r.normal(size=50_000)
    y = 0.8 * x + 0.6 * r.normal(size=50_000)
    found = bits(of_numbers(x), of_numbers(y))
    assert found == pytest.approx(-0.5 * np.log2(1 - 0.64), rel=0.12)


def test_nothing_is_told_without_rows():
    nothing = np.zeros(0, dtype=np.int64)
    assert mutual_information({"x": nothing}, nothing) == {"x": 0.0}


def test_heavy_values_and_missing_ones_have_cells_of_their_own():
    mostly_zero = np.concatenate([np.zeros(90), np.arange(1.0, 9.0), [np.nan, np.nan]])
    cells = of_numbers(mostly_zero)
    assert set(cells[:90]) == {0}
    assert set(cells[98:]) == {10}
    assert not set(cells[90:98]) & {0, 10}


def test_only_the_heaviest_categories_are_told_apart():
    names = [f"c{i:02d}" for i in range(40) for _ in range(40 - i)]
    cells = of_categories(pa.chunked_array([names]))
    assert cells.max() == 20
    assert cells[0] == 0
    assert (cells == 20).sum() == sum(range(1, 21))


@pytest.mark.parametrize(
    "column",
    [
        pa.chunked_array([[True, None, False]]),
        pa.chunked_array([["b"], ["a", None]]),
        pa.chunked_array([pa.array([2, None, 1])]),
        pa.chunked_array([pa.array([1.5, None, float("nan")])]),
        pa.chunked_array([pa.array([1, None, 3], pa.timestamp("us", "UTC"))]),
        pa.chunked_array([pa.array([None, None, None], pa.float64())]),
    ],
    ids=["truth", "text", "integers", "numbers", "points in time", "nothing"],
)
def test_every_stored_type_has_cells(column):
    cells = of_column(column)
    assert cells.dtype == np.int64
    assert cells.shape == (3,)
    assert cells.min() >= 0
