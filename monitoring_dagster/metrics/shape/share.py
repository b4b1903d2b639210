"""A share of rows or values with its Wilson interval: what most shape metrics are.

Which rows are counted is said by each metric.
"""

from __future__ import annotations

from monitoring_dagster.metrics.groups import no_values
from monitoring_dagster.metrics.intervals import wilson
from monitoring_dagster.metrics.measurement import Estimate
from monitoring_dagster.profiles.profile import ColumnCounts


def share_of_rows(rows: int, counts: ColumnCounts) -> Estimate:
    """`rows` of all rows of the column, nulls included; there is at least one."""
    return Estimate(rows / counts.rows, *wilson(rows, counts.rows), counts.rows)


def share_of_values(values: int, counts: ColumnCounts) -> Estimate:
    """`values` of the values that lie in a cell; without a value, where none does."""
    if counts.n == 0:
        return no_values(counts)
    return Estimate(values / counts.n, *wilson(values, counts.n), counts.n)
