"""Number of requests.

Requests per hour are `throughput_per_hour`.
"""

from __future__ import annotations

from monitoring_dagster.metrics.measurement import Estimate
from monitoring_dagster.profiles.profile import GroupCounts


def requests(counts: GroupCounts) -> Estimate:
    """Requests of the group on the day, exact.

    >>> import numpy as np
    >>> requests(GroupCounts(5, {}, requests=np.array([2, 3, 0]))).value
    5.0
    """
    n = int(counts.requests.sum())
    return Estimate.exact(float(n), n)
