"""Mixture Shiryaev-Roberts e-detector: has the mean of bounded losses risen above the tolerated?

Each day contributes an e-value: whatever the losses' distribution, its mean is at most one while
their mean is at most the tolerated one. Its threshold is `e_threshold`, sums are `losses`.

Source: Shin, Ramdas and Rinaldo, E-detectors: a nonparametric framework for sequential change
detection (2024, New England Journal of Statistics in Data Science 2:229-260, arXiv 2203.03532).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from monitoring_dagster.decisions.detectors.losses import Losses, Tolerance

BETS = (1.0, 2.0, 4.0)
"""The rises that are bet on, in standard deviations of a day's mean loss.

In these units the detector behaves alike at every number of labels, so that one table of
thresholds serves all. Smaller bets pay only for rises that take months, and are the ones that an
error of the reference wins, too: at a planned share of 2.5e-3 alarmed days, with the reference
known from 40 days, adding 0.5 to these raises the median time to find a rise of 1.5 from 5 days
to 6, and of 0.75 from 20 to 26.
"""

WEIGHTS = (0.4, 0.4, 0.2)

BOLDEST = 0.75
"""Share of the tolerated mean's inverse that may be bet: beyond 1 a loss of 0 costs everything."""

DAYS_DIFFER = 2.0
"""Inflation from which a single day proves nothing by itself."""

HEADROOM = 3.0
"""How far above its threshold, in log, a detector stops growing, so that it ends with its cause.

Without a limit a month at twice the error leaves exp(500), which takes as long to shrink. Less
than what the recursion gives keeps every promise.
"""


@dataclass(frozen=True, slots=True)
class EDetector:
    """What is remembered from day to day: log(1 + M) of each bet's statistic M.

    One is added to every statistic before it meets the next day's e-value, so that this is the
    number to keep: it starts at 0.0 and is never infinite.
    """

    logs: tuple[float, ...] = (0.0,) * len(BETS)

    @property
    def log_statistic(self) -> float:
        """log(1 + M) of the weighted mean M over the bets; the evidence that messages show."""
        largest = max(self.logs)
        added = sum(
            weight * math.exp(log - largest) for weight, log in zip(WEIGHTS, self.logs, strict=True)
        )
        return largest + math.log(added)

    def fires(self, threshold: float) -> bool:
        """Whether M has reached the threshold."""
        return self.log_statistic >= math.log1p(threshold)

    def to_dict(self) -> dict[str, list[float]]:
        """As plain data; JSON keeps every bit."""
        return {"logs": list(self.logs)}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Sequence[float]]) -> Self:
        """From plain data; KeyError where the field is missing."""
        return cls(tuple(float(log) for log in stored["logs"]))


def advance_loss(
    state: EDetector,
    losses: Losses,
    tolerance: Tolerance,
    *,
    threshold: float,
    phi: float = 1.0,
) -> EDetector:
    """The state after a day: M = (1 + M) E for each bet, in log space.

    `phi` is how much more the day's mean varies than `n` independent losses would (see
    `long_run_inflation`); below 1 or NaN it counts as 1. Where days differ much, one of them adds a
    third of what is needed at most: a storm is no proof of harm, however bad. Less than an e-value
    is one. A day without usable losses changes nothing.

    >>> tolerance = Tolerance(0.1, 0.3)
    >>> state = EDetector()
    >>> for errors in (50, 60, 65, 62):  # of 500; 50 are tolerated
    ...     state = advance_loss(
    ...         state, Losses.of_errors(errors, 500), tolerance, threshold=400.0
    ...     )
    ...     print(round(state.log_statistic, 2), state.fires(400.0))
    0.28 False
    1.37 False
    3.35 False
    4.71 False
    """
    if not losses.is_usable:
        return state
    phi = phi if phi > 1 else 1.0
    scale = math.sqrt(phi / losses.n) / tolerance.deviation
    needed = math.log1p(threshold)
    most, of_a_day = needed + HEADROOM, needed / 3 if phi >= DAYS_DIFFER else math.inf
    return EDetector(
        tuple(
            _grown(log + min(log_e_value(losses, tolerance, bet * scale) / phi, of_a_day), most)
            for log, bet in zip(state.logs, BETS, strict=True)
        )
    )


def _grown(log: float, most: float) -> float:
    """log(1 + exp(log)), `most` at most."""
    if log > most:
        return most
    return min(math.log1p(math.exp(log)), most)


def log_e_value(losses: Losses, tolerance: Tolerance, rate: float) -> float:
    """A lower bound of the log of Π (1 + rate (loss - tolerated)) from the sums alone.

    The product is an e-value for `rate` in [0, 1 / tolerated) (Waudby-Smith and Ramdas 2024,
    JRSS-B 86:1-27), so that anything below it is one. Two bounds, of which the larger holds:
    the chord of the concave logarithm between losses of 0 and 1, exact for errors; and
    log(1 + sy) >= sy + (log(1 - s) + s) y² for y >= -1 (Fan, Grama and Liu 2015, EJP 20:1-22,
    lemma 4.1), with y = loss / tolerated - 1, which knows how little the losses vary.

    Raised to 1 / phi, which the caller does, it stays an e-value of independent losses (Jensen),
    and has mean one where a day's mean is normal with phi times the sampling variance.

    >>> tolerance = Tolerance(0.1, 0.3)
    >>> log_e_value(Losses.of_errors(3, 10), tolerance, 2.0)  # 3 log 2.8 + 7 log 0.8
    1.52685
    """
    mean = tolerance.mean
    rate = min(rate, BOLDEST / mean)
    chord = losses.total * math.log1p(rate * (1 - mean)) + (losses.n - losses.total) * math.log1p(
        -rate * mean
    )
    staked = rate * mean
    gain = losses.total / mean - losses.n
    spread = losses.total_squares / (mean * mean) - 2 * losses.total / mean + losses.n
    return max(chord, staked * gain + (math.log1p(-staked) + staked) * spread)


def long_run_inflation(phi: float, rho: float) -> float:
    """The inflation of a sum over many days whose means have lag-1 autocorrelation `rho`.

    phi (1 + rho) / (1 - rho), the long-run variance of an AR(1) process; a negative or unknown
    rho counts as 0. An e-value must be fair whatever the past was, which a slow day-to-day
    variation is not; tempering by this makes it so over weeks.

    >>> round(long_run_inflation(2.0, 0.3), 2)
    3.71
    """
    rho = min(max(rho, 0.0), 0.9) if math.isfinite(rho) else 0.0
    return phi * (1 + rho) / (1 - rho)


def days_to_detect(tolerated: float, mean: float, n: float, threshold: float) -> float:
    """Days until errors at rate `mean` prove it, with `n` labels a day; for messages.

    log(threshold) / (n KL(mean, tolerated)), what no test can beat by more than a little (Lorden
    1971). Infinite where the mean is tolerated or nothing is labelled.

    >>> round(days_to_detect(0.10, 0.11, 1, 20))  # labels for a proof at 5 %
    5549
    """
    if not (0 < tolerated < mean <= 1 and n > 0):
        return math.inf
    gain = mean * math.log(mean / tolerated)
    if mean < 1:
        gain += (1 - mean) * math.log((1 - mean) / (1 - tolerated))
    return max(math.log(threshold), 0.0) / (n * gain)
