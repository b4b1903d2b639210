"""One-sided CUSUM on daily normal scores: the sum of what lies above the allowance.

Page's chart (Page 1954, Biometrika 41:100-115). Its allowance and threshold are `chart`; a
two-sided series keeps two states, the second one fed with the scores' negatives.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from monitoring_dagster.decisions.detectors.chart import Chart

Floats = NDArray[np.float64]

LARGEST_SCORE = 8.0
"""Chances below 6e-16 are beyond what any tail approximation knows."""

STRONGEST_CORRELATION = 0.9
"""A residual divides by sqrt(1 - rho²): estimates of rho near one must not blow it up."""


@dataclass(frozen=True, slots=True)
class Cusum:
    """What is remembered of a series from day to day.

    `total` is the sum in standard deviations; `days` and `effects` count the measured days and
    add up their effects since the sum left zero, which is where the change most likely began;
    `z` is the last day's score, None where that day had none.
    """

    total: float = 0.0
    days: int = 0
    effects: float = 0.0
    z: float | None = None

    @property
    def mean_effect(self) -> float:
        """The mean effect since the change began; 0.0 where there is no change."""
        return self.effects / self.days if self.days else 0.0

    def fires(self, chart: Chart) -> bool:
        """Whether the change has lasted."""
        return self.total >= chart.h

    def to_dict(self) -> dict[str, float | int | None]:
        """As plain data; JSON keeps every bit."""
        return asdict(self)

    @classmethod
    def from_dict(cls, stored: Mapping[str, float | int | None]) -> Self:
        """From plain data; KeyError where a field is missing."""
        return cls(
            total=float(stored["total"] or 0.0),
            days=int(stored["days"] or 0),
            effects=float(stored["effects"] or 0.0),
            z=None if stored["z"] is None else float(stored["z"]),
        )


def residual(z: float, z_before: float | None, rho: float) -> float:
    """What is new in today's score: the part that yesterday's does not predict, with variance 1.

    `rho` is the scores' lag-1 autocorrelation. Without a score of the day before (None, NaN) the
    score itself, whose variance is 1, too. A lasting shift of d stays in the residuals as
    d sqrt((1 - rho) / (1 + rho)).

    >>> residual(2.0, 1.0, 0.6)
    1.75
    >>> residual(2.0, None, 0.6)
    2.0
    """
    if z_before is None or math.isnan(z_before) or math.isnan(rho):
        return z
    rho = min(max(rho, -STRONGEST_CORRELATION), STRONGEST_CORRELATION)
    return (z - rho * z_before) / math.sqrt(1 - rho * rho)


def advance(
    state: Cusum, z: float | None, chart: Chart, *, rho: float = 0.0, effect: float = 0.0
) -> Cusum:
    """The state after a day with score `z`, whose measured effect was `effect`.

    A day without a score (None, NaN) changes nothing, except that the next day has no day before
    it. An effect that is not finite counts as none.

    >>> chart = Chart(k=0.5, h=4.0)
    >>> after = advance(advance(Cusum(), 2.0, chart, effect=0.3), 3.0, chart, effect=0.5)
    >>> after.total, after.days, after.mean_effect  # 1.5, and half of h at most
    (3.5, 2, 0.4)
    >>> after.fires(chart), advance(after, 1.0, chart).fires(chart)
    (False, True)
    """
    if z is None or math.isnan(z):
        return replace(state, z=None)
    z = min(max(z, -LARGEST_SCORE), LARGEST_SCORE)
    added = min(residual(z, state.z, rho) - chart.k, chart.most_per_day)
    total = min(max(state.total + added, 0.0), chart.cap)
    if total == 0.0:
        return Cusum(z=z)
    seen = effect if math.isfinite(effect) else 0.0
    return Cusum(total, state.days + 1, state.effects + seen, z)


def totals(residuals: Floats, chart: Chart, start: Floats | float = 0.0) -> Floats:
    """The sums of many series at once: `residuals` of shape (days, series), and so the result.

    Bit for bit what `advance` does day by day with these as scores; NaN is a day without one.
    For replays and simulations.

    >>> totals(np.array([[2.0, -1.0], [3.0, 1.0]]), Chart(k=0.5, h=4.0)).tolist()
    [[1.5, 0.0], [3.5, 0.5]]
    """
    reached = np.empty_like(residuals)
    total = np.broadcast_to(np.asarray(start, dtype=np.float64), residuals.shape[1:])
    for day, today in enumerate(residuals):
        score = np.clip(today, -LARGEST_SCORE, LARGEST_SCORE)
        added = np.minimum(score - chart.k, chart.most_per_day)
        after = np.minimum(np.maximum(total + added, 0.0), chart.cap)
        total = np.where(np.isnan(today), total, after)
        reached[day] = total
    return reached
