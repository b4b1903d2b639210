"""Calibration intercept: 0 where scores are right on average, above 0 where they are too low."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from monitoring_dagster.metrics.intervals import normal
from monitoring_dagster.metrics.measurement import Estimate
from monitoring_dagster.metrics.performance.binary.logistic import fit, log_odds, unusable
from monitoring_dagster.profiles.outcomes import BinaryCounts

Floats = NDArray[np.float64]


def calibration_intercept(counts: BinaryCounts, scores: Floats) -> Estimate:
    """Intercept a of log odds(label) = a + log odds(score), the slope held at 1.

    Also called calibration in the large. With a free slope the intercept would speak of a score
    of one half, which a model of rare events never gives. `scores`, shape (cells,), stands for
    the rows of each cell, clipped to [1e-6, 1 - 1e-6]; interval from the information matrix.
    Source: Cox 1958, Biometrika 45:562-565; Van Calster et al. 2019, BMC Medicine 17:230.

    >>> import numpy as np
    >>> from dataclasses import replace
    >>> counts = replace(BinaryCounts.empty(3), scores=np.array([[0, 0], [50, 50], [0, 0]]))
    >>> calibration_intercept(counts, np.array([0.1, 0.2, 0.9])).value
    1.386294
    """
    if problem := unusable(counts, scores):
        return problem
    held = counts.scores.any(axis=1)
    table = counts.scores[held].astype(np.float64)
    offset = log_odds(scores[held])
    coefficients, covariance = fit(np.ones((offset.size, 1)), offset, table, np.zeros(1))
    value = float(coefficients[0])
    return Estimate(value, *normal(value, float(covariance[0, 0])), int(table.sum()))
