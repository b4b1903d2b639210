"""Specificity: the share of negative rows that were left alone."""

from __future__ import annotations

from monitoring_dagster.metrics.measurement import Estimate
from monitoring_dagster.metrics.performance.binary.confusion import (
    Confusion,
    no_decisions,
    one_class_only,
)
from monitoring_dagster.metrics.performance.estimates import share
from monitoring_dagster.profiles.outcomes import BinaryCounts


def specificity(counts: BinaryCounts) -> Estimate:
    """TN / (TN + FP) in [0, 1], with its Wilson interval; `n` counts the negative labels.

    Source: Altman and Bland, Diagnostic tests 1 (1994), BMJ 308:1552.

    >>> import numpy as np
    >>> from dataclasses import replace
    >>> counts = replace(BinaryCounts.empty(0), decisions=np.array([[45, 15], [5, 35]]))
    >>> specificity(counts).value
    0.75
    """
    c = Confusion.of(counts)
    if c.n == 0:
        return no_decisions(counts)
    if c.negatives == 0:
        return one_class_only(c.positives, c.negatives)
    return share(c.true_negatives, c.negatives)
