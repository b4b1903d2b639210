"""What a prediction and its label add to the counts, for each task.

The counts and their meaning are in `outcomes`; which rows belong together is `matching`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from monitoring_dagster.monitors.contract import Column, ColumnType, Kind, Monitor, Role, Task
from monitoring_dagster.profiles.day_snapshots import DaySnapshots
from monitoring_dagster.profiles.grid import Floats, Grid, Ints, NumericCells
from monitoring_dagster.profiles.grouped import Sums
from monitoring_dagster.profiles.lookup import NumericLookup, numbers, positions
from monitoring_dagster.profiles.outcomes import (
    CALIBRATION_BINS,
    BinaryCounts,
    MulticlassCounts,
    OutcomeCounts,
    RegressionCounts,
)

RESIDUAL = "@residual"
ABSOLUTE_RESIDUAL = "@absolute_residual"
DEGENERATE = NumericCells((0.0,))
"""The cells of a column of which the reference had no value: at most zero, and above."""

CLASS_SCORE_CELLS = 1_000
_SMALLEST = 1e-15


class OutcomeTally(Protocol):
    """How one task counts."""

    @property
    def template(self) -> Mapping[str, np.ndarray]:
        """The arrays of an empty group."""
        ...

    @property
    def columns(self) -> Sequence[str]:
        """Columns of the predictions to read."""
        ...

    @property
    def label_dtype(self) -> np.dtype:
        """What an encoded label is kept as."""
        ...

    def encoded(self, labels: pa.Array) -> np.ndarray:
        """Labels as numbers."""
        ...

    def add(
        self, sums: Sums, batch: pa.RecordBatch, labels: np.ndarray, codes: Sequence[Ints]
    ) -> None:
        """Count labelled predictions."""
        ...

    def made(self, values: Mapping[str, Any]) -> OutcomeCounts:
        """One group's sums as outcomes."""
        ...


def tally_for(
    monitor: Monitor, grid: Grid, snapshots: DaySnapshots, target_mean: float
) -> OutcomeTally:
    """The tally of the monitor's task, on what the day's predictions carry."""
    if monitor.model.task is Task.BINARY:
        return BinaryTally(monitor, grid, snapshots)
    if monitor.model.task is Task.MULTICLASS:
        return MulticlassTally(monitor, snapshots)
    return RegressionTally(monitor, grid, snapshots, target_mean)


def _carried(monitor: Monitor, snapshots: DaySnapshots, names: Sequence[str]) -> list[str]:
    return [n for n in names if snapshots.carries(monitor, Kind.PREDICTIONS, n)]


def _one_carried(monitor: Monitor, snapshots: DaySnapshots, role: Role) -> str | None:
    return next(iter(_carried(monitor, snapshots, monitor.with_role(role))), None)


def _template(empty: OutcomeCounts) -> dict[str, np.ndarray]:
    return {name: np.asarray(value) for name, value in vars(empty).items()}


