"""Accuracy: the share of right decisions."""

from __future__ import annotations

from monitoring_dagster.metrics.measurement import Estimate
from monitoring_dagster.metrics.performance.binary.confusion import Confusion, no_decisions
from monitoring_dagster.metrics.performance.estimates import share
from monitoring_dagster.profiles.outcomes import BinaryCounts


def accuracy(counts: BinaryCounts) -> Estimate:
    """(TP + TN) / n in [0, 1], with its Wilson interval.

    Source: ISO/IEC TS 4213:2022, section 6.

    >>> import numpy as np
    >>> from dataclasses import replace
    >>> counts = replace(BinaryCounts.empty(0), decisions=np.array([[50, 10], [5, 35]]))
    >>> accuracy(counts).value
    0.85
    """
    c = Confusion.of(counts)
    return share(c.true_positives + c.true_negatives, c.n) if c.n else no_decisions(counts)
