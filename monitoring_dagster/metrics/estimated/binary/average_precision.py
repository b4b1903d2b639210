"""Estimated average precision: expected precision at each expected positive, from the top."""

from __future__ import annotations

import numpy as np

from monitoring_dagster.metrics.estimated.binary.absent import one_class_expected, one_score
from monitoring_dagster.metrics.estimated.binary.projection import Projection
from monitoring_dagster.metrics.estimated.expected import Guess


def average_precision(projection: Projection) -> Guess:
    """Sum of (expected recall step) × (expected precision) over the cells, in (0, 1].

    >>> import numpy as np
    >>> ordered = Projection(np.array([1.0, 1.0]), np.array([0.0, 1.0]), np.zeros(2))
    >>> constant = Projection(np.array([1.0, 1.0]), np.array([0.5, 0.5]), np.zeros(2))
    >>> average_precision(ordered).value, average_precision(constant).value
    (1.0, 0.5)
    """
    if problem := one_score(projection) or one_class_expected(projection):
        return problem
    rows, positives = projection.rows[::-1], projection.positives[::-1]
    true, reached = np.cumsum(positives), np.cumsum(rows)
    # The outer cell at the top may hold no row; nothing is lost by calling its precision 0.
    reached = np.where(reached > 0, reached, 1.0)
    precision = true / reached
    value = float(positives @ precision / true[-1])
    # A positive more counts at its own cell, and raises the precision of all cells below it.
    below = np.cumsum((positives / reached)[::-1])[::-1]
    gradient = (precision - value + below) / true[-1]
    return projection.expected(value, gradient[::-1])