class BinaryTally:
    """Binary outcomes: the deployed decision where it is logged, else the declared threshold."""

    label_dtype = np.dtype(np.int8)

    def __init__(self, monitor: Monitor, grid: Grid, snapshots: DaySnapshots) -> None:
        self._model = monitor.model
        self._columns = monitor.columns
        self._label = monitor.columns[monitor.the(Role.LABEL) or ""]
        self._score = _one_carried(monitor, snapshots, Role.SCORE)
        self._prediction = _one_carried(monitor, snapshots, Role.PREDICTION)
        cells = grid.columns.get(monitor.the(Role.SCORE) or "")
        has_cells = isinstance(cells, NumericCells)
        self._lookup = NumericLookup(cells.edges) if has_cells else None
        self.template = _template(BinaryCounts.empty(cells.cell_count if has_cells else 0))
        self.columns = [n for n in (self._score, self._prediction) if n is not None]

    def encoded(self, labels: pa.Array) -> np.ndarray:
        """1 for the positive class, 0 for anything else."""
        return is_value(labels, self._label, self._model.positive_label)

    def add(
        self, sums: Sums, batch: pa.RecordBatch, labels: np.ndarray, codes: Sequence[Ints]
    ) -> None:
        """Count labelled predictions."""
        labels = labels.astype(np.int64)
        scores = np.full(batch.num_rows, np.nan)
        if self._score is not None:
            scores, _ = numbers(batch.column(self._score))
            self._add_scores(sums, scores, labels, codes)
        if self._prediction is not None:
            predictions = batch.column(self._prediction)
            is_made = predictions.is_valid().to_numpy(zero_copy_only=False)
            decisions = is_value(
                predictions, self._columns[self._prediction], self._model.positive_label
            )
        elif self._model.threshold is not None:
            is_made, decisions = ~np.isnan(scores), scores >= self._model.threshold
        else:
            return
        cells = (2 * labels + decisions)[is_made]
        sums.add("decisions", [c[is_made] for c in codes], cells)

    def _add_scores(self, sums: Sums, scores: Floats, labels: Ints, codes: Sequence[Ints]) -> None:
        finite = np.isfinite(scores)
        if self._lookup is None:
            return
        scores, labels, codes = scores[finite], labels[finite], [c[finite] for c in codes]
        sums.add("scores", codes, 2 * self._lookup(scores) + labels)
        # Clipped before it is multiplied: a score of 1e308 is no reason to overflow.
        shares = np.clip(scores, 0.0, 1.0)
        bins = np.minimum((shares * CALIBRATION_BINS).astype(np.int64), CALIBRATION_BINS - 1)
        sums.add("bin_rows", codes, bins)
        sums.add("bin_scores", codes, bins, weights=scores)
        positive = labels == 1
        sums.add("bin_positives", [c[positive] for c in codes], bins[positive])
        clipped = np.clip(scores, _SMALLEST, 1 - _SMALLEST)
        losses = -np.where(positive, np.log(clipped), np.log1p(-clipped))
        sums.add("log_loss", codes, weights=losses)
        with np.errstate(over="ignore"):
            sums.add("squared_error", codes, weights=(scores - labels) ** 2)

    def made(self, values: Mapping[str, Any]) -> BinaryCounts:
        """One group's sums as outcomes."""
        return BinaryCounts(**values)


class MulticlassTally:
    """Multiclass outcomes: the logged prediction, else the class of the highest score."""

    label_dtype = np.dtype(np.int16)

    def __init__(self, monitor: Monitor, snapshots: DaySnapshots) -> None:
        self._classes = [_as_text(value) for value in monitor.model.classes]
        self._known = pa.array(self._classes, pa.string())
        self._prediction = _one_carried(monitor, snapshots, Role.PREDICTION)
        of_class = {
            _as_text(label): name
            for name in _carried(monitor, snapshots, monitor.with_role(Role.SCORE))
            if (label := monitor.columns[name].class_label) is not None
        }
        has_all = set(self._classes) <= of_class.keys()
        self._scores = [of_class[c] for c in self._classes] if has_all else []
        self._lookup = NumericLookup(np.linspace(0, 1, CLASS_SCORE_CELLS + 1).tolist())
        self.template = _template(MulticlassCounts.empty(len(self._classes), CLASS_SCORE_CELLS))
        self.columns = [*self._scores, *([self._prediction] if self._prediction else [])]

    def encoded(self, labels: pa.Array) -> np.ndarray:
        """The position of the class; -1 for what is no class of the model."""
        return positions(labels, self._known, null=-1, other=-1)

    def add(
        self, sums: Sums, batch: pa.RecordBatch, labels: np.ndarray, codes: Sequence[Ints]
    ) -> None:
        """Count labelled predictions."""
        k, labels = len(self._classes), labels.astype(np.int64)
        scores = None
        is_scored = np.zeros(batch.num_rows, dtype=bool)
        if self._scores:
            scores = np.stack([numbers(batch.column(n))[0] for n in self._scores])
            is_scored = np.isfinite(scores).all(axis=0) & (labels >= 0)
            self._add_scores(
                sums, scores[:, is_scored], labels[is_scored], [c[is_scored] for c in codes]
            )
        if self._prediction is not None:
            decisions = self.encoded(batch.column(self._prediction))
        elif scores is not None:
            decisions = np.where(is_scored, np.argmax(scores, axis=0), -1)
        else:
            return
        both = (labels >= 0) & (decisions >= 0)
        sums.add("confusion", [c[both] for c in codes], labels[both] * k + decisions[both])

    def _add_scores(self, sums: Sums, scores: Floats, labels: Ints, codes: Sequence[Ints]) -> None:
        for position, of_class in enumerate(scores):
            cells = np.clip(self._lookup(of_class) - 1, 0, CLASS_SCORE_CELLS - 1)
            index = 2 * (position * CLASS_SCORE_CELLS + cells) + (labels == position)
            sums.add("scores", codes, index)
        sums.add("scored", codes)
        own = np.clip(scores[labels, np.arange(len(labels))], _SMALLEST, 1 - _SMALLEST)
        sums.add("log_loss", codes, weights=-np.log(own))

    def made(self, values: Mapping[str, Any]) -> MulticlassCounts:
        """One group's sums as outcomes."""
        return MulticlassCounts(**values)


