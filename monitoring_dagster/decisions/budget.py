"""The false-alarm budget of a monitor, and what every rule may spend of it.

Shares are turned into thresholds here; what is compared with them is `noise` (chances) and
`detectors` (sums).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from monitoring_dagster.decisions.detectors import e_threshold
from monitoring_dagster.decisions.detectors.chart import Chart
from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.monitors.vocabulary import Materiality

DAYS_BETWEEN_FALSE_PAGES: Mapping[Materiality, int] = MappingProxyType(
    {Materiality.LOW: 90, Materiality.MEDIUM: 90, Materiality.HIGH: 30}
)

PLANNED = 0.9
"""How much of the budget is planned for: 1 % of days at 90 days between false pages."""


class Family(StrEnum):
    """The rules that share the budget; each holds its promise for all its series together."""

    LOSSES = "losses"
    SEGMENT_LOSSES = "segment_losses"
    OBJECTIVES = "objectives"
    DRIFT = "drift"
    SEGMENT_DRIFT = "segment_drift"
    SCALARS = "scalars"


PARTS: Mapping[Family, float] = MappingProxyType(
    {
        Family.LOSSES: 0.25,
        Family.SEGMENT_LOSSES: 0.15,
        Family.OBJECTIVES: 0.10,
        Family.DRIFT: 1 / 6,
        Family.SEGMENT_DRIFT: 1 / 6,
        Family.SCALARS: 1 / 6,
    }
)
"""How the budget is divided: half for what pages (performance and objectives), half for the rest.

