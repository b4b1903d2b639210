"""Quantiles of errors, read from the cells of the residual grids."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from monitoring_dagster.metrics.intervals import quantile
from monitoring_dagster.metrics.measurement import Estimate, Reason, Status
from monitoring_dagster.metrics.performance.estimates import no_labels
from monitoring_dagster.profiles.grid import NumericCells
from monitoring_dagster.profiles.outcomes import RegressionCounts

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


LARGE = 0.9
"""An error is large where nine of ten of the reference's were smaller."""


class ErrorEdges(NamedTuple):
    """Edges of the grid columns `@residual` and `@absolute_residual`; empty without a grid.

    `large_from` is the first cell of `@absolute_residual` whose errors are large, None where the
    reference has no errors to compare with.
    """

    residuals: Floats
    absolute_residuals: Floats
    large_from: int | None = None

    @classmethod
    def of(
        cls,
        residuals: NumericCells | None,
        absolute: NumericCells | None,
        reference: RegressionCounts | None = None,
    ) -> ErrorEdges:
        """The edges as arrays, and where the errors of `reference` begin to be large."""
        large_from = None if reference is None else _large_from(reference)
        return cls(_edges(residuals), _edges(absolute), large_from)


def _edges(cells: NumericCells | None) -> Floats:
    return np.asarray(cells.edges if cells else (), dtype=np.float64)


def _large_from(reference: RegressionCounts) -> int | None:
    reached: Ints = np.cumsum(reference.absolute_residuals)
    if reached.size == 0 or reached[-1] == 0:
        return None
    return int(np.searchsorted(reached, LARGE * float(reached[-1]))) + 1


def error_quantile(
    cells: Ints, edges: Floats, share: float, *, minimum: float = float("nan")
) -> Estimate:
    """The quantile within a cell's width, with the interval of its order statistics.

    An end of the interval that lies beyond the grid is NaN; a quantile that does is
    `beyond_grid`.
    """
    n = int(cells.sum())
    if n == 0:
        return no_labels()
    if edges.size < 2:
        return Estimate.without(
            Status.NO_DATA,
            Reason.REFERENCE_EMPTY,
            "the reference has no labelled predictions, so there are no cells for errors",
        )
    found = quantile(cells, edges, share, minimum=minimum)
    if np.isnan(found.value):
        below, above = int(cells[0]), int(cells[-1])
        return Estimate.without(
            Status.NO_DATA,
            Reason.BEYOND_GRID,
            f"of {n} errors {below} lie below {edges[0]:.4g} and {above} above {edges[-1]:.4g}, "
            "the range of the reference's errors",
            n,
        )
    return Estimate(*found, n)
