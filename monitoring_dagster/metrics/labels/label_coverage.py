"""Share of predictions that have a label.

Whether more are to be expected is the measurement's maturity.
"""

from __future__ import annotations

from monitoring_dagster.metrics.intervals import wilson
from monitoring_dagster.metrics.measurement import Estimate, Reason, Status
from monitoring_dagster.profiles.outcomes import LabelCounts


def label_coverage(counts: LabelCounts) -> Estimate:
    """Labelled predictions among all of the day, from 0 to 1. Interval: Wilson 1927.

    >>> import numpy as np
    >>> e = label_coverage(LabelCounts(1_000, 900, np.zeros(3, dtype=int)))
    >>> round(e.value, 3), round(e.ci_low, 3), round(e.ci_high, 3), e.n
    (0.9, 0.88, 0.917, 1000)
    """
    if counts.predictions == 0:
        return Estimate.without(Status.NO_DATA, Reason.NO_ROWS, "no predictions were made")
    interval = wilson(counts.labelled, counts.predictions)
    return Estimate(counts.labelled / counts.predictions, *interval, counts.predictions)
