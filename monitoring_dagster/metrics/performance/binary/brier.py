"""Brier score: the mean squared distance of score and label."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from monitoring_dagster.metrics.measurement import Estimate
from monitoring_dagster.metrics.performance.binary.score_cells import (
    blurred,
    no_scores,
    not_probabilities,
)
from monitoring_dagster.metrics.performance.estimates import NOWHERE, mean_variance, on_log
from monitoring_dagster.profiles.outcomes import BinaryCounts

Floats = NDArray[np.float64]


def brier(counts: BinaryCounts, scores: Floats) -> Estimate:
    """Mean of (score - label)² in [0, 1].

    The value is exact; the interval (central limit on the log scale) takes its variance from the
    cells, where `scores`, shape (cells,), stands for the rows of each; where too many scores lie
    beyond the cells there is none.
    Source: Brier 1950, Monthly Weather Review 78:1-3, for two classes counted once.

    >>> import numpy as np
    >>> from dataclasses import replace
    >>> table = np.array([[8, 2], [2, 8]])
    >>> counts = replace(BinaryCounts.empty(2), scores=table, squared_error=3.2)
    >>> brier(counts, np.array([0.2, 0.8])).value
    0.16
    """
    n = int(counts.scores.sum())
    if n == 0:
        return no_scores(counts)
    if problem := not_probabilities(scores):
        return problem
    errors = np.stack([scores, 1 - scores], axis=1) ** 2
    weighted = counts.scores * errors
    variance = mean_variance(float(weighted.sum()), float((weighted * errors).sum()), n)
    value = float(counts.squared_error) / n
    interval = on_log(value, variance) if blurred(counts.scores) is None else NOWHERE
    return Estimate(value, *interval, n)
