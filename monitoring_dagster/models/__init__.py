"""The monitored model itself: what it makes of rows, whatever library or service it lives in.

Models are read as data and never run code of theirs in this process. What is asked of them
belongs to later rooms.
"""

from monitoring_dagster.models.allowed import Allowed
from monitoring_dagster.models.endpoint import Scoring
from monitoring_dagster.models.loading import load
from monitoring_dagster.models.model import Model
from monitoring_dagster.models.serving import model_of, version_of

__all__ = ["Allowed", "Model", "Scoring", "load", "model_of", "version_of"]
