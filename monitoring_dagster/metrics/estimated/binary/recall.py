"""Estimated recall: the expected share of positive rows that were found."""

from __future__ import annotations

from monitoring_dagster.metrics.estimated.binary.absent import one_class_expected
from monitoring_dagster.metrics.estimated.binary.projection import Decided, Projection
from monitoring_dagster.metrics.estimated.expected import Guess
from monitoring_dagster.metrics.measurement import Estimate


def recall(projection: Projection) -> Guess:
    """TP / (TP + FN) in [0, 1].

    >>> import numpy as np
    >>> recall(Projection(np.array([2.0, 2.0]), np.array([0.2, 0.8]), np.array([0, 1]))).value
    0.8
    """
    counts = Decided.of(projection)
    if isinstance(counts, Estimate):
        return counts
    if problem := one_class_expected(projection):
        return problem
    value = counts.true_positives / counts.positives
    return projection.expected(value, (counts.share - value) / counts.positives)
