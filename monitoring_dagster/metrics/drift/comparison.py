"""A comparison: two counts of one column, and what several metrics read off them.

Everything is derived once, when the first metric asks. Which metrics there are is the package's
registry.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from monitoring_dagster.metrics.drift.bins import bin_starts, floored_shares, keeps_cells
from monitoring_dagster.metrics.drift.moments import Moments, moments
from monitoring_dagster.metrics.drift.places import Places, even
from monitoring_dagster.metrics.drift.transport import Transport, transport
from monitoring_dagster.profiles.grid import Cells, NumericCells
from monitoring_dagster.profiles.profile import ColumnCounts

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Comparison:
    """Counts of a day beside those of the reference, both on `cells` and both with values."""

    cells: Cells
    reference: ColumnCounts
    current: ColumnCounts

    @cached_property
    def reference_n(self) -> int:
        """Values of the reference."""
        return self.reference.n

    @cached_property
    def n(self) -> int:
        """Values of the day."""
        return self.current.n

    @cached_property
    def bins(self) -> tuple[Ints, Ints]:
        """Counts of the reference and of the day in the coarse bins, without empty ones."""
        starts = bin_starts(self.cells, self.reference.cells)
        reference = np.add.reduceat(self.reference.cells, starts)
        current = np.add.reduceat(self.current.cells, starts)
        is_used = (reference > 0) | (current > 0)
        return reference[is_used], current[is_used]

    @property
    def is_fine(self) -> bool:
        """Whether the column's values lie densely: not categories, nor a few discrete values."""
        return not keeps_cells(self.cells)

    @cached_property
    def floored_shares(self) -> tuple[Floats, Floats]:
        """Shares of both sides in the coarse bins, never 0: see `bins.floored_shares`."""
        reference, current = self.bins
        return floored_shares(reference), floored_shares(current)

    @property
    def numeric_cells(self) -> NumericCells:
        """The cells of a numeric column; TypeError for a categorical one."""
        if not isinstance(self.cells, NumericCells):
            raise TypeError("the metric is about numbers and the column is categorical")
        return self.cells

    @cached_property
    def reference_moments(self) -> Moments:
        """Moments of the reference."""
        return moments(self.numeric_cells, self.reference, even(self.numeric_cells))

    @cached_property
    def current_moments(self) -> Moments:
        """Moments of the day; inside the cells its values lie as the reference's do."""
        before = self.reference_moments
        return moments(self.numeric_cells, self.current, Places(before.centres, before.spreads))

    @cached_property
    def transport(self) -> Transport:
        """The cheapest way to move the reference's mass onto the day's."""
        return transport(self.numeric_cells, self.reference_moments, self.current_moments)
