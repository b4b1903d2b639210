"""Bands: how far the realised metric may lie from its estimate, and what the record adds.

Sampling and the finite reference come with the expected value; here is what real days err beyond
both. No metric's own formula is here.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np

from monitoring_dagster.metrics.estimated.expected import Expected
from monitoring_dagster.metrics.intervals import Interval, Z, normal
from monitoring_dagster.metrics.measurement import Estimate
from monitoring_dagster.metrics.performance.estimates import on_log, on_logit

RECORD_PRIOR = 5
"""As many past errors the model of the band stands for when it meets its record."""


@dataclass(frozen=True)
class Missed:
    """By how much one day's estimate missed, and the variance that was expected of the miss."""

    error: float
    variance: float


@dataclass(frozen=True)
class DayError:
    """What a metric's estimate errs from day to day, beyond sampling and the finite reference.

    `variance` is that of the days' own part, `noise` the mean of what was explained otherwise,
    `days` how many of the reference's days were estimated from all others.
    """

    variance: float = 0.0
    noise: float = 0.0
    days: int = 0

    @classmethod
    def of(cls, missed: Sequence[Missed]) -> Self:
        """By moments: mean squared error less the mean expected variance, at least zero.

        >>> DayError.of([Missed(0.02, 1e-4), Missed(-0.04, 1e-4)])
        DayError(variance=0.0009, noise=0.0001, days=2)
        """
        if not missed:
            return cls()
        squared = float(np.mean([m.error**2 for m in missed]))
        noise = float(np.mean([m.variance for m in missed]))
        return cls(max(squared - noise, 0.0), noise, len(missed))

    def reach(self, explained: float) -> float:
        """How many standard deviations 95 % take, as the days' part is itself an estimate.

        Satterthwaite's degrees of freedom: the estimate of `variance` has a variance of
        2 (variance + noise)² / days. 1.96 where no day was estimated.
        """
        from scipy.special import (  # pyright: ignore[reportMissingTypeStubs] - scipy has none
            stdtrit,  # pyright: ignore[reportUnknownVariableType]
        )

        if self.days < 2 or self.variance + self.noise <= 0:
            return Z
        freedom = self.days * ((explained + self.variance) / (self.variance + self.noise)) ** 2
        return float(stdtrit(max(freedom, 1.0), 0.975))


@dataclass(frozen=True)
class DayErrors:
    """The `DayError` of every metric of a reference; learnt once and kept."""

    metrics: Mapping[str, DayError] = field(default_factory=dict[str, DayError])

    @classmethod
    def of(cls, missed: Mapping[str, Sequence[Missed]]) -> Self:
        """From the misses of the reference's own days, per metric."""
        return cls({metric: DayError.of(found) for metric, found in missed.items()})

    def of_metric(self, metric: str) -> DayError:
        """Of one metric; nothing is known of one that was never estimated."""
        return self.metrics.get(metric, DayError())

    def to_json(self) -> bytes:
        """As a document.

        >>> found = DayErrors({"roc_auc": DayError(0.5, 0.25, 3)})
        >>> DayErrors.from_json(found.to_json()) == found
        True
        """
        return json.dumps(
            {name: [e.variance, e.noise, e.days] for name, e in sorted(self.metrics.items())}
        ).encode()

    @classmethod
    def from_json(cls, content: bytes) -> Self:
        """Read back what `to_json` wrote."""
        return cls({name: DayError(*parts) for name, parts in json.loads(content).items()})


def band(
    expected: Expected,
    day_error: DayError,
    *,
    beyond_record: float = 0.0,
    is_share: bool = True,
    detail: str = "",
) -> Estimate:
    """The estimate with the 95 % band that the realised metric is to lie in.

    Args:
        expected: the value, and what sampling and the finite reference make it err.
        day_error: what days err beyond that.
        beyond_record: variance that past errors showed beyond the band, from `record_excess`.
        is_share: whether the metric lies in [0, 1]; it is positive otherwise.
        detail: what else is to be said of the estimate.
    """
    variance = expected.variance + day_error.variance + beyond_record
    wide = variance * (day_error.reach(expected.variance + beyond_record) / Z) ** 2
    return Estimate(
        expected.value, *_interval(expected.value, wide, is_share), expected.n, detail=detail
    )


def record_excess(expected: Expected, day_error: DayError, record: Sequence[float]) -> float:
    """The variance that past estimation errors show beyond what the band would be made of.

    The model of the band counts as `RECORD_PRIOR` errors. A record only widens: that an estimate
    was lucky is no proof that it is good.

    >>> round(record_excess(Expected(0.7, 1e-4, 0.0, 900), DayError(), [0.03] * 5), 6)
    0.0004
    """
    past = [error for error in record if math.isfinite(error)]
    if not past:
        return 0.0
    modelled = expected.variance + day_error.variance
    squares = float(np.sum(np.square(past)))
    together = (RECORD_PRIOR * modelled + squares) / (RECORD_PRIOR + len(past))
    return max(together - modelled, 0.0)


def _interval(value: float, variance: float, is_share: bool) -> Interval:
    if not is_share:
        return on_log(value, variance)
    if 0 < value < 1:
        return on_logit(value, variance)
    return normal(value, variance, low=0.0, high=1.0)
