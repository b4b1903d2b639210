"""The monitored model itself, for what its telemetry cannot tell: what it makes of other inputs.

Models are fetched from the MLflow registry and read without running code of theirs. What is
asked of them belongs to later rooms.
"""

from monitoring_dagster.models.loading import load
from monitoring_dagster.models.model import Model
from monitoring_dagster.models.serving import model_of

__all__ = ["Model", "load", "model_of"]
