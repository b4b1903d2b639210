"""Share of requests that failed.

What counts as a failure is decided when traffic is counted.
"""

from __future__ import annotations

from monitoring_dagster.metrics.intervals import wilson
from monitoring_dagster.metrics.measurement import Estimate, Reason, Status
from monitoring_dagster.profiles.profile import GroupCounts


def error_rate(counts: GroupCounts) -> Estimate:
    """Failed requests among all requests, from 0 to 1. Interval: Wilson 1927.

    >>> import numpy as np
    >>> e = error_rate(GroupCounts(200, {}, np.array([100, 100]), np.array([1, 3])))
    >>> round(e.value, 3), round(e.ci_low, 3), round(e.ci_high, 3), e.n
    (0.02, 0.008, 0.05, 200)
    """
    n, failed = int(counts.requests.sum()), int(counts.failures.sum())
    if n == 0:
        return Estimate.without(Status.NO_DATA, Reason.NO_ROWS, "there were no requests")
    return Estimate(failed / n, *wilson(failed, n), n)
