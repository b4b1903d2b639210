"""Estimated accuracy: the expected share of right decisions."""

from __future__ import annotations

from monitoring_dagster.metrics.estimated.binary.projection import Decided, Projection
from monitoring_dagster.metrics.estimated.expected import Guess
from monitoring_dagster.metrics.measurement import Estimate


def accuracy(projection: Projection) -> Guess:
    """(TP + TN) / rows in [0, 1].

    >>> import numpy as np
    >>> accuracy(Projection(np.array([2.0, 2.0]), np.array([0.1, 0.8]), np.array([0, 1]))).value
    0.85
    """
    counts = Decided.of(projection)
    if isinstance(counts, Estimate):
        return counts
    value = (counts.true_positives + counts.true_negatives) / counts.n
    return projection.expected(value, (2 * counts.share - 1) / counts.n)
