"""Which rows the model decided positive, told from counts alone.

Counts of scores and of decisions are kept apart, so the rule that leads from one to the other is
taken from the contract, or assumed and checked on the reference.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from monitoring_dagster.metrics.estimated.rows import as_text
from monitoring_dagster.metrics.groups import counts_of
from monitoring_dagster.metrics.measurement import Estimate, Reason, Status
from monitoring_dagster.monitors.contract import Monitor, Role
from monitoring_dagster.profiles.grid import CategoryCells, Cells, Grid, NumericCells
from monitoring_dagster.profiles.outcomes import BinaryCounts
from monitoring_dagster.profiles.profile import ColumnCounts, Group, Profile

Floats = NDArray[np.float64]

TOLERANCE = 0.02
"""Share of the reference's rows that may be decided otherwise than the highest scores first."""


@dataclass(frozen=True)
class Deciding:
    """How decisions follow from scores.

    `column` is the logged decision, whose positives are taken to be the highest scores; `border`
    the first cell at or above the declared threshold, where none is logged.
    """

    column: str | None
    cells: Cells | None
    positive: str | float | bool
    border: int | None
    refused: Estimate | None = None

    @classmethod
    def of(cls, monitor: Monitor, grid: Grid, reference: BinaryCounts) -> Self:
        """The rule of a monitor, refused where the reference's own decisions contradict it."""
        column = monitor.the(Role.PREDICTION)
        cells = grid.columns.get(column) if column else None
        scores = grid.columns.get(monitor.the(Role.SCORE) or "")
        threshold, positive = monitor.model.threshold, monitor.model.positive_label
        if cells is not None:
            return cls(column, cells, positive, None, _contradicted(reference))
        if threshold is None or not isinstance(scores, NumericCells):
            return cls(None, None, positive, None, _unknown())
        return cls(None, None, positive, int(np.searchsorted(scores.borders, threshold)))

    def on_day(self, profile: Profile, group: Group, rows: Floats) -> Floats | Estimate:
        """The share of each cell's rows that was decided positive, or why nobody knows."""
        if self.refused is not None:
            return self.refused
        if self.column is None or self.cells is None:
            return self._above_border(len(rows))
        counts = counts_of(profile, self.column, group)
        if isinstance(counts, Estimate):
            return counts
        if counts.n == 0:
            return Estimate.without(
                Status.NO_DATA,
                Reason.ALL_NULL,
                f"none of {counts.rows} rows carries a decision",
            )
        return highest(rows, rows_of(self.cells, counts, self.positive) / counts.n)

    def on_outcomes(self, counts: BinaryCounts) -> Floats | Estimate:
        """The same for labelled rows."""
        if self.refused is not None:
            return self.refused
        if self.column is None:
            return self._above_border(len(counts.scores))
        return highest(counts.scores.sum(axis=1).astype(np.float64), _positive_share(counts))

    def _above_border(self, cells: int) -> Floats:
        return (np.arange(cells) >= (self.border or 0)).astype(np.float64)


def highest(rows: Floats, share: float) -> Floats:
    """The share of each cell's rows among the `share` of all rows with the highest scores.

    >>> highest(np.array([2.0, 4.0, 2.0]), 0.5)
    array([0. , 0.5, 1. ])
    """
    wanted = share * rows.sum()
    above = np.cumsum(rows[::-1])[::-1] - rows
    # Counts are whole: what rounding leaves of one is no row.
    taken = np.clip(wanted - above, 0.0, rows)
    taken = np.where(taken < 1e-6, 0.0, taken)
    return np.divide(taken, rows, out=np.zeros(len(rows)), where=rows > 0)


def rows_of(cells: Cells, counts: ColumnCounts, value: str | float | bool) -> int:
    """Rows whose value is `value`, by the column's cells."""
    if isinstance(cells, CategoryCells):
        names = [as_text(value)]
        if set(cells.categories) <= {"false", "true"}:
            names = ["true" if names[0].lower() in ("1", "true", "1.0") else "false"]
        return sum(int(counts.cells[i]) for i, name in enumerate(cells.categories) if name in names)
    try:
        number = float(value)
    except ValueError:
        return 0
    return int(counts.cells[np.searchsorted(cells.borders, number)])


def _positive_share(counts: BinaryCounts) -> float:
    return float(counts.decisions[:, 1].sum() / max(counts.decisions.sum(), 1))


def _contradicted(reference: BinaryCounts) -> Estimate | None:
    """Why decisions cannot be told from scores, or None where the reference's can."""
    n = int(reference.decisions.sum())
    if n == 0:
        return _unknown()
    rows = reference.scores.astype(np.float64)
    positives = rows.T @ highest(rows.sum(axis=1), _positive_share(reference))
    logged = reference.decisions[:, 1] * (rows.sum() / n)
    # A swap moves a row of one label in and one of another out; equal labels cannot be told.
    moved = float(np.abs(positives - logged).sum() / max(rows.sum(), 1.0))
    if moved <= TOLERANCE:
        return None
    return Estimate.without(
        Status.NO_DATA,
        Reason.NO_SCORES,
        f"the reference's decisions do not go to the highest scores: {moved:.1%} of its rows are "
        "decided otherwise, so that counts of scores do not tell the decisions",
    )


def _unknown() -> Estimate:
    return Estimate.without(
        Status.NO_DATA,
        Reason.COLUMN_MISSING,
        "no decision is logged and model.threshold is not given",
    )
