"""The two numbers of a CUSUM chart and what they promise: run length and share of alarmed days.

Theory only; the sum itself is advanced in `cusum`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

ALLOWANCE = 0.5
"""Half of the shift that a chart is tuned to, in standard deviations: one."""

OVERSHOOT = 0.583
"""How far a normal walk jumps beyond a border on average: -zeta(1/2) / sqrt(2 pi)."""

MARGIN = 1.25
"""How far the allowance stays above the least that a biased reference permits."""

LOWEST = 1.0
"""No threshold below one standard deviation, however generous the budget."""

SCALE_FREEDOM = 3
"""Degrees of freedom of a lasting error of scale, per reference day.

The scale of n days has n - 1, but a score from Student's t is drawn in where the tail is fat,
which undoes most of it. Three per day keeps the simulated share of alarmed days between 0.3 and
1.2 of the planned one for 7 to 90 days and for shares of 2e-3 and 1e-4.
"""


def run_length(h: float, k: float = ALLOWANCE) -> float:
    """Days until a one-sided CUSUM first reaches `h` without any change, on average.

    Of independent standard normal residuals; two-sided charts alarm twice as often. Source:
    Siegmund, Sequential Analysis (1985), equation 2.55, with his overshoot of 0.583 at each end.

    >>> round(run_length(5.0) / 2)  # two-sided; 465 by the Markov chain
    469
    """
    width = 2 * k * (h + 2 * OVERSHOOT)
    return (math.expm1(width) - width) / (2 * k * k)


def threshold(days: float, k: float = ALLOWANCE) -> float:
    """The `h` whose `run_length` is `days`; 0.0 where even that alarms less often.

    >>> round(threshold(2 * 370), 2)  # the 4.77 of a two-sided chart as rare as three sigma
    4.77
    """
    if days <= run_length(0.0, k):
        return 0.0
    low, high = 0.0, math.log(2 * k * k * days + 1) / k
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if run_length(middle, k) < days else (low, middle)
    return high


def alarmed_share(h: float, k: float = ALLOWANCE) -> float:
    """Share of days on which a one-sided CUSUM stands at or above `h` without any change.

    With k = 0.5 an alarm costs 3.6 days, which a run length does not tell: the budget counts
    days. In the long run the sum is distributed as the largest value that a walk of drift
    -k ever reaches (Siegmund 1985, chapter 8), whose tail is exp(-2k (h + 0.583)).

    >>> round(alarmed_share(9.15), 7)
    5.93e-05
    """
    return min(math.exp(-2 * k * (h + OVERSHOOT)), 1.0)


@dataclass(frozen=True, slots=True)
class Chart:
    """What a residual must exceed to count, and what the sum must reach to alarm."""

    k: float
    h: float

    @property
    def most_per_day(self) -> float:
        """What a single day may add: half of `h`, so that no day alone looks lasting.

        A day that proves a change on its own is found by its p-value; a glitch of a day must not
        occupy the chart for the weeks that it takes to come down.
        """
        return self.h / 2

    @property
    def cap(self) -> float:
        """Where the sum stops growing, so that an alarm ends soon after its cause.

        With k = 0.5 and h = 9.15 the alarm outlasts a shift of 2 by 8 days at 1.5 h and by 17 at
        2 h; at 1.25 h it is interrupted on 6 % of the days of a shift of 1, at 1.5 h on 0.7 %.
        """
        return 1.5 * self.h

    @classmethod
    def of(cls, share: float, *, bias: float = 0.0, scale_days: float = math.inf) -> Self:
        """The chart that one series alarms with on at most `share` of days without a change.

        `bias` is the variance of what is wrong with every residual alike, in units of the
        residual's variance: the reference's mean is itself estimated, and a chart adds up its
        error day after day. From 28 days a chart with k = 0.5 alarms 8 times as often as planned
        at a share of 2e-3, 95 times at 1e-4. Averaging exp(-2 (k - b) h) over a normal b gives
        exp(-2kh + 2 bias h²), which is solved for h; there is a solution from
        k = sqrt(2 bias log(1 / share)) on. `scale_days` are the reference days behind the
        residual's scale: the same average over a chi-squared scale.

        >>> chart = Chart.of(1e-4)
        >>> round(chart.k, 2), round(chart.h, 2)
        (0.5, 8.63)
        >>> chart = Chart.of(1e-4, bias=1 / 29, scale_days=28)
        >>> round(chart.k, 2), round(chart.h, 2)
        (1.05, 5.53)
        """
        needed = -math.log(share)
        freedom = SCALE_FREEDOM * scale_days
        if math.isfinite(freedom):
            needed = freedom / 2 * math.expm1(2 * needed / freedom)
        if bias <= 0:
            return cls(ALLOWANCE, max(needed / (2 * ALLOWANCE) - OVERSHOOT, LOWEST))
        k = max(ALLOWANCE, MARGIN * math.sqrt(2 * needed * bias))
        h = (k - math.sqrt(k * k - 2 * needed * bias)) / (2 * bias)
        return cls(k, max(h - OVERSHOOT, LOWEST))
