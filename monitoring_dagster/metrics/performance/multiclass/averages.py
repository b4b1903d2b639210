"""Averages of per-class shares, macro and weighted, with their delta-method intervals.

Precision, recall and F1 of a class are all hits × factor over a sum of margins, so one gradient
serves them.
"""

from __future__ import annotations

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from monitoring_dagster.metrics.intervals import wilson
from monitoring_dagster.metrics.measurement import Estimate
from monitoring_dagster.metrics.performance.estimates import on_logit
from monitoring_dagster.metrics.performance.multiclass.classes import ByClass
from monitoring_dagster.profiles.outcomes import MulticlassCounts

Floats = NDArray[np.float64]


class Average(StrEnum):
    """How classes are weighed: all alike, or by their labels."""

    MACRO = "macro"
    WEIGHTED = "weighted"


def averaged(
    counts: MulticlassCounts, average: Average, *, by_label: bool, by_prediction: bool
) -> Estimate:
    """Average over classes of hits over labels (recall), predictions (precision) or both (F1).

    Every class that weighs anything must have a non-zero denominator. The interval is the delta
    method on the multinomial table, on the log-odds scale (Takahashi et al. 2022, Applied
    Intelligence 52:4961-4972, there without that scale); where every share is 0 or every
    share is 1 it is Wilson's for the hits.
    """
    rows = ByClass.of(counts)
    n, hits = int(rows.labelled.sum()), int(rows.hits.sum())
    margins = by_label * rows.labelled + by_prediction * rows.predicted
    factor = float(by_label + by_prediction)
    inverse = np.divide(1.0, margins, out=np.zeros_like(margins), where=margins > 0)
    shares = np.divide(factor * rows.hits, margins, out=np.zeros_like(margins), where=margins > 0)
    k = rows.hits.size
    weights = rows.labelled / n if average is Average.WEIGHTED else np.full(k, 1 / k)
    value = float(weights @ shares)
    if hits == 0:
        return Estimate(0.0, *wilson(0, n), n)
    if bool((shares[weights > 0] == 1).all()):
        return Estimate(1.0, *wilson(hits, hits), n)
    # d(share of class c) / d(count[label, prediction]) is factor / margin for a hit, minus
    # share / margin for every count that the class's margin holds.
    fall = weights * shares * inverse
    gradient = np.diag(factor * weights * inverse)
    gradient -= by_label * fall[:, None] + by_prediction * fall[None, :]
    if average is Average.WEIGHTED:
        gradient += ((shares - value) / n)[:, None]
    variance = float((counts.confusion * gradient**2).sum())
    return Estimate(value, *on_logit(value, variance), n)
