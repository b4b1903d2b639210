"""A regression's estimates of a day, summed over rows.

Which groups a day owes and what is said of them is `families`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from monitoring_dagster.metrics.estimated.bands import Missed
from monitoring_dagster.metrics.estimated.expected import Expected, Guess
from monitoring_dagster.metrics.estimated.regression.direct_loss import BLOCKS, LOSSES, DirectLoss
from monitoring_dagster.metrics.estimated.rows import Rows
from monitoring_dagster.metrics.estimated.shift import MINIMUM_ROWS
from monitoring_dagster.metrics.groups import too_few
from monitoring_dagster.metrics.measurement import Estimate, Reason, Status
from monitoring_dagster.profiles.outcomes import Outcomes, RegressionCounts
from monitoring_dagster.profiles.profile import ALL, Group

Floats = NDArray[np.float64]


class RegressionFamily:
    """The estimates of one monitor against one reference.

    Args:
        reference: the reference's outcomes, which say what the metrics were.
        rows: the reference's raw rows; None where they are gone.
        minimum_rows: rows of the day below which a group says too little.
        seed: for the regressors.
    """

    metrics = ("mae", "mse", "rmse")
    is_share = False

    def __init__(
        self, reference: Outcomes, rows: Rows | None, *, minimum_rows: int, seed: int
    ) -> None:
        self._reference, self._rows = reference, rows
        self._minimum, self._seed = minimum_rows, seed
        self._fitted: DirectLoss | None = None

    @property
    def problem(self) -> Estimate | None:
        """Why nothing can be estimated from this reference, or None."""
        if self._rows is None or len(self._rows) == 0:
            return no_rows("reference")
        known = np.isfinite(self._rows.outputs[:, :1]).all(axis=1) & np.isfinite(self._rows.labels)
        n = int(known.sum()) if self._rows.outputs.shape[1] else 0
        return too_few("labelled reference rows", n, MINIMUM_ROWS) if n < MINIMUM_ROWS else None

    def losses(self, day: Rows) -> dict[str, Floats]:
        """The expected losses of a day's rows; the regressors are trained once."""
        return self._loss.of(day)

    @property
    def _loss(self) -> DirectLoss:
        if self._fitted is None:
            if self._rows is None:
                raise ValueError("there are no rows to train on; ask for `problem` first")
            self._fitted = DirectLoss.fit(self._rows, seed=self._seed)
        return self._fitted

    def plain(self, losses: Mapping[str, Floats], day: Rows, segment: str) -> Mapping[str, Guess]:
        """Every metric of one group of the day from the expected losses of its rows."""
        known = np.isfinite(day.outputs[:, 0]) & day.within(segment)
        n = int(known.sum())
        if n < self._minimum:
            few = too_few("predictions", n, self._minimum) if n else _no_predictions()
            return dict.fromkeys(self.metrics, few)
        found = {name: self._mean(name, losses[name][known], segment) for name in LOSSES}
        return {**found, "rmse": _root(found["mse"])}

    def missed(self, day: Outcomes | None = None) -> Iterator[tuple[str, Missed]]:
        """By how much each stretch of the reference is missed by the others."""
        del day  # rows carry no day; stretches stand for days
        if self.problem is not None:
            return
        fitted = self._loss
        for block in range(BLOCKS):
            inside = fitted.blocks == block
            n = int(inside.sum())
            real = {name: float(fitted.losses[name][inside].mean()) for name in LOSSES}
            guess = {name: float(fitted.held_out[name][inside].mean()) for name in LOSSES}
            variance = {name: fitted.residual_variance(name) / n for name in LOSSES}
            for name in LOSSES:
                yield name, Missed(guess[name] - real[name], variance[name])
            roots = [math.sqrt(found["mse"]) for found in (guess, real)]
            if roots[0] > 0:
                yield "rmse", Missed(roots[0] - roots[1], variance["mse"] / (4 * guess["mse"]))

    def on_reference(self, segment: str) -> Mapping[str, float]:
        """What the metrics were on the reference, where they are defined."""
        counts = self._reference.performance.get(Group(ALL, segment))
        if not isinstance(counts, RegressionCounts) or not counts.n:
            return {}
        mse = float(counts.squared_error) / int(counts.n)
        mae = float(counts.absolute_error) / int(counts.n)
        return {"mae": mae, "mse": mse, "rmse": math.sqrt(mse)}

    def _mean(self, name: str, losses: Floats, segment: str) -> Expected:
        fitted = self._loss
        inside = np.ones(len(fitted.blocks), dtype=np.bool_)
        if self._rows is not None:
            inside = self._rows.within(segment)[fitted.is_used]
        own = inside.sum() >= MINIMUM_ROWS
        missed = (fitted.losses[name] - fitted.held_out[name])[inside if own else slice(None)]
        variance = float(np.mean(missed**2))
        # Learnt from m rows, a mean of estimates errs as a mean over m rows does.
        return Expected(
            float(losses.mean()), variance / len(losses), variance / len(missed), len(losses)
        )


def no_rows(whose: str) -> Estimate:
    """Why what needs raw rows cannot be had."""
    return Estimate.without(
        Status.NO_DATA,
        Reason.NO_SNAPSHOT,
        f"no raw rows of the {whose} are at hand; counts alone do not tell this estimate",
    )


def _no_predictions() -> Estimate:
    return Estimate.without(Status.NO_DATA, Reason.NO_ROWS, "the group has no rows")


def _root(squared: Expected) -> Expected:
    """RMSE from MSE by the delta method."""
    if squared.value <= 0:
        return Expected(0.0, 0.0, 0.0, squared.n)
    scale = 4 * squared.value
    return Expected(
        math.sqrt(squared.value), squared.sampling / scale, squared.calibration / scale, squared.n
    )
