"""Estimated precision: the expected share of positive decisions that are right."""

from __future__ import annotations

from monitoring_dagster.metrics.estimated.binary.absent import none_predicted
from monitoring_dagster.metrics.estimated.binary.projection import Decided, Projection
from monitoring_dagster.metrics.estimated.expected import Guess
from monitoring_dagster.metrics.measurement import Estimate


def precision(projection: Projection) -> Guess:
    """TP / (TP + FP) in [0, 1]; undefined without a positive decision.

    >>> import numpy as np
    >>> precision(Projection(np.array([2.0, 2.0]), np.array([0.1, 0.8]), np.array([0, 1]))).value
    0.8
    """
    counts = Decided.of(projection)
    if isinstance(counts, Estimate):
        return counts
    if counts.predicted <= 0:
        return none_predicted(counts.n)
    value = counts.true_positives / counts.predicted
    return projection.expected(value, counts.share / counts.predicted)
