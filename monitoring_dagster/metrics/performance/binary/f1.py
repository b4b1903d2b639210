"""F1: the harmonic mean of precision and recall."""

from __future__ import annotations

from monitoring_dagster.metrics.intervals import wilson
from monitoring_dagster.metrics.measurement import Estimate
from monitoring_dagster.metrics.performance.binary.confusion import (
    Confusion,
    no_decisions,
    one_class_only,
)
from monitoring_dagster.profiles.outcomes import BinaryCounts


def f1(counts: BinaryCounts) -> Estimate:
    """2 TP / (2 TP + FP + FN) in [0, 1].

    F1 = 2 s / (1 + s) for the share s = TP / (TP + FP + FN), which is a plain binomial share
    given its denominator; the interval is that of s (Wilson), carried over. It keeps its level
    at small counts and at 0 and 1, where the delta method degenerates.
    Source: van Rijsbergen, Information Retrieval (1979), chapter 7; interval: Lam, Gopal and
    Qian 2023 (arXiv 2309.14621), the indirect Wilson method.

    >>> import numpy as np
    >>> from dataclasses import replace
    >>> counts = replace(BinaryCounts.empty(0), decisions=np.array([[50, 10], [5, 30]]))
    >>> f1(counts).value
    0.8
    """
    c = Confusion.of(counts)
    if c.n == 0:
        return no_decisions(counts)
    involved = c.n - c.true_negatives
    if involved == 0:
        return one_class_only(c.positives, c.negatives)
    low, high = wilson(c.true_positives, involved)
    return Estimate(
        2 * c.true_positives / (c.true_positives + involved),
        2 * low / (1 + low),
        2 * high / (1 + high),
        c.n,
    )
