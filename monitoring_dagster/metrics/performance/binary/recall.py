"""Recall (sensitivity): the share of positive rows that were found."""

from __future__ import annotations

from monitoring_dagster.metrics.measurement import Estimate
from monitoring_dagster.metrics.performance.binary.confusion import (
    Confusion,
    no_decisions,
    one_class_only,
)
from monitoring_dagster.metrics.performance.estimates import share
from monitoring_dagster.profiles.outcomes import BinaryCounts


def recall(counts: BinaryCounts) -> Estimate:
    """TP / (TP + FN) in [0, 1], with its Wilson interval; `n` counts the positive labels.

    Source: van Rijsbergen, Information Retrieval (1979), chapter 7.

    >>> import numpy as np
    >>> from dataclasses import replace
    >>> counts = replace(BinaryCounts.empty(0), decisions=np.array([[50, 10], [5, 35]]))
    >>> recall(counts).value
    0.875
    """
    c = Confusion.of(counts)
    if c.n == 0:
        return no_decisions(counts)
    if c.positives == 0:
        return one_class_only(c.positives, c.negatives)
    return share(c.true_positives, c.positives)
