"""Number of rows.

What was refused or dropped before is `snapshots`.
"""

from __future__ import annotations

from monitoring_dagster.metrics.measurement import Estimate
from monitoring_dagster.profiles.profile import GroupCounts


def rows(counts: GroupCounts | None) -> Estimate:
    """Rows of the group: 0 for a group that nothing was counted of, exact.

    >>> rows(GroupCounts(rows=905, columns={})).value, rows(None).value
    (905.0, 0.0)
    """
    n = counts.rows if counts else 0
    return Estimate.exact(float(n), n)
