"""Calibration slope: 1 where scores spread as they should, below 1 where they are too extreme."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from monitoring_dagster.metrics.intervals import normal
from monitoring_dagster.metrics.measurement import Estimate, Reason, Status
from monitoring_dagster.metrics.performance.binary.logistic import fit, log_odds, unusable
from monitoring_dagster.profiles.outcomes import BinaryCounts

Floats = NDArray[np.float64]


def calibration_slope(counts: BinaryCounts, scores: Floats) -> Estimate:
    """Slope b of the logistic regression log odds(label) = a + b × log odds(score).

    `scores`, shape (cells,), stands for the rows of each cell, clipped to [1e-6, 1 - 1e-6]. The
    interval is from the information matrix. Without overlap of the two classes no finite slope
    is the likeliest: `separated_classes`.
    Source: Cox 1958, Biometrika 45:562-565; Van Calster et al. 2019, BMC Medicine 17:230.

    >>> import numpy as np
    >>> from dataclasses import replace
    >>> table = np.array([[0, 0], [80, 20], [20, 80], [0, 0]])
    >>> counts = replace(BinaryCounts.empty(4), scores=table)
    >>> calibration_slope(counts, np.array([0.1, 0.2, 0.8, 0.9])).value
    1.0
    """
    if problem := unusable(counts, scores):
        return problem
    table, odds = counts.scores, log_odds(scores)
    n = int(table.sum())
    held = table.any(axis=1)
    if np.ptp(odds[held]) == 0:
        return Estimate.without(
            Status.NOT_ENOUGH_DATA,
            Reason.CONSTANT_SCORE,
            f"all scores of {n} labelled rows lie in one cell",
            n,
        )
    of_negative, of_positive = odds[table[:, 0] > 0], odds[table[:, 1] > 0]
    if of_negative.max() <= of_positive.min() or of_positive.max() <= of_negative.min():
        return Estimate.without(
            Status.NOT_ENOUGH_DATA,
            Reason.SEPARATED_CLASSES,
            "the scores of the two classes do not overlap, so that no finite slope fits them",
            n,
        )
    x = odds[held]
    design = np.stack([np.ones_like(x), x], axis=1)
    coefficients, covariance = fit(
        design, np.zeros_like(x), table[held].astype(np.float64), np.array([0.0, 1.0])
    )
    value = float(coefficients[1])
    return Estimate(value, *normal(value, float(covariance[1, 1])), n)
