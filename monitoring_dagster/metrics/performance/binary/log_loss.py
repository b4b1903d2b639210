"""Log loss: the mean surprise at the labels."""

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


def log_loss(counts: BinaryCounts, scores: Floats) -> Estimate:
    """Mean of -ln p(label) in nats, ≥ 0, with p clipped to [1e-15, 1 - 1e-15].

    The value is exact; the interval (central limit on the log scale) takes its variance from the
    cells, where `scores`, shape (cells,), stands for the rows of each; where too many scores lie
    beyond the cells there is none.
    Source: Good 1952, Rational decisions, JRSS B 14:107-114.

    >>> import numpy as np
    >>> from dataclasses import replace
    >>> counts = replace(BinaryCounts.empty(2), scores=np.array([[8, 2], [2, 8]]), log_loss=10.008)
    >>> log_loss(counts, np.array([0.2, 0.8])).value
    0.5004
    """
    n = int(counts.scores.sum())
    if n == 0:
        return no_scores(counts)
    if problem := not_probabilities(scores):
        return problem
    clipped = np.clip(scores, 1e-15, 1 - 1e-15)
    losses = -np.log(np.stack([1 - clipped, clipped], axis=1))
    weighted = counts.scores * losses
    variance = mean_variance(float(weighted.sum()), float((weighted * losses).sum()), n)
    value = float(counts.log_loss) / n
    interval = on_log(value, variance) if blurred(counts.scores) is None else NOWHERE
    return Estimate(value, *interval, n)
