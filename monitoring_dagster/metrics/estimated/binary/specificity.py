"""Estimated specificity: the expected share of negative rows that were left alone."""

from __future__ import annotations

from monitoring_dagster.metrics.estimated.binary.absent import one_class_expected
from monitoring_dagster.metrics.estimated.binary.projection import Decided, Projection
from monitoring_dagster.metrics.estimated.expected import Guess
from monitoring_dagster.metrics.measurement import Estimate


def specificity(projection: Projection) -> Guess:
    """TN / (TN + FP) in [0, 1].

    >>> import numpy as np
    >>> specificity(Projection(np.array([2.0, 2.0]), np.array([0.1, 0.7]), np.array([0, 1]))).value
    0.75
    """
    counts = Decided.of(projection)
    if isinstance(counts, Estimate):
        return counts
    if problem := one_class_expected(projection):
        return problem
    value = counts.true_negatives / counts.negatives
    return projection.expected(value, (value - (1 - counts.share)) / counts.negatives)
