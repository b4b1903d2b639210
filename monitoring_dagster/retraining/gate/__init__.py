"""The gate: whether a challenger may take the champion's place, decided on the same unseen rows.

Pure: scores, labels and days in, a decision with its table out. Who computes the scores and who
acts on the decision is `running`.
"""

from monitoring_dagster.retraining.gate.compared import Compared, Segment, Side, encoded
from monitoring_dagster.retraining.gate.comparing import can_be_compared, compare

__all__ = ["Compared", "Segment", "Side", "can_be_compared", "compare", "encoded"]
