"""The answer of measures in units of the reference's spread when the reference has none.

The measures of shares and of distribution functions are defined for a constant reference, too.
"""

from __future__ import annotations

from monitoring_dagster.metrics.drift.comparison import Comparison
from monitoring_dagster.metrics.measurement import Estimate, Reason, Status


def without_scale(comparison: Comparison) -> Estimate:
    """No value: a change cannot be stated in standard deviations of 0."""
    return Estimate.without(
        Status.NO_DATA,
        Reason.CONSTANT_REFERENCE,
        f"every reference value is {comparison.reference.minimum:g}, so there is no standard "
        "deviation to measure in; kolmogorov_smirnov and psi tell any departure from it",
        comparison.n,
    )
