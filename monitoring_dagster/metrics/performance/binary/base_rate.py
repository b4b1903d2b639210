"""Base rate: the share of positive labels, a property of the world and not of the model."""

from __future__ import annotations

from monitoring_dagster.metrics.measurement import Estimate
from monitoring_dagster.metrics.performance.estimates import no_labels, share
from monitoring_dagster.profiles.outcomes import BinaryCounts


def base_rate(counts: BinaryCounts) -> Estimate:
    """Positive labels over labelled rows, in [0, 1], with its Wilson interval.

    Taken from the rows with a decision or from those with a score, whichever are more.

    >>> import numpy as np
    >>> from dataclasses import replace
    >>> counts = replace(BinaryCounts.empty(0), decisions=np.array([[50, 10], [5, 35]]))
    >>> base_rate(counts).value
    0.4
    """
    decided, scored = counts.decisions.sum(axis=1), counts.scores.sum(axis=0)
    by_label = decided if decided.sum() >= scored.sum() else scored
    negatives, positives = by_label.tolist()
    return share(positives, positives + negatives) if positives + negatives else no_labels()
