"""Number of predictions that have a label.

Their share is `label_coverage`.
"""

from __future__ import annotations

from monitoring_dagster.metrics.measurement import Estimate
from monitoring_dagster.profiles.outcomes import LabelCounts


def labelled(counts: LabelCounts) -> Estimate:
    """Predictions of the day that have a label by now, exact.

    >>> import numpy as np
    >>> labelled(LabelCounts(905, 800, np.zeros(3, dtype=int))).value
    800.0
    """
    return Estimate.exact(float(counts.labelled), counts.predictions)