The parts add up to one, and so the share of days with any alarm stays below the whole however the
families depend on one another. Of drift and scalars half is for sudden and half for lasting
changes.
"""


@dataclass(frozen=True, slots=True)
class Budget:
    """One false page in `days_between` days, divided over so many series.

    What is counted are alarmed days: an alarm that stays for a week costs seven. The sudden rules
    judge each day anew, so that a false alarm of theirs is one day; one of a CUSUM costs 3.6 days
    on average, one of an e-detector 1.3 to 2.1. Both thresholds therefore follow from the share
    of days, not from the time between alarms.

    `columns` are the columns whose drift is judged, `segments` the segments in which each is
    judged again, `scalars` the signed series (rates, performance, operations; each has two
    sides), `losses` the bounded losses, watched whole and in every segment.
    """

    days_between: int
    columns: int
    segments: int
    scalars: int
    losses: int = 1

    @classmethod
    def of(
        cls, monitor: Monitor, *, columns: int, segments: int, scalars: int, losses: int = 1
    ) -> Self:
        """The budget that the monitor states, or its materiality's default."""
        stated = monitor.alerting.days_between_false_pages
        days = stated or DAYS_BETWEEN_FALSE_PAGES[monitor.materiality]
        return cls(days, columns, segments, scalars, losses)

    def share(self, family: Family) -> float:
        """The share of days on which the family may be alarmed without any change.

        >>> round(Budget(90, columns=14, segments=11, scalars=12).share(Family.LOSSES), 6)
        0.0025
        """
        return PLANNED * PARTS[family] / self.days_between

    def series(self, family: Family) -> int:
        """How many series share the family's part; one at least."""
        counts = {
            Family.LOSSES: self.losses,
            Family.SEGMENT_LOSSES: self.losses * self.segments,
            Family.OBJECTIVES: 1,
            Family.DRIFT: self.columns,
            Family.SEGMENT_DRIFT: self.columns * self.segments,
            Family.SCALARS: self.scalars,
        }
        return max(counts[family], 1)

    def sudden_level(self, family: Family) -> float:
        """The q of Benjamini and Hochberg's procedure over a day's p-values of the family.

        Without any change the chance of even one rejection is q at most, for independent and for
        positively dependent p-values (Benjamini and Yekutieli 2001).

        >>> round(Budget(90, columns=14, segments=11, scalars=12).sudden_level(Family.DRIFT), 6)
        0.000833
        """
        return self.share(family) / 2

    def single_level(self, family: Family) -> float:
        """The level at which one series of the family alarms on a day by itself.

        The first of Benjamini and Hochberg's steps: `null_high` and the smallest detectable
        effect are told at it.
        """
        return self.sudden_level(family) / self.series(family)

    def cusum(
        self,
        family: Family,
        *,
        reference_days: float = math.inf,
        is_signed: bool | None = None,
        inflation: float = 1.0,
    ) -> Chart:
        """The chart of one of the family's series (one of its two sides, where it is signed).

        `reference_days` is how many days the reference's mean and spread come from. A signed
        score inherits the mean's error, of variance 1 / (days + 1); a distance, which lies above
        zero whatever the reference, only its square, as far as sampling makes it. What days
        differ by, the part 1 - 1 / `inflation` of its variance, is known from these days alone,
        and is in error like a signed score: of the flights' wind, whose inflation is 85, days in
        random order alarmed on 14 % of days without this. Scalars are signed unless said
        otherwise, distances are not.

        >>> budget = Budget(90, columns=14, segments=11, scalars=12)
        >>> chart = budget.cusum(Family.DRIFT, reference_days=60)
        >>> round(chart.k, 2), round(chart.h, 2)
        (0.5, 9.76)
        """
        signed = family is Family.SCALARS if is_signed is None else is_signed
        error = 1 / (max(reference_days, 1.0) + 1)
        share = self.share(family) / 2 / self.series(family)
        of_days = 1 - 1 / max(inflation, 1.0)
        return Chart.of(
            share / 2 if signed else share,
            bias=error if signed else max(error * error, of_days * error),
            scale_days=max(reference_days, 1.0),
        )

    def cusum_threshold(self, family: Family) -> float:
        """The `h` of a chart with an allowance of 0.5, where the reference is exact."""
        return self.cusum(family).h

    def loss_share(self, family: Family) -> float:
        """The share of days that one e-detector of the family may stand alarmed."""
        return self.share(family) / self.series(family)

    def reference_quantile(self, family: Family) -> float:
        """The normal quantile for `Tolerance.of`: the bound fails as rarely as alarms may come."""
        return e_threshold.reference_quantile(self.loss_share(family))

    def e_threshold(self, family: Family, *, reference_days: float = math.inf) -> float:
        """The threshold of an e-detector: calibrated to the share of alarmed days.

        With `reference_days` the tolerance must come from `reference_quantile`; infinitely many
        suit any tolerance that the true mean does not exceed.
        """
        return e_threshold.calibrated(self.loss_share(family), reference_days)

    def guaranteed_e_threshold(self, family: Family) -> float:
        """The threshold that keeps the family's alarms so rare by theorem, whatever the losses.

        Each of s detectors needs s times the run length, since their mean is an e-detector, too.
        """
        return e_threshold.guaranteed(self.loss_share(family))


def benjamini_hochberg(p: NDArray[np.float64], q: float) -> NDArray[np.bool_]:
    """Which of the p-values of each row (last axis) are rejected at false discovery rate `q`.

    NaN was not tested: it is not rejected and does not count. Source: Benjamini and Hochberg
    1995, JRSS-B 57:289-300.

    >>> benjamini_hochberg(np.array([0.001, np.nan, 0.03, 0.2]), 0.05).tolist()
    [True, False, True, False]
    """
    p = np.asarray(p, dtype=np.float64)
    ordered = np.sort(p, axis=-1)  # NaN last
    tested = np.isfinite(p).sum(axis=-1, keepdims=True)
    rank = np.arange(1, p.shape[-1] + 1, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        passes = ordered <= q * rank / np.maximum(tested, 1)
    limit = np.max(np.where(passes, ordered, -1.0), axis=-1, keepdims=True, initial=-1.0)
    return p <= limit
