"""Share of categories that the reference did not have.

What they do to the distribution is a drift measure.
"""

from __future__ import annotations

from dataclasses import replace

from monitoring_dagster.metrics.measurement import Estimate, Status
from monitoring_dagster.metrics.shape.share import share_of_values
from monitoring_dagster.profiles.grid import CategoryCells
from monitoring_dagster.profiles.profile import ColumnCounts

NAMED = 5
"""Unseen values that the detail names."""


def unseen_rate(cells: CategoryCells, counts: ColumnCounts) -> Estimate:
    """Values without a cell of their own among all values, from 0 to 1. Interval: Wilson 1927.

    The detail names the heaviest of them.

    >>> import numpy as np
    >>> from monitoring_dagster.profiles.grid import CategoryCells
    >>> counts = ColumnCounts(np.array([50, 40, 10]), rows=100, unseen={"c": 9, "d": 1})
    >>> e = unseen_rate(CategoryCells(("a", "b")), counts)
    >>> round(e.value, 3), round(e.ci_low, 3), round(e.ci_high, 3), e.n
    (0.1, 0.055, 0.174, 100)
    >>> e.detail
    'c (9), d (1)'
    """
    del cells  # the last cell of any column of categories is the one for unseen values
    estimate = share_of_values(int(counts.cells[-1]), counts)
    heaviest = sorted(counts.unseen.items(), key=lambda item: (-item[1], item[0]))[:NAMED]
    if estimate.status is not Status.OK or not heaviest:
        return estimate
    return replace(estimate, detail=", ".join(f"{value} ({rows})" for value, rows in heaviest))
