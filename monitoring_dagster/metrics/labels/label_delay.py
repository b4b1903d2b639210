"""How long labels take, in hours after their prediction.

One formula for the median and the 90th percentile.
"""

from __future__ import annotations

import math

import numpy as np

from monitoring_dagster.metrics.groups import too_few
from monitoring_dagster.metrics.intervals import quantile
from monitoring_dagster.metrics.measurement import Estimate, Reason, Status
from monitoring_dagster.profiles.outcomes import LabelCounts

MINIMUM_LABELS = 30


def label_delay_p50(counts: LabelCounts) -> Estimate:
    """Median delay in hours; see `label_delay`.

    >>> hours = np.zeros(100, dtype=int)
    >>> hours[24:26] = 50
    >>> round(label_delay_p50(LabelCounts(200, 100, hours)).value, 2)
    25.0
    """
    return label_delay(counts, 0.5)


def label_delay_p90(counts: LabelCounts) -> Estimate:
    """90th percentile of the delay in hours; see `label_delay`.

    >>> hours = np.zeros(100, dtype=int)
    >>> hours[24:26] = 50
    >>> round(label_delay_p90(LabelCounts(200, 100, hours)).value, 1)
    25.8
    """
    return label_delay(counts, 0.9)


def label_delay(counts: LabelCounts, share: float) -> Estimate:
    """Hours within which `share` of the labels that are known came; of the others it knows nothing.

    So it grows until the day is mature. Interval: binomial order statistics (David and Nagaraja,
    Order Statistics, section 7.1). Without a value beyond the longest delay that is counted.
    """
    n = int(counts.delays.sum())
    if n == 0:
        return Estimate.without(
            Status.NO_DATA, Reason.NO_LABELS, "no label with a time of arrival is known"
        )
    if n < MINIMUM_LABELS:
        return too_few("labels with a time of arrival", n, MINIMUM_LABELS)
    longest = counts.delays.size - 1
    value, low, high = quantile(
        np.concatenate([[0], counts.delays]), np.arange(longest + 1, dtype=np.float64), share
    )
    if math.isnan(value):
        return Estimate.without(
            Status.NO_DATA, Reason.BEYOND_GRID, f"it is longer than {longest} hours", n
        )
    return Estimate(value, low, high, n)
