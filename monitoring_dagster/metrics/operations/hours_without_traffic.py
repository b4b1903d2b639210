"""Hours in which no request came.

A service that stopped for hours may still look fine by the day.
"""

from __future__ import annotations

from monitoring_dagster.metrics.measurement import Estimate
from monitoring_dagster.profiles.profile import GroupCounts


def hours_without_traffic(counts: GroupCounts, hours: int) -> Estimate:
    """Elapsed hours of the day (`hours` long) without a request, exact.

    >>> import numpy as np
    >>> busy = np.array([1] * 20 + [0] * 5)
    >>> hours_without_traffic(GroupCounts(20, {}, requests=busy), 24).value
    4.0
    """
    silent = int((counts.requests[:hours] == 0).sum())
    return Estimate.exact(float(silent), int(counts.requests.sum()))
