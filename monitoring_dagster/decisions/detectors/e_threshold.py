"""Thresholds of the e-detector, as high as a share of alarmed days asks for.

The theorem's promise (an average run length of c at a threshold of c) is much kinder than what
happens, and counts alarms instead of alarmed days. The table here was simulated; `guaranteed` is
the theorem.
"""

from __future__ import annotations

import math
from statistics import NormalDist

SHARES = (3e-2, 1e-2, 3e-3, 1e-3, 3e-4, 1e-4, 1e-5)

REFERENCE_DAYS = (math.inf, 365.0, 90.0, 40.0, 28.0, 14.0, 7.0, 3.0, 1.0)

LOG_THRESHOLDS = (
    (3.54, 4.67, 5.89, 7.01, 8.20, 9.34, 11.66),
    (2.95, 3.80, 4.69, 5.45, 6.31, 7.12, 8.72),
    (2.57, 3.27, 3.98, 4.61, 5.27, 5.90, 7.25),
    (2.28, 2.88, 3.48, 4.03, 4.58, 5.12, 6.28),
    (2.15, 2.70, 3.25, 3.75, 4.26, 4.75, 5.85),
    (1.88, 2.34, 2.80, 3.21, 3.64, 4.04, 4.93),
    (1.61, 1.98, 2.36, 2.69, 3.01, 3.33, 4.03),
    (1.33, 1.59, 1.85, 2.10, 2.30, 2.52, 2.97),
    (1.05, 1.20, 1.30, 1.43, 1.56, 1.68, 1.95),
)
"""log c by days of reference (down) and share of alarmed days (across).

From the normal limit of a day's mean loss x, in which log E = ax - a²/2 for a bet a: x has mean
-(q + e) / sqrt(reference days) and variance 1, e is standard normal and drawn once per stream (the
reference's own error), q = `reference_quantile(share)`. For infinitely many days the mean is
known and lies exactly at what is tolerated, the worst case. 10,000 streams of 400 days, of which
the first 80 are left out, 4 to 25 times over; importance sampling over e below 28 days.
The share of discrete, skewed and overdispersed losses at these thresholds is tested.
"""


def reference_quantile(share: float) -> float:
    """The normal quantile at which the reference's mean is bounded for a share of alarmed days.

    The bound fails as rarely as the detector may alarm. At 97.5 % instead, a share of 2e-4 with a
    reference of 7 days needs a threshold of 9e8 (28 at this quantile), since the few streams
    whose bound is too low alarm for ever; a rise of 1.5 standard deviations is then found after
    67 days (29). With 40 days or more the two hardly differ.

    >>> round(reference_quantile(0.0025), 3)
    2.807
    """
    return NormalDist().inv_cdf(1 - min(share, 0.5))


def calibrated(share: float, reference_days: float = math.inf) -> float:
    """The threshold at which a detector stands alarmed on `share` of days without a change.

    `reference_days` is how many of today's days the reference is worth: the variance of a day's
    mean over that of the reference's mean; infinite where what is tolerated is no estimate.
    Interpolated in log share and in 1 / sqrt(days), along which the table bends so that this errs
    on the careful side. Beyond the smallest share the threshold grows as the share shrinks, the
    fastest it ever has to (Markov's inequality); beyond the largest it stays.

    >>> round(calibrated(0.003))
    361
    >>> round(calibrated(0.003, reference_days=40))
    32
    """
    wanted = math.log(max(SHARES[-1], min(share, SHARES[0])))
    error = 1 / math.sqrt(max(reference_days, REFERENCE_DAYS[-1]))
    errors = [1 / math.sqrt(days) for days in REFERENCE_DAYS]
    place = max(i for i, e in enumerate(errors[:-1]) if e <= error)
    part = (error - errors[place]) / (errors[place + 1] - errors[place])
    below, above = (_at_share(LOG_THRESHOLDS[row], wanted) for row in (place, place + 1))
    beyond = max(math.log(SHARES[-1] / share), 0.0)
    return math.exp((1 - part) * below + part * above + beyond)


def guaranteed(share: float) -> float:
    """The threshold whose alarms are 1 / `share` days apart on average, by theorem.

    For any bounded losses whose mean, given the past, is at most what is tolerated (Shin, Ramdas
    and Rinaldo 2024, theorem 2.4). Nothing is said of how long an alarm lasts.

    >>> guaranteed(0.0025)
    400.0
    """
    return 1 / share


def _at_share(logs: tuple[float, ...], log_share: float) -> float:
    place = max(i for i, share in enumerate(SHARES[:-1]) if log_share <= math.log(share) + 1e-12)
    left, right = math.log(SHARES[place]), math.log(SHARES[place + 1])
    part = (log_share - left) / (right - left)
    return (1 - part) * logs[place] + part * logs[place + 1]
