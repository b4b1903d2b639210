"""Predicted-positive rate: the share of rows that were decided positive."""

from __future__ import annotations

from monitoring_dagster.metrics.measurement import Estimate
from monitoring_dagster.metrics.performance.binary.confusion import Confusion, no_decisions
from monitoring_dagster.metrics.performance.estimates import share
from monitoring_dagster.profiles.outcomes import BinaryCounts


def predicted_positive_rate(counts: BinaryCounts) -> Estimate:
    """(TP + FP) / n over the labelled rows, in [0, 1], with its Wilson interval.

    Source: ISO/IEC TS 4213:2022, section 6.

    >>> import numpy as np
    >>> from dataclasses import replace
    >>> counts = replace(BinaryCounts.empty(0), decisions=np.array([[50, 10], [5, 35]]))
    >>> predicted_positive_rate(counts).value
    0.45
    """
    c = Confusion.of(counts)
    return share(c.predicted_positives, c.n) if c.n else no_decisions(counts)
