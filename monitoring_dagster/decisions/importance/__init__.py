"""Which columns matter to the model: what a drift of each would do to its answers.

Learnt once per reference, from its rows and the model itself where it may be read. Impact is
drift times importance; which drift is worth a warning is decided elsewhere.
"""

# Arrow has no stubs: what comes from it has no type that a strict check could know.
# pyright: standard

from monitoring_dagster.decisions.importance.learning import learn
from monitoring_dagster.decisions.importance.mutual_information import mutual_information
from monitoring_dagster.decisions.importance.permutation import permutation
from monitoring_dagster.decisions.importance.prediction_change import (
    PredictionChange,
    prediction_change,
)
from monitoring_dagster.decisions.importance.ranking import Importance

__all__ = [
    "Importance",
    "PredictionChange",
    "learn",
    "mutual_information",
    "permutation",
    "prediction_change",
]
