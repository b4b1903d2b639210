"""Zero targets: the rows that a relative error cannot use."""

from __future__ import annotations

from monitoring_dagster.metrics.measurement import Estimate
from monitoring_dagster.metrics.performance.estimates import no_labels
from monitoring_dagster.profiles.outcomes import RegressionCounts


def zero_targets(counts: RegressionCounts) -> Estimate:
    """Labelled rows whose target is 0, left out of `mape`.

    >>> from dataclasses import replace
    >>> zero_targets(replace(RegressionCounts.empty(0, 0), n=5, zero_targets=1)).value
    1.0
    """
    n = int(counts.n)
    return Estimate.exact(float(counts.zero_targets), n) if n else no_labels()
