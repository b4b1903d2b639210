"""ROC AUC: the chance that a positive row scores above a negative one, ties counted half."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from monitoring_dagster.metrics.intervals import Interval, Z
from monitoring_dagster.metrics.measurement import Estimate
from monitoring_dagster.metrics.performance.binary.confusion import one_class_only
from monitoring_dagster.metrics.performance.binary.score_cells import blurred, no_scores
from monitoring_dagster.metrics.performance.estimates import on_logit
from monitoring_dagster.profiles.outcomes import BinaryCounts

Ints = NDArray[np.int64]


def roc_auc(counts: BinaryCounts) -> Estimate:
    """Area under the ROC curve in [0, 1]; rows of one cell are ties.

    `beyond_grid` where too many scores lie outside the reference's range to be told apart.

    The interval is DeLong's variance on the log-odds scale (Pepe 2003, The Statistical
    Evaluation of Medical Tests, section 5.2).
    Source: Hanley and McNeil 1982, Radiology 143:29-36; DeLong et al. 1988, Biometrics
    44:837-845.

    >>> import numpy as np
    >>> from dataclasses import replace
    >>> table = np.array([[0, 0], [30, 5], [10, 10], [5, 30], [0, 0]])
    >>> counts = replace(BinaryCounts.empty(5), scores=table)
    >>> roc_auc(counts).value
    0.839506
    """
    return area(counts.scores) if counts.scores.any() else no_scores(counts)


def area(scores: Ints) -> Estimate:
    """The same for bare counts `scores[cell, label]` of at least one row."""
    negatives, positives = scores.sum(axis=0).tolist()
    if positives == 0 or negatives == 0:
        return one_class_only(positives, negatives)
    if problem := blurred(scores):
        return problem
    value, variance = delong(scores)
    interval = (
        on_logit(value, variance)
        if variance > 0 and 0 < value < 1
        else _score_interval(value, positives, negatives)
    )
    return Estimate(value, *interval, positives + negatives)


def delong(scores: Ints) -> tuple[float, float]:
    """Area and its DeLong variance from `scores[cell, label]` in O(cells).

    The variance is NaN where one of the classes has a single row.
    Source: Sun and Xu 2014, IEEE Signal Processing Letters 21:1389-1393, with rows of one cell
    taken together.
    """
    n, p = scores[:, 0].astype(np.float64), scores[:, 1].astype(np.float64)
    negatives, positives = float(n.sum()), float(p.sum())
    # For a positive row: the share of negatives below it. For a negative row: of positives above.
    of_positive = (np.cumsum(n) - n / 2) / negatives
    of_negative = 1 - (np.cumsum(p) - p / 2) / positives
    value = float(p @ of_positive) / positives
    if positives < 2 or negatives < 2:
        return value, math.nan
    among_positives = float(p @ (of_positive - value) ** 2) / (positives - 1)
    among_negatives = float(n @ (of_negative - value) ** 2) / (negatives - 1)
    return value, among_positives / positives + among_negatives / negatives


def _score_interval(value: float, positives: int, negatives: int) -> Interval:
    """For an area of 0 or 1, or one row of a class, where DeLong's variance says nothing.

    Solves |area − value| = 1.96 sqrt(variance(area)) with Hanley and McNeil's variance.
    Source: Newcombe 2006, Statistics in Medicine 25:559-573, method 5.
    """
    half = (positives + negatives) / 2 - 1

    def reach(area: float) -> float:
        shape = 1 + half * ((1 - area) / (2 - area) + area / (1 + area))
        return Z * math.sqrt(area * (1 - area) * shape / (positives * negatives))

    low = 0.0 if value <= 0 else _root(lambda x: value - x > reach(x), 0.0, value)
    high = 1.0 if value >= 1 else _root(lambda x: x - value < reach(x), value, 1.0)
    return Interval(low, high)


def _root(before: Callable[[float], bool], low: float, high: float) -> float:
    """Where `before` turns from true to false between `low` and `high`, by bisection."""
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if before(middle) else (low, middle)
    return (low + high) / 2
