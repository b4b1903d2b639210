"""Precision: the share of positive decisions that are right."""

from __future__ import annotations

from monitoring_dagster.metrics.measurement import Estimate, Reason, Status
from monitoring_dagster.metrics.performance.binary.confusion import Confusion, no_decisions
from monitoring_dagster.metrics.performance.estimates import share
from monitoring_dagster.profiles.outcomes import BinaryCounts


def precision(counts: BinaryCounts) -> Estimate:
    """TP / (TP + FP) in [0, 1], with its Wilson interval; `n` counts the positive decisions.

    Without a positive decision it is undefined, not 0: `no_predicted_positives`.
    Source: van Rijsbergen, Information Retrieval (1979), chapter 7.

    >>> import numpy as np
    >>> from dataclasses import replace
    >>> counts = replace(BinaryCounts.empty(0), decisions=np.array([[50, 10], [5, 30]]))
    >>> precision(counts).value
    0.75
    """
    c = Confusion.of(counts)
    if c.n == 0:
        return no_decisions(counts)
    if c.predicted_positives == 0:
        return Estimate.without(
            Status.NOT_ENOUGH_DATA,
            Reason.NO_PREDICTED_POSITIVES,
            f"none of {c.n} labelled rows was decided positive",
            c.n,
        )
    return share(c.true_positives, c.predicted_positives)
