"""Estimated F1: the harmonic mean of expected precision and recall."""

from __future__ import annotations

from monitoring_dagster.metrics.estimated.binary.absent import one_class_expected
from monitoring_dagster.metrics.estimated.binary.projection import Decided, Projection
from monitoring_dagster.metrics.estimated.expected import Guess
from monitoring_dagster.metrics.measurement import Estimate


def f1(projection: Projection) -> Guess:
    """2 TP / (predicted + positives) in [0, 1].

    >>> import numpy as np
    >>> f1(Projection(np.array([2.0, 2.0]), np.array([0.2, 0.8]), np.array([0, 1]))).value
    0.8
    """
    counts = Decided.of(projection)
    if isinstance(counts, Estimate):
        return counts
    if problem := one_class_expected(projection):
        return problem
    involved = counts.predicted + counts.positives
    value = 2 * counts.true_positives / involved
    return projection.expected(value, (2 * counts.share - value) / involved)
