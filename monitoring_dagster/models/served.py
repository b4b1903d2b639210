"""What every kind of model has in common: columns in, scores out, in the words of a monitor.

How the scores come about is said by each kind in a file of its own; whether a model fits a monitor
is `serving`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitoring_dagster.errors import ModelRefused

Engine = TypeVar("Engine")

ROUNDING = 1e-5
"""By how much a probability in single precision may leave [0, 1]."""


@dataclass(frozen=True)
class Served(ABC, Generic[Engine]):
    """A model that can be asked.

    Args:
        estimator: what answers, of the kind's own type.
        inputs: each input in the model's order, with its type in the model's words (empty where
            it is not known).
        columns: names the column of the rows that an input is read from.
        classes: the model's own, in the order of its scores; empty for a regression, None where
            it does not say: then they are the numbers from 0 on.
        chosen: positions among `classes` of the scores that are answered; all of them for None.
    """

    estimator: Engine
    inputs: Mapping[str, str]
    columns: Mapping[str, str]
    classes: Sequence[Any] | None = ()
    chosen: Sequence[int] | None = None

    @property
    def features(self) -> Sequence[str]:
        """The columns that it reads, by their names in the rows."""
        return tuple(self.columns[name] for name in self.inputs)

    def predict(self, rows: pa.Table) -> NDArray[np.float64]:
        """Probabilities of the chosen classes, or predictions of a regression; one row each.

        Returns:
            (n,) for a regression and one chosen class, else (n, classes).

        Raises:
            ModelRefused: a column is missing, the model cannot take the values, or it answers
                with something else than a probability or a number for each row.
            ModelUnavailable: it runs elsewhere, and cannot be reached.
        """
        missing = [name for name in self.features if name not in rows.column_names]
        if missing:
            raise ModelRefused(
                f"the model reads {', '.join(missing)}, which the rows do not have; declare the "
                "columns as features, or name a model that was fitted on these"
            )
        if not rows.num_rows:
            return np.zeros(0 if self._is_flat else (0, len(self.chosen or self.classes or ())))
        scores = self._scores({name: rows.column(self.columns[name]) for name in self.inputs})
        return self._answers(scores, rows.num_rows)

    @abstractmethod
    def _scores(self, values: Mapping[str, pa.ChunkedArray]) -> NDArray[np.float64]:
        """One entry per row of the inputs: (n,), or (n, k) for k classes."""

    @property
    def _is_flat(self) -> bool:
        return not self.classes or (self.chosen is not None and len(self.chosen) == 1)

    def _answers(self, scores: NDArray[np.float64], rows: int) -> NDArray[np.float64]:
        scores = np.atleast_1d(scores)
        if scores.shape == (rows, 1):
            scores = scores[:, 0]
        if self.classes is not None and len(self.classes) == 2 and scores.shape == (rows,):
            scores = np.column_stack([1 - scores, scores])
        width = (rows, len(self.classes)) if self.classes else (rows,)
        is_told = scores.shape == width if self.classes is not None else len(scores) == rows
        if not is_told:
            raise ModelRefused(
                f"the model answers {rows} rows with an array of shape {scores.shape}; "
                f"{width} is needed: one answer per row"
            )
        self._must_be_told(scores)
        if self.chosen is None:
            return scores
        return scores[:, self.chosen[0]] if self._is_flat else scores[:, list(self.chosen)]

    def _must_be_told(self, scores: NDArray[np.float64]) -> None:
        """Refuse answers that are none, and scores of classes that are no probabilities."""
        lost = int((~np.isfinite(scores)).reshape(len(scores), -1).any(axis=1).sum())
        if lost:
            raise ModelRefused(
                f"the model gives no finite answer to {lost} of {len(scores)} rows; see that it "
                "takes missing values, or mend it"
            )
        if self.classes and not ((scores >= -ROUNDING) & (scores <= 1 + ROUNDING)).all():
            raise ModelRefused(
                f"the model answers between {scores.min():g} and {scores.max():g}, and a "
                "probability lies between 0 and 1; let it answer probabilities"
            )
