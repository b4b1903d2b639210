"""The catalogue of shape metrics of a column, by the kind of its cells.

What a metric computes is in the file of its name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from monitoring_dagster.metrics.measurement import Estimate
from monitoring_dagster.metrics.shape.above_range_rate import above_range_rate
from monitoring_dagster.metrics.shape.below_range_rate import below_range_rate
from monitoring_dagster.metrics.shape.distinct_cells import distinct_cells
from monitoring_dagster.metrics.shape.infinity_rate import infinity_rate
from monitoring_dagster.metrics.shape.is_constant import is_constant
from monitoring_dagster.metrics.shape.nan_rate import nan_rate
from monitoring_dagster.metrics.shape.null_rate import null_rate
from monitoring_dagster.metrics.shape.unseen_rate import unseen_rate
from monitoring_dagster.profiles.profile import ColumnCounts

# The first argument is the kind of cells that the table's name says.
Metric = Callable[[Any, ColumnCounts], Estimate]

NUMERIC: Mapping[str, Metric] = {
    "null_rate": null_rate,
    "nan_rate": nan_rate,
    "infinity_rate": infinity_rate,
    "below_range_rate": below_range_rate,
    "above_range_rate": above_range_rate,
    "distinct_cells": distinct_cells,
    "is_constant": is_constant,
}

CATEGORICAL: Mapping[str, Metric] = {
    "null_rate": null_rate,
    "unseen_rate": unseen_rate,
    "distinct_cells": distinct_cells,
    "is_constant": is_constant,
}

REGISTRY: Mapping[str, Metric] = {**NUMERIC, **CATEGORICAL}
