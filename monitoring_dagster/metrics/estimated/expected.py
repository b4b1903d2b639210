"""What is expected of a metric before labels arrive, and how far the truth may lie from it.

The result of every estimator here; making an interval of it is `bands`.
"""

from __future__ import annotations

from dataclasses import dataclass

from monitoring_dagster.metrics.measurement import Estimate


@dataclass(frozen=True, slots=True)
class Expected:
    """The expected value of a metric over `n` rows.

    `sampling` is the variance of the metric that will be realised on these rows, given that the
    chances are right; `calibration` the variance of the expected value itself, because the
    chances were learnt from finitely many rows of the reference.
    """

    value: float
    sampling: float
    calibration: float
    n: int

    @property
    def variance(self) -> float:
        """Of the difference between the expected and the realised value."""
        return self.sampling + self.calibration


Guess = Expected | Estimate
"""An expected value, or why there is none."""
