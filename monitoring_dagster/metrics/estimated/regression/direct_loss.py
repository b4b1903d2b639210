"""Direct loss estimation: regressors of |error| and error² on the inputs and the prediction.

Trained on the reference's rows; what is summed per segment of a day is `family`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitoring_dagster.metrics.estimated.rows import Rows

Floats = NDArray[np.float64]

LOSSES = ("mae", "mse")
"""What is estimated of a row, by the metric that is its mean."""

BLOCKS = 5
"""Contiguous parts of the reference, each estimated by the others."""

_TREES: dict[str, Any] = {"max_iter": 60, "learning_rate": 0.1, "early_stopping": False}


@dataclass(frozen=True)
class DirectLoss:
    """Regressors of the loss, and what they missed on rows that they had not seen.

    `models` holds one regressor per metric, trained on all rows; `losses` and `held_out` hold, per
    metric, the losses of these rows and their estimates by regressors that had not seen the row,
    shape (rows,). `blocks` (rows,) says which block a row belongs to, `is_used` (reference rows,)
    which rows of the reference they are.
    """

    models: dict[str, Any]
    losses: dict[str, Floats]
    held_out: dict[str, Floats]
    blocks: NDArray[np.int64]
    is_used: NDArray[np.bool_]

    @classmethod
    def fit(cls, reference: Rows, *, seed: int = 0) -> DirectLoss:
        """Train on rows with a label and a prediction.

        Rows come in the order of days, so a block is a stretch of time: what is missed on one
        includes what days differ by.

        Source: NannyML's DLE, docs "How it works: estimation of performance (regression)", with
        estimates held out where NannyML evaluates on its training rows.
        """
        from sklearn.ensemble import (  # pyright: ignore[reportMissingTypeStubs] - it has none
            HistGradientBoostingRegressor,
        )

        error = reference.outputs[:, 0] - reference.labels
        is_used = np.isfinite(error)
        inputs, error = _inputs(reference)[is_used], error[is_used]
        blocks = np.arange(len(error)) * BLOCKS // max(len(error), 1)
        losses = {"mae": np.abs(error), "mse": error**2}

        def trained(rows: NDArray[np.bool_], loss: Floats) -> Any:
            model: Any = HistGradientBoostingRegressor(**_TREES, random_state=seed)
            return model.fit(inputs[rows], loss[rows])

        models = {n: trained(np.ones(len(e), dtype=np.bool_), e) for n, e in losses.items()}
        held_out = {name: np.zeros(len(error)) for name in LOSSES}
        for block in range(BLOCKS):
            inside = blocks == block
            for name, loss in losses.items():
                found = trained(~inside, loss).predict(inputs[inside])
                held_out[name][inside] = np.maximum(found, 0.0)
        return cls(models, losses, held_out, blocks, is_used)

    def of(self, rows: Rows) -> dict[str, Floats]:
        """The expected loss of every row, per metric, never negative."""
        inputs = _inputs(rows)
        return {n: np.maximum(model.predict(inputs), 0.0) for n, model in self.models.items()}

    def residual_variance(self, name: str) -> float:
        """Variance of a row's loss around its estimate, on rows not seen."""
        return float(np.mean((self.losses[name] - self.held_out[name]) ** 2))


def _inputs(rows: Rows) -> Floats:
    return np.column_stack([rows.features, rows.outputs])
