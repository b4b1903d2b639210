"""Outcomes: predictions counted together with their labels, per segment and model version.

Where a profile says what came in, outcomes say how well it was predicted. Outcomes add up as
profiles do. Which rows match is decided by `engine`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from monitoring_dagster.errors import GridMismatch
from monitoring_dagster.profiles.profile import EVERYTHING, Group

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

CALIBRATION_BINS = 20
"""Equal-width bins of the score on [0, 1] in which scores are summed, for calibration."""

DELAY_HOURS = 24 * 60
"""Label delays are counted by whole hours; longer ones share the last cell."""


class _Sums:
    """Adds field by field; every field of a subclass is a count or a sum."""

    def __add__(self, other: Self) -> Self:
        mine, theirs = vars(self), vars(other)
        return type(self)(**{name: mine[name] + theirs[name] for name in mine})


@dataclass(frozen=True)
class BinaryCounts(_Sums):
    """Binary outcomes.

    `scores[cell, label]` counts labelled rows by the score's grid cell (all cells of the score
    column, outer ones included); `decisions[label, decision]` is the confusion matrix of the
    deployed decision; label and decision are 0 or 1. `bin_rows`, `bin_scores` and
    `bin_positives` are rows, summed scores and positives per calibration bin. Rows with a label
    and no finite score are in `decisions` only. `log_loss` sums -ln p(label) with p clipped to
    [1e-15, 1 - 1e-15], `squared_error` sums (score - label)^2.
    """

    scores: Ints
    decisions: Ints
    bin_rows: Ints
    bin_scores: Floats
    bin_positives: Ints
    log_loss: float
    squared_error: float

    @classmethod
    def empty(cls, score_cells: int) -> Self:
        """No outcomes on a score column of `score_cells` cells."""
        return cls(
            scores=np.zeros((score_cells, 2), dtype=np.int64),
            decisions=np.zeros((2, 2), dtype=np.int64),
            bin_rows=np.zeros(CALIBRATION_BINS, dtype=np.int64),
            bin_scores=np.zeros(CALIBRATION_BINS),
            bin_positives=np.zeros(CALIBRATION_BINS, dtype=np.int64),
            log_loss=0.0,
            squared_error=0.0,
        )


@dataclass(frozen=True)
class MulticlassCounts(_Sums):
    """Multiclass outcomes for k classes in the order of `model.classes`.

    `confusion[label, prediction]` is k × k; `scores[class, cell, is_class]` counts labelled rows
    by the cell of that class's score (all classes share the cells of an equal-width grid of
    1,000 cells on [0, 1]) and by whether the label is that class; `log_loss` sums
    -ln p(label) with p clipped to [1e-15, 1 - 1e-15] over `scored` rows.
    """

    confusion: Ints
    scores: Ints
    scored: int
    log_loss: float

    @classmethod
    def empty(cls, classes: int, score_cells: int = 1_000) -> Self:
        """No outcomes for `classes` classes."""
        return cls(
            confusion=np.zeros((classes, classes), dtype=np.int64),
            scores=np.zeros((classes, score_cells, 2), dtype=np.int64),
            scored=0,
            log_loss=0.0,
        )


@dataclass(frozen=True)
class RegressionCounts(_Sums):
    """Regression outcomes; error = prediction - target, in the target's unit.

    `residuals` counts errors in the cells of the grid column `@residual`, `absolute_residuals`
    absolute errors in those of `@absolute_residual` (outer cells included). The target is
    centred by the reference's mean target before it is summed, so that the variance of large
    numbers does not cancel. `ape` sums |error| / |target| over the rows with a non-zero target,
    `zero_targets` counts the others; `sape` sums 2|error| / (|target| + |prediction|), 0 where
    both are 0.
    """

    n: int
    error: float
    absolute_error: float
    squared_error: float
    cubed_error: float
    fourth_error: float
    target: float
    squared_target: float
    ape: float
    squared_ape: float
    zero_targets: int
    sape: float
    squared_sape: float
    residuals: Ints
    absolute_residuals: Ints

    @classmethod
    def empty(cls, residual_cells: int, absolute_residual_cells: int) -> Self:
        """No outcomes on residual grids of these sizes."""
        sums: dict[str, Any] = {f.name: 0.0 for f in fields(cls)}
        sums |= {"n": 0, "zero_targets": 0}
        sums["residuals"] = np.zeros(residual_cells, dtype=np.int64)
        sums["absolute_residuals"] = np.zeros(absolute_residual_cells, dtype=np.int64)
        return cls(**sums)


OutcomeCounts = BinaryCounts | MulticlassCounts | RegressionCounts
_Counts = TypeVar("_Counts", bound=_Sums)


@dataclass(frozen=True)
class LabelCounts(_Sums):
    """How complete and how late the labels of a group are.

    `predictions` made, `labelled` of them, and `delays[h]` labels that came h whole hours after
    their prediction (the last entry: that long or longer); empty delays where the labels carry
    no time of arrival.
    """

    predictions: int
    labelled: int
    delays: Ints

    @classmethod
    def empty(cls) -> Self:
        """No predictions."""
        return cls(0, 0, np.zeros(DELAY_HOURS + 1, dtype=np.int64))


@dataclass(frozen=True)
class Outcomes:
    """The outcomes of one partition per group, sums over model versions under `all`."""

    grid_id: str
    performance: Mapping[Group, OutcomeCounts]
    labels: Mapping[Group, LabelCounts] = field(default_factory=dict[Group, LabelCounts])

    def __add__(self, other: Self) -> Outcomes:
        if self.grid_id != other.grid_id:
            raise GridMismatch(
                f"outcomes of grid {self.grid_id} and of grid {other.grid_id} do not add up; "
                "count both partitions on the same grid"
            )
        return Outcomes(
            self.grid_id,
            _added(self.performance, other.performance),
            _added(self.labels, other.labels),
        )

    def coverage(self, group: Group = EVERYTHING) -> float:
        """Share of the group's predictions that have a label; NaN without predictions."""
        counts = self.labels.get(group)
        return (
            counts.labelled / counts.predictions if counts and counts.predictions else float("nan")
        )


def _added(one: Mapping[Group, _Counts], other: Mapping[Group, _Counts]) -> dict[Group, _Counts]:
    total = dict(one)
    for group, counts in other.items():
        total[group] = total[group] + counts if group in total else counts
    return total
