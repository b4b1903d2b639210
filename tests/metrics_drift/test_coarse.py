"""Claims about coarser cells: nothing is lost, and a distance hardly moves."""

from __future__ import annotations

import numpy as np
from scipy.stats import ks_2samp

from monitoring_dagster.metrics.drift.coarse import coarsened
from monitoring_dagster.metrics.drift.comparison import Comparison
from monitoring_dagster.metrics.drift.registry import NUMERIC
from monitoring_dagster.profiles.grid import NumericCells
from monitoring_dagster.profiles.profile import ColumnCounts

FINE = NumericCells(tuple(np.linspace(0.0, 1.0, 20_001).tolist()))


def counted(values: np.ndarray) -> ColumnCounts:
    cells = np.searchsorted(FINE.borders, values, side="left")
    return ColumnCounts(
        cells=np.bincount(cells, minlength=FINE.cell_count),
        rows=len(values),
        total=float(values.sum()),
        total_squares=float((values**2).sum()),
        minimum=float(values.min()),
        maximum=float(values.max()),
    )


def test_coarser_cells_hold_the_same_rows_and_keep_the_distance() -> None:
    random = np.random.default_rng(1)
    before, after = random.beta(2, 5, 30_000), random.beta(2.4, 5, 900)
    cells, reference, current = coarsened(FINE, counted(before), counted(after))
    assert cells.cell_count <= 1_003  # outer cells, and what lies above the reference
    assert (reference.n, current.n) == (30_000, 900)
    distance = NUMERIC["kolmogorov_smirnov"](Comparison(cells, reference, current)).value
    assert abs(distance - ks_2samp(before, after).statistic) < 2 / 900  # two rows of the day


def test_few_cells_and_an_empty_reference_stay_as_they_are() -> None:
    empty = ColumnCounts(np.zeros(FINE.cell_count, dtype=np.int64), 0)
    assert coarsened(FINE, empty, empty)[0] is FINE
    few = NumericCells((0.0, 1.0))
    counts = ColumnCounts(np.array([0, 5, 0]), 5)
    assert coarsened(few, counts, counts) == (few, counts, counts)
