"""Requests per hour of the day.

Days of 23 and 25 hours are as long as they are.
"""

from __future__ import annotations

from monitoring_dagster.metrics.measurement import Estimate
from monitoring_dagster.profiles.profile import GroupCounts


def throughput_per_hour(counts: GroupCounts, hours: int) -> Estimate:
    """Requests over the day's `hours`, exact.

    >>> import numpy as np
    >>> throughput_per_hour(GroupCounts(46, {}, requests=np.full(25, 46 // 23)), 23).value
    2.1739
    """
    n = int(counts.requests.sum())
    return Estimate.exact(n / hours, n)
