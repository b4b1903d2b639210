"""The shape of the data: how much there is of it, and what is odd about its values.

How a distribution moved is drift; whether a value may be is data quality.
"""

from monitoring_dagster.metrics.shape.columns import measure
from monitoring_dagster.metrics.shape.registry import REGISTRY
from monitoring_dagster.metrics.shape.snapshots import measure_snapshots

__all__ = ["REGISTRY", "measure", "measure_snapshots"]
