"""Answers as a service logs them: a model's scores in the columns of a snapshot.

Pure: which rows are answered, and where the columns go, is `rescoring`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitoring_dagster.errors import ModelRefused
from monitoring_dagster.monitors.contract import ColumnType, Kind, Monitor, Role, Task
from monitoring_dagster.profiles.reference import RescoredReference
from monitoring_dagster.telemetry.casts import STORED, cast

DECIDES_FROM = 0.5
"""The threshold of a binary model for which nobody gave one."""

Value = str | float | bool

_NUMBERS = (ColumnType.INTEGER, ColumnType.NUMBER)


@dataclass(frozen=True)
class Answers:
    """What a model answered to the rows of one snapshot.

    Args:
        monitor: the effective document: says which columns there are, and from where on a score
            is a positive decision.
        kind: of the snapshot.
        scores: (n,), or (n, k) for k classes; NaN where the model has no answer.
        is_answered: (n,) whether the request is answered at all.
    """

    monitor: Monitor
    kind: Kind
    scores: NDArray[np.float64]
    is_answered: NDArray[np.bool_]

    def __post_init__(self) -> None:
        task, rows = self.monitor.model.task, len(self.is_answered)
        width = (rows, len(self.monitor.model.classes)) if task is Task.MULTICLASS else (rows,)
        if task is Task.RANKING or self.scores.shape != width:
            raise ModelRefused(
                f"the model answers {rows} rows with an array of shape {self.scores.shape}; "
                f"{width} is needed: one answer per row for a {task} model"
            )

    def columns(self, negative_value: Value) -> dict[str, pa.Array]:
        """The columns of the snapshot that hold them, of their declared types.

        Args:
            negative_value: binary: what is logged as a decision that is not positive.
        """
        declared = self.monitor.columns_of(self.kind)
        found = self.versions(self.monitor, self.kind, len(self.is_answered))
        for name, column in declared.items():
            if column.role is Role.SCORE:
                found[name] = self._stored(self._score(name), column.stored_type)
            elif column.role is Role.PREDICTION:
                found[name] = self._predictions(column.stored_type, negative_value)
        return found

    @staticmethod
    def versions(monitor: Monitor, kind: Kind, rows: int) -> dict[str, pa.Array]:
        """The column that says which version answered; null where its type cannot hold it."""
        ours = monitor.reference
        name = monitor.the(Role.MODEL_VERSION, kind)
        if name is None or not isinstance(ours, RescoredReference):
            return {}
        stored = monitor.columns[name].stored_type
        made = cast(pa.array([ours.model_version]), stored)
        value = pa.nulls(1, STORED[stored]) if made is None else made.values
        return {name: value.take(pa.array(np.zeros(rows, dtype=np.int64)))}

    def _score(self, name: str) -> NDArray[np.float64]:
        model = self.monitor.model
        if model.task is not Task.MULTICLASS:
            return self.scores
        own = _text(self.monitor.columns[name].class_label)
        return self.scores[:, [_text(value) for value in model.classes].index(own)]

    def _predictions(self, to: ColumnType, negative_value: Value) -> pa.Array:
        model = self.monitor.model
        if model.task is Task.REGRESSION:
            return self._stored(self.scores, to)
        if model.task is Task.BINARY:
            threshold = DECIDES_FROM if model.threshold is None else model.threshold
            chosen = np.greater_equal(self.scores, threshold).astype(np.int64)
            is_known = np.logical_not(np.isnan(self.scores))
            values = [negative_value, model.positive_label]
        else:
            is_known = np.isfinite(self.scores).min(axis=1)
            chosen = np.argmax(np.nan_to_num(self.scores), axis=1)
            values = list(model.classes)
        known = pa.array([_as(value, to) for value in values], STORED[to])
        return known.take(pa.array(chosen, mask=~(is_known & self.is_answered)))

    def _stored(self, values: NDArray[np.float64], to: ColumnType) -> pa.Array:
        if to is ColumnType.INTEGER:
            is_whole = self.is_answered & np.isfinite(values)
            rounded = np.rint(np.where(is_whole, values, 0.0)).astype(np.int64)
            return pa.array(rounded, mask=~is_whole)
        held = pa.array(values, mask=~self.is_answered)
        return held if to is ColumnType.NUMBER else held.cast(STORED[to])


def negative(monitor: Monitor, logged: Mapping[object, int]) -> Value:
    """What a binary model logs as a decision that is not positive.

    Args:
        monitor: says which value is positive, and of which type decisions are.
        logged: how often production logged each value; the most frequent other one is taken, and
            of a service that logged none what fits the type.
    """
    name = monitor.the(Role.PREDICTION)
    to = ColumnType.BOOLEAN if name is None else monitor.columns[name].stored_type
    positive = _as(monitor.model.positive_label, to)
    others = {value: n for value, n in logged.items() if value is not None and value != positive}
    if others:
        return max(sorted(others, key=str), key=others.__getitem__)  # pyright: ignore[reportReturnType] - values of a column
    if to is ColumnType.BOOLEAN:
        return not positive
    if to in _NUMBERS:
        return 1 if positive == 0 else 0
    return f"not {positive}"


def _as(value: Value, to: ColumnType) -> Value:
    """A declared value as a column of that type holds it."""
    if to in _NUMBERS:
        return int(float(value)) if to is ColumnType.INTEGER else float(value)
    if to is ColumnType.BOOLEAN:
        return _text(value) in ("1", "1.0", "true")
    return _text(value)


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
