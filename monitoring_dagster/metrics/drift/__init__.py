"""How far a day lies from the reference: one measure per file, all of them from counts.

Whether a distance is more than noise is not decided here.
"""

from monitoring_dagster.metrics.drift.columns import measure
from monitoring_dagster.metrics.drift.registry import CATEGORICAL, NUMERIC, REGISTRY

__all__ = ["CATEGORICAL", "NUMERIC", "REGISTRY", "measure"]
