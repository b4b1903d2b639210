"""Estimated accuracy: the expected share of rows whose class was predicted."""

from __future__ import annotations

from collections.abc import Sequence

from monitoring_dagster.metrics.estimated.expected import Guess
from monitoring_dagster.metrics.estimated.multiclass.projection import Projection
from monitoring_dagster.metrics.measurement import Estimate


def accuracy(projection: Projection, classes: Sequence[str]) -> Guess:
    """Expected hits over rows in [0, 1].

    >>> import numpy as np
    >>> from monitoring_dagster.metrics.estimated.multiclass.projection import Hits
    >>> hits = Hits(np.array([6.0, 2.0]), np.array([7.0, 3.0]))
    >>> accuracy(Projection(10.0, [], hits, np.inf), []).value
    0.8
    """
    del classes  # all metrics are called alike
    if isinstance(projection.hits, Estimate):
        return projection.hits
    value = float(projection.hits.right.sum() / projection.hits.predicted.sum())
    return projection.expected(value, value * (1 - value) / projection.n)
