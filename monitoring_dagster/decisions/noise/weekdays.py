"""Levels by the day of the week, as far as weekdays differ by more than chance.

Used where the reference spans four weeks; what a level is of, is the caller's business.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SPAN_DAYS = 28
FEWEST = 3
"""Days of each weekday that it takes."""


class Weekdays(NamedTuple):
    """Offset (7,) of each weekday, Monday first, and how much of the difference was kept, 0 to 1.

    `residuals` (D,) are the values less their weekday's offset, and `narrowed` (D,) by how much
    these are too small on average, because the offsets were fitted to the same values.
    """

    offsets: Floats
    kept: float
    residuals: Floats
    narrowed: Floats


def spans_weeks(ordinals: Ints) -> bool:
    """Whether days (proleptic ordinals, ascending) cover four weeks and each weekday thrice."""
    if ordinals.size == 0 or int(ordinals[-1] - ordinals[0]) + 1 < SPAN_DAYS:
        return False
    return int(np.bincount(weekday(ordinals), minlength=7).min()) >= FEWEST


def weekday(ordinals: Ints) -> Ints:
    """0 for Monday to 6 for Sunday; day 1 of the calendar was a Monday."""
    return (ordinals - 1) % 7


def matched(values: Floats, ordinals: Ints) -> Weekdays:
    """Offsets of the weekdays, drawn to zero by their signal's share of what is seen of them.

    One-way random effects (Searle, Casella and McCulloch, Variance Components, section 3.6): the
    mean square between weekdays holds the variance between them and a share of that within.
    """
    values = values - values.mean() if values.size else values
    if not spans_weeks(ordinals):
        return Weekdays(np.zeros(7), 0.0, values, np.ones(values.size))
    of_day = weekday(ordinals)
    days = np.bincount(of_day, minlength=7)
    means = np.bincount(of_day, values, minlength=7) / days
    within = float(((values - means[of_day]) ** 2).sum()) / (values.size - 7)
    between = float((days * means**2).sum()) / 6
    # Below twice that within, chance alone is as good a reason.
    kept = 1 - within / between if between > 2 * within else 0.0
    offsets = kept * means
    return Weekdays(offsets, kept, values - offsets[of_day], np.sqrt(1 - kept / days)[of_day])


def autocorrelation(residuals: Floats, ordinals: Ints) -> tuple[float, int]:
    """Lag-1 autocorrelation over neighbouring days, less its small-sample bias; and its pairs.

    The bias is about -(1 + 3 rho) / n (Kendall 1954, Biometrika 41:403-404; Marriott and Pope).
    """
    is_next = np.diff(ordinals) == 1
    pairs = int(is_next.sum())
    if pairs < 3:
        return 0.0, 0
    centred = residuals - residuals.mean()
    size = float(centred @ centred)
    if size <= 0:
        return 0.0, 0
    found = float((centred[1:] * centred[:-1])[is_next].sum()) / pairs / (size / centred.size)
    return float(np.clip((found * pairs + 1) / max(pairs - 3, 1), -0.95, 0.95)), pairs


def shrunk_autocorrelation(found: Floats, pairs: Ints) -> Floats:
    """Autocorrelations (S,) drawn to their mean, as far as chance explains how they differ.

    Each has a sampling variance of about 1 / pairs. Between 0 and 0.95: a negative one would make
    detectors more eager than independence does, on little evidence.
    """
    if not (pairs > 0).any():
        return np.zeros(found.shape)
    noise = 1 / np.maximum(pairs, 1)
    weights = (pairs > 0) / noise
    weights = weights / weights.sum()
    mean = float(weights @ found)
    spread = float(weights @ (found - mean) ** 2) - float(weights @ noise)
    own = np.where(pairs > 0, max(spread, 0.0) / (max(spread, 0.0) + noise), 0.0)
    if pairs.size == 1:
        own, mean = pairs / (pairs + 20.0), 0.0
    return np.clip(mean + own * (found - mean), 0.0, 0.95)
