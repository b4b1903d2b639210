"""Matthews correlation coefficient: the correlation of label and decision."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from monitoring_dagster.metrics.intervals import Interval, delta_variance
from monitoring_dagster.metrics.measurement import Estimate
from monitoring_dagster.metrics.performance.binary.confusion import (
    Confusion,
    no_decisions,
    one_class_only,
)
from monitoring_dagster.metrics.performance.estimates import on_atanh
from monitoring_dagster.profiles.outcomes import BinaryCounts

Floats = NDArray[np.float64]


def mcc(counts: BinaryCounts) -> Estimate:
    """(TP TN − FP FN) / sqrt of the product of the four margins, in [-1, 1].

    Where every decision is the same the value is 0, its limit (Chicco and Jurman 2020, BMC
    Genomics 21:6). The interval is the delta method on Fisher's z (Itaya et al. 2024, arXiv
    2405.12622); where the variance of the table is zero or undefined (a perfect or a constant
    decision) it comes from the table with half a row added to each cell.
    Source: Matthews 1975, BBA Protein Structure 405:442-451.

    >>> import numpy as np
    >>> from dataclasses import replace
    >>> counts = replace(BinaryCounts.empty(0), decisions=np.array([[50, 10], [5, 35]]))
    >>> mcc(counts).value
    0.697518
    """
    c = Confusion.of(counts)
    if c.n == 0:
        return no_decisions(counts)
    if c.positives == 0 or c.negatives == 0:
        return one_class_only(c.positives, c.negatives)
    table = np.array(c, dtype=np.float64)
    if c.predicted_positives in (0, c.n) or c.false_positives + c.false_negatives in (0, c.n):
        value = _mcc(table) if 0 < c.predicted_positives < c.n else 0.0
        low, high = _interval(table + 0.5)
        return Estimate(value, min(low, value), max(high, value), c.n)
    return Estimate(_mcc(table), *_interval(table), c.n)


def _margins(table: Floats) -> tuple[float, float, float, float]:
    tn, fp, fn, tp = table.tolist()
    return tp + fn, tn + fp, tp + fp, tn + fn


def _mcc(table: Floats) -> float:
    tn, fp, fn, tp = table.tolist()
    p, q, r, s = _margins(table)
    return (tp * tn - fp * fn) / math.sqrt(p * q * r * s)


def _interval(table: Floats) -> Interval:
    """The delta method: the gradient of the value by the four shares."""
    n = float(table.sum())
    shares = table / n
    tn, fp, fn, tp = shares.tolist()
    p, q, r, s = _margins(shares)
    root, value = math.sqrt(p * q * r * s), _mcc(table)
    numerator = np.array([tp, -fn, -fp, tn]) / root
    margins = np.array([1 / q + 1 / s, 1 / q + 1 / r, 1 / p + 1 / s, 1 / p + 1 / r])
    return on_atanh(value, delta_variance(numerator - value / 2 * margins, shares, n))
