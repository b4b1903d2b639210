"""R²: the share of the target's variance that the predictions explain."""

from __future__ import annotations

import math

from monitoring_dagster.metrics.intervals import Interval, Z
from monitoring_dagster.metrics.measurement import Estimate, Reason, Status
from monitoring_dagster.metrics.performance.estimates import no_labels
from monitoring_dagster.profiles.outcomes import RegressionCounts


def r2(counts: RegressionCounts) -> Estimate:
    """1 − Σ error² / Σ (target − mean target)², at most 1; below 0 where the mean does better.

    `constant_target` where the target does not vary. The interval is the delta method on
    ln(1 − R²) = ln(mean error²) − ln(variance of the target). The sums hold the fourth moment of
    the error and not that of the target, nor how both move together: the target is taken as
    normal, and the error as uncorrelated with the prediction (with the target where R² is
    negative). For normal errors this is Olkin and Finn's variance 4 R² (1 − R²)² / n.
    Source: Olkin and Finn 1995, Psychological Bulletin 118:155-164.

    >>> from dataclasses import replace
    >>> counts = replace(
    ...     RegressionCounts.empty(0, 0), n=100, squared_error=25.0, fourth_error=18.75,
    ...     squared_target=100.0)
    >>> r2(counts).value
    0.75
    """
    n = int(counts.n)
    if n == 0:
        return no_labels()
    total, squares = float(counts.target), float(counts.squared_target)
    spread = squares - total * total / n
    # What rounding leaves of the sums of a constant is not a variance.
    if spread <= 1e-12 * squares:
        return Estimate.without(
            Status.NOT_ENOUGH_DATA,
            Reason.CONSTANT_TARGET,
            f"the target of all {n} labelled rows is the same",
            n,
        )
    unexplained = float(counts.squared_error) / spread
    return Estimate(1 - unexplained, *_interval(unexplained, counts), n)


def _interval(unexplained: float, counts: RegressionCounts) -> Interval:
    if unexplained == 0:
        return Interval(1.0, 1.0)
    n = int(counts.n)
    # Variance of ln(mean error²) and of ln(variance) of a normal target, both times n.
    of_errors = max(n * float(counts.fourth_error) / float(counts.squared_error) ** 2 - 1, 0.0)
    of_targets = 2.0
    # At R² near 0 the two would cancel to an interval of no width; the model is not that sure.
    together = min(unexplained, 1 / unexplained, 0.9) * 2 * math.sqrt(of_errors * of_targets)
    reach = Z * math.sqrt((of_errors + of_targets - together) / n)
    return Interval(
        1 - unexplained * math.exp(min(reach, 300.0)), 1 - unexplained * math.exp(-reach)
    )
