"""Accuracy: the share of rows whose class was predicted."""

from __future__ import annotations

from monitoring_dagster.metrics.measurement import Estimate
from monitoring_dagster.metrics.performance.estimates import no_labels, share
from monitoring_dagster.profiles.outcomes import MulticlassCounts


def accuracy(counts: MulticlassCounts) -> Estimate:
    """Hits over labelled rows in [0, 1], with its Wilson interval.

    Source: ISO/IEC TS 4213:2022, section 6.

    >>> import numpy as np
    >>> from dataclasses import replace
    >>> table = np.array([[8, 1, 1], [0, 5, 5], [0, 0, 10]])
    >>> accuracy(replace(MulticlassCounts.empty(3), confusion=table)).value
    0.766667
    """
    n = int(counts.confusion.sum())
    return share(int(counts.confusion.trace()), n) if n else no_labels()
