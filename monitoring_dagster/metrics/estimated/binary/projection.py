"""The projection of a day: its rows by score, and the chance that each is positive.

What a metric makes of it is the metric's own module; chances are `calibrator`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from monitoring_dagster.metrics.estimated.expected import Expected
from monitoring_dagster.metrics.measurement import Estimate

Floats = NDArray[np.float64]


def _certain(weights: Floats) -> float:
    """Realised outcomes have no calibration error."""
    return 0.0 * float(weights.sum())


@dataclass(frozen=True)
class Projection:
    """Rows by score cell, all of shape (cells,), from the lowest score up.

    `rows` is what came in, `chances` the chance of a positive in each cell, `decided` the share
    that the model decided positive, or why decisions are not known. `calibration` is the variance
    of sum(weights × chances).
    """

    rows: Floats
    chances: Floats
    decided: Floats | Estimate
    calibration: Callable[[Floats], float] = _certain

    @property
    def n(self) -> float:
        """Rows with a score."""
        return float(self.rows.sum())

    @cached_property
    def positives(self) -> Floats:
        """Expected positives by cell."""
        return self.rows * self.chances

    @cached_property
    def negatives(self) -> Floats:
        """Expected negatives by cell."""
        return self.rows * (1 - self.chances)

    def expected(self, value: float, gradient: Floats) -> Expected:
        """A metric's value with its variances.

        Labels are independent draws with the cells' chances, so a metric that one more positive
        row in a cell moves by `gradient` has the variance sum(rows p (1 - p) gradient²) (delta
        method for independent draws: van der Vaart, Asymptotic Statistics, section 3.1).
        """
        sampling = float((self.negatives * self.chances) @ gradient**2)
        return Expected(value, sampling, self.calibration(self.rows * gradient), round(self.n))


@dataclass(frozen=True)
class Decided:
    """Expected confusion counts; `share` is the decided share of each cell's rows."""

    share: Floats
    true_positives: float
    predicted: float
    positives: float
    n: float

    @classmethod
    def of(cls, projection: Projection) -> Decided | Estimate:
        """The counts, or why decisions are not known."""
        if isinstance(projection.decided, Estimate):
            return projection.decided
        return cls(
            share=projection.decided,
            true_positives=float(projection.positives @ projection.decided),
            predicted=float(projection.rows @ projection.decided),
            positives=float(projection.positives.sum()),
            n=projection.n,
        )

    @property
    def negatives(self) -> float:
        """Expected negative rows."""
        return self.n - self.positives

    @property
    def true_negatives(self) -> float:
        """Expected negative rows that were decided negative."""
        return self.negatives - (self.predicted - self.true_positives)
