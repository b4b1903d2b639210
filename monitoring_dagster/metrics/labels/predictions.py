"""Number of predictions that await a label.

How many have one is `labelled`.
"""

from __future__ import annotations

from monitoring_dagster.metrics.measurement import Estimate
from monitoring_dagster.profiles.outcomes import LabelCounts


def predictions(counts: LabelCounts) -> Estimate:
    """Predictions of the group on the day, exact.

    >>> import numpy as np
    >>> predictions(LabelCounts(905, 800, np.zeros(3, dtype=int))).value
    905.0
    """
    return Estimate.exact(float(counts.predictions), counts.predictions)
