"""The paired jackknife over days: how sure a gain is when the rows of a day are not independent.

Works for every metric that can be computed without a day; the metrics are `measures`.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from monitoring_dagster.decisions.detectors.e_detector import long_run_inflation

Floats = NDArray[np.float64]

CONFIDENCE = 0.95
"""Of every interval, both sides together: a bound is wrong in 2.5 % of cases, as in ICH E9."""

MINIMUM_DAYS = 5
"""Below, the quantile of Student's t with so few degrees of freedom makes intervals useless."""


def standard_error(replicates: Floats) -> float:
    """Standard error of `replicates[0]`, a value of all D days.

    `replicates[1:]`, shape (D,), are the values without one day each, in the calendar's order. The
    jackknife's, times what days that resemble their neighbours add to it.

    >>> day_means = np.array([1.0, 4.0, 2.0, 3.0])  # neighbours differ: nothing is added
    >>> without = (10 - day_means) / 3
    >>> standard_error(np.concatenate([[2.5], without])), float(day_means.std(ddof=1)) / 2
    (0.645497, 0.645497)
    """
    inflation = long_run_inflation(1.0, likeness(replicates))
    return jackknifed(replicates) * math.sqrt(inflation)


def jackknifed(replicates: Floats) -> float:
    """The jackknife's standard error, as if days were independent.

    Its square is (D − 1) / D × Σ (without a day − with all)². Centred at the value itself and not
    at the mean of the others, which errs on the wide side (Efron and Stein 1981, Annals of
    Statistics 9:586-596).
    Sources: Miller 1974, The jackknife - a review, Biometrika 61:1-15; MacKinnon, Nielsen and Webb
    2023, Stata Journal 23:942-982 (CV3: days are clusters of unequal size).
    """
    moved = replicates[1:] - replicates[0]
    days = len(moved)
    return math.sqrt((days - 1) / days * float(moved @ moved))


def likeness(replicates: Floats) -> float:
    """Lag-1 autocorrelation of what days contribute to a value; NaN where all contribute the same.

    Spells of weather or a campaign make neighbours alike. Where a day's contribution has an
    autocorrelation of .3, 95 % intervals of 28 days that ignore it cover 85 %, and 92 % if they
    are widened by the estimate; where there is none they become 6 % wider (simulated).

    >>> likeness(np.array([0.0, 1.0, 1.0, 1.0, -1.0, -1.0, -1.0]))
    0.5
    """
    moved = replicates[1:] - replicates[1:].mean()
    squares = float(moved @ moved)
    return float(moved[1:] @ moved[:-1]) / squares if squares > 0 else math.nan


def reach(days: int) -> float:
    """How many standard errors an interval reaches: Student's t with one degree less than days.

    >>> round(reach(28), 3), round(reach(7), 3)
    (2.052, 2.447)
    """
    from scipy.special import stdtrit  # pyright: ignore[reportMissingTypeStubs] - scipy has none

    return float(stdtrit(days - 1, (1 + CONFIDENCE) / 2))


def chance_below(distance: float, error: float, days: int) -> float:
    """One-sided p-value of `distance` below zero, 0 to 1, where zero is the least allowed.

    >>> round(chance_below(-2.0518, 1.0, 28), 3), chance_below(-1.0, 0.0, 28)
    (0.025, 0.0)
    """
    from scipy.special import stdtr  # pyright: ignore[reportMissingTypeStubs] - scipy has none

    if error == 0:
        return 0.0 if distance < 0 else 1.0
    return float(stdtr(days - 1, distance / error))
