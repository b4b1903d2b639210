"""Log loss: the mean surprise at the labels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from monitoring_dagster.metrics.measurement import Estimate, Reason, Status
from monitoring_dagster.metrics.performance.estimates import mean_variance, no_labels, on_log
from monitoring_dagster.profiles.outcomes import MulticlassCounts

Ints = NDArray[np.int64]


def no_scores(counts: MulticlassCounts) -> Estimate:
    """Why no labelled row carries the scores of its classes."""
    labelled = int(counts.confusion.sum())
    if labelled == 0:
        return no_labels()
    return Estimate.without(
        Status.NO_DATA,
        Reason.NO_SCORES,
        f"none of {labelled} labelled rows carries the scores of the classes",
    )


def log_loss(counts: MulticlassCounts) -> Estimate:
    """Mean of -ln p(label) in nats, ≥ 0, with p clipped to [1e-15, 1 - 1e-15].

    The value is exact; the interval (central limit on the log scale) takes its variance from the
    cells of the labels' scores. In the lowest cell the loss has no bound: there the cell's rows
    share what the exact sum leaves over.
    Source: Good 1952, Rational decisions, JRSS B 14:107-114.

    >>> import numpy as np
    >>> from dataclasses import replace
    >>> log_loss(replace(MulticlassCounts.empty(2), scored=4, log_loss=2.0)).value
    0.5
    """
    n = int(counts.scored)
    if n == 0:
        return no_scores(counts)
    of_labels: Ints = counts.scores[:, :, 1].sum(axis=0)
    losses = -np.log((np.arange(of_labels.size) + 0.5) / of_labels.size)
    if of_labels[0]:
        rest = float(counts.log_loss) - float(of_labels[1:] @ losses[1:])
        losses[0] = max(rest / float(of_labels[0]), float(losses[0]))
    variance = mean_variance(float(of_labels @ losses), float(of_labels @ losses**2), n)
    value = float(counts.log_loss) / n
    return Estimate(value, *on_log(value, variance), n)
