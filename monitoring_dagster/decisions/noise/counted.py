"""A column of one group of the reference, laid out for distances between many counts at once.

The same bins and cells as the drift measures use; formulas of shares are theirs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitoring_dagster.metrics.drift import (
    hellinger,
    jensen_shannon,
    kolmogorov_smirnov,
    l_infinity,
    psi,
    total_variation,
)
from monitoring_dagster.metrics.drift.bins import bin_starts, keeps_cells
from monitoring_dagster.metrics.drift.coarse import coarsened
from monitoring_dagster.metrics.drift.contingency import phi_squared
from monitoring_dagster.metrics.drift.moments import moments
from monitoring_dagster.metrics.drift.places import even
from monitoring_dagster.profiles.grid import Cells, NumericCells
from monitoring_dagster.profiles.profile import ColumnCounts

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Counted:
    """The reference's counts of a column, and where its bins begin.

    `cells` are those that drift measures (at most a thousand inner ones), `reference` the counts
    in them; `starts` are the bins' first cells; `deviation` is NaN for categories and 0 for a
    constant column; `widths` (cells - 2,) are the inner cells' widths.
    """

    fine: Cells
    cells: Cells
    counts: ColumnCounts
    reference: Ints
    starts: Ints
    deviation: float
    kurtosis: float
    widths: Floats

    @classmethod
    def of(cls, cells: Cells, counts: ColumnCounts) -> Counted:
        """Of a column with at least one value."""
        fine, merged, deviation, kurtosis = cells, counts, np.nan, 3.0
        widths = np.zeros(0)
        if isinstance(cells, NumericCells):
            cells, merged, _ = coarsened(cells, counts, counts)
            found = moments(cells, merged, even(cells))
            deviation, kurtosis = found.deviation, found.skewness_and_kurtosis[1]
            widths = np.diff(cells.borders)
        starts = bin_starts(cells, merged.cells)
        return cls(fine, cells, counts, merged.cells, starts, deviation, kurtosis, widths)

    @property
    def n(self) -> int:
        """Values of the reference."""
        return int(self.reference.sum())

    @property
    def is_numeric(self) -> bool:
        """Whether the column holds numbers."""
        return isinstance(self.cells, NumericCells)

    @property
    def is_fine(self) -> bool:
        """Whether the cells are more than the bins."""
        return not keeps_cells(self.cells)

    def cells_of(self, day: ColumnCounts) -> Ints:
        """A day's counts in `cells`."""
        if self.cells is self.fine or not isinstance(self.fine, NumericCells):
            return day.cells
        return coarsened(self.fine, self.counts, day)[2].cells

    def binned(self, cells: Ints) -> Ints:
        """Counts in the bins, over the last axis."""
        return np.add.reduceat(cells, self.starts, axis=-1)

    def of_bins(self, reference: Ints, current: Ints) -> Iterator[tuple[str, Floats]]:
        """Squared distances between counts in bins, over the last axis; see `judged.squared`."""
        yield "psi", psi.distance(reference, current)
        yield "jensen_shannon", jensen_shannon.distance(reference, current) ** 2
        yield "hellinger", hellinger.distance(reference, current) ** 2
        if not self.is_numeric:
            yield "l_infinity", l_infinity.distance(reference, current) ** 2
            yield "total_variation", total_variation.distance(reference, current) ** 2
            m, n = reference.sum(axis=-1), current.sum(axis=-1).astype(np.float64)
            chi_square = phi_squared(reference, current) * (n + m) ** 2 / (n * m)
            yield "chi_square", chi_square
            yield "cramers_v", chi_square

    def of_cells(self, reference: Ints, current: Ints) -> Iterator[tuple[str, Floats]]:
        """Squared distances between counts in cells of numbers, over the last axis."""
        if not self.is_numeric:
            return
        yield "kolmogorov_smirnov", kolmogorov_smirnov.distance(reference, current) ** 2
        gap = np.cumsum(
            current / current.sum(axis=-1, keepdims=True)
            - reference / reference.sum(axis=-1, keepdims=True),
            axis=-1,
        )[..., :-1]
        yield from self.of_gaps(gap)

    def of_gaps(self, gap: Floats) -> Iterator[tuple[str, Floats]]:
        """The two Wasserstein distances from differences of distribution functions at borders."""
        size = np.abs(gap)
        if isinstance(self.cells, NumericCells) and self.cells.is_discrete:
            area = size[..., :-1] @ self.widths
        else:
            area = (size[..., :-1] + size[..., 1:]) @ self.widths / 2
        yield "wasserstein", area * area
        if self.deviation > 0:
            yield "wasserstein_scaled", (area / self.deviation) ** 2
