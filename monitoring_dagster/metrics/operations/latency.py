"""Latency percentiles, in seconds.

One formula for the three percentiles that people agree on; cells are the grid's.
"""

from __future__ import annotations

import math

import numpy as np

from monitoring_dagster.metrics.groups import no_values, too_few
from monitoring_dagster.metrics.intervals import quantile
from monitoring_dagster.metrics.measurement import Estimate, Reason, Status
from monitoring_dagster.profiles.grid import NumericCells
from monitoring_dagster.profiles.profile import ColumnCounts

MINIMUM_REQUESTS = 30


def latency_p50(cells: NumericCells, counts: ColumnCounts) -> Estimate:
    """Median latency in seconds; see `latency_percentile`.

    >>> cells = NumericCells((0.1, 0.102, 0.104))
    >>> counts = ColumnCounts(np.array([0, 50, 50, 0]), 100, minimum=0.1001, maximum=0.104)
    >>> round(latency_p50(cells, counts).value, 4)
    0.102
    """
    return latency_percentile(cells, counts, 0.50)


def latency_p95(cells: NumericCells, counts: ColumnCounts) -> Estimate:
    """95th percentile of the latency in seconds; see `latency_percentile`.

    >>> cells = NumericCells((0.1, 0.102, 0.104))
    >>> counts = ColumnCounts(np.array([0, 50, 50, 0]), 100, minimum=0.1001, maximum=0.104)
    >>> round(latency_p95(cells, counts).value, 4)
    0.1038
    """
    return latency_percentile(cells, counts, 0.95)


def latency_p99(cells: NumericCells, counts: ColumnCounts) -> Estimate:
    """99th percentile of the latency in seconds; see `latency_percentile`.

    >>> cells = NumericCells((0.1, 0.102, 0.104))
    >>> counts = ColumnCounts(np.array([0, 50, 50, 0]), 100, minimum=0.1001, maximum=0.104)
    >>> latency_p99(cells, counts).ci_high  # the largest of 100 may well be below it
    nan
    """
    return latency_percentile(cells, counts, 0.99)


def latency_percentile(cells: NumericCells, counts: ColumnCounts, share: float) -> Estimate:
    """The latency that `share` of the requests stay below, within the 2 % of a cell's width.

    Interval: binomial order statistics (David and Nagaraja, Order Statistics, section 7.1); NaN
    at the end that so few requests cannot bound. At least 30 requests are required, and as many
    as leave one beyond the percentile on average: 100 for p99.
    """
    n = counts.n
    if n == 0:
        return no_values(counts)
    minimum = max(MINIMUM_REQUESTS, math.ceil(round(1 / (1 - share), 6)))
    if n < minimum:
        return too_few("requests with a latency", n, minimum)
    edges = cells.borders
    value, low, high = quantile(
        counts.cells, edges, share, minimum=counts.minimum, maximum=counts.maximum
    )
    if math.isnan(value):
        return Estimate.without(
            Status.NO_DATA,
            Reason.BEYOND_GRID,
            f"the percentile lies outside {edges[0]:g} to {edges[-1]:g} seconds",
            n,
        )
    low, high = (float(np.clip(x, counts.minimum, counts.maximum)) for x in (low, high))
    return Estimate(float(np.clip(value, counts.minimum, counts.maximum)), low, high, n)