class RegressionTally:
    """Regression outcomes: sums of errors, and errors on the reference's cells."""

    label_dtype = np.dtype(np.float64)

    def __init__(
        self, monitor: Monitor, grid: Grid, snapshots: DaySnapshots, target_mean: float
    ) -> None:
        self._prediction = _one_carried(monitor, snapshots, Role.PREDICTION)
        self._mean = target_mean
        cells = [grid.columns.get(name, DEGENERATE) for name in (RESIDUAL, ABSOLUTE_RESIDUAL)]
        signed, absolute = (c if isinstance(c, NumericCells) else DEGENERATE for c in cells)
        self._signed, self._absolute = NumericLookup(signed.edges), NumericLookup(absolute.edges)
        self.template = _template(RegressionCounts.empty(signed.cell_count, absolute.cell_count))
        self.columns = [self._prediction] if self._prediction else []

    def encoded(self, labels: pa.Array) -> np.ndarray:
        """The target."""
        return numbers(labels)[0]

    def add(
        self, sums: Sums, batch: pa.RecordBatch, labels: np.ndarray, codes: Sequence[Ints]
    ) -> None:
        """Count labelled predictions; pairs that are not both finite count as labelled only."""
        if self._prediction is None:
            return
        errors = self.errors(batch, labels)
        finite = np.isfinite(errors)
        predictions = numbers(batch.column(self._prediction))[0][finite]
        targets, errors = labels[finite], errors[finite]
        codes = [c[finite] for c in codes]
        sums.add("n", codes)
        for name, weights in self._terms(predictions, targets, errors).items():
            sums.add(name, codes, weights=weights)
        zero = targets == 0
        sums.add("zero_targets", [c[zero] for c in codes])
        sums.add("residuals", codes, self._signed(errors))
        sums.add("absolute_residuals", codes, self._absolute(np.abs(errors)))

    def errors(self, batch: pa.RecordBatch, labels: Floats) -> Floats:
        """Prediction - target; NaN or infinite where one of them is no finite number."""
        predictions, _ = numbers(batch.column(self.columns[0]))
        with np.errstate(over="ignore", invalid="ignore"):
            return predictions - labels

    def _terms(self, predictions: Floats, targets: Floats, errors: Floats) -> dict[str, Floats]:
        """What each pair adds to each sum."""
        size, centred = np.abs(errors), targets - self._mean
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            ape = np.where(targets == 0, 0.0, size / np.abs(targets))
            scale = np.abs(targets) + np.abs(predictions)
            sape = np.where(scale == 0, 0.0, 2 * size / scale)
            return {
                "error": errors,
                "absolute_error": size,
                "squared_error": errors**2,
                "cubed_error": errors**3,
                "fourth_error": errors**4,
                "target": centred,
                "squared_target": centred**2,
                "ape": ape,
                "squared_ape": ape**2,
                "sape": sape,
                "squared_sape": sape**2,
            }

    def made(self, values: Mapping[str, Any]) -> RegressionCounts:
        """One group's sums as outcomes."""
        return RegressionCounts(**values)


def _as_text(value: str | float | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def is_value(array: pa.Array, column: Column, value: str | float | bool) -> np.ndarray:
    """Where a label or a decision equals the declared value, by the column's stored type.

    Null equals nothing. A boolean column takes 1, "1" and "true" for true.
    """
    if column.stored_type in (ColumnType.INTEGER, ColumnType.NUMBER):
        try:
            wanted = float(value)
        except ValueError:
            return np.zeros(len(array), dtype=bool)
        return numbers(array)[0] == wanted
    words = [_as_text(value)]
    if column.stored_type is ColumnType.BOOLEAN and words[0].lower() in ("1", "true", "1.0"):
        words = ["true"]
    elif column.stored_type is ColumnType.BOOLEAN:
        words = ["false"]
    return positions(array, pa.array(words, pa.string()), null=-1, other=-1) == 0
