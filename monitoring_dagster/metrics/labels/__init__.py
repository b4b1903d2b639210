"""How complete and how late the labels of a day are.

What they say about the predictions is performance.
"""

from monitoring_dagster.metrics.labels.completeness import measure
from monitoring_dagster.metrics.labels.registry import REGISTRY

__all__ = ["REGISTRY", "measure"]
