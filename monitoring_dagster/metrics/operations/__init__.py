"""How the service ran: traffic, errors and latency of a day.

What was predicted, and how well, is measured elsewhere.
"""

from monitoring_dagster.metrics.operations.registry import REGISTRY
from monitoring_dagster.metrics.operations.service import measure

__all__ = ["REGISTRY", "measure"]
