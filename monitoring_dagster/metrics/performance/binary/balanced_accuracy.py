"""Balanced accuracy: recall and specificity in equal parts."""

from __future__ import annotations

import math

from monitoring_dagster.metrics.intervals import wilson
from monitoring_dagster.metrics.measurement import Estimate
from monitoring_dagster.metrics.performance.binary.confusion import (
    Confusion,
    no_decisions,
    one_class_only,
)
from monitoring_dagster.profiles.outcomes import BinaryCounts


def balanced_accuracy(counts: BinaryCounts) -> Estimate:
    """(TP / P + TN / N) / 2 in [0, 1].

    The interval combines the Wilson intervals of the two independent shares (MOVER: Zou and
    Donner 2008, Statistics in Medicine 27:1693-1702), so it has a width where nothing is wrong,
    which the delta method has not.
    Source: Brodersen et al. 2010, The balanced accuracy and its posterior distribution, ICPR.

    >>> import numpy as np
    >>> from dataclasses import replace
    >>> counts = replace(BinaryCounts.empty(0), decisions=np.array([[45, 15], [5, 35]]))
    >>> balanced_accuracy(counts).value
    0.8125
    """
    c = Confusion.of(counts)
    if c.n == 0:
        return no_decisions(counts)
    if c.positives == 0 or c.negatives == 0:
        return one_class_only(c.positives, c.negatives)
    found, left = c.true_positives / c.positives, c.true_negatives / c.negatives
    of_found, of_left = wilson(c.true_positives, c.positives), wilson(c.true_negatives, c.negatives)
    value = (found + left) / 2
    return Estimate(
        value,
        value - math.hypot(found - of_found.low, left - of_left.low) / 2,
        value + math.hypot(of_found.high - found, of_left.high - left) / 2,
        c.n,
    )
