"""Cost: what the decisions of a day cost on average, by the monitor's declared costs."""

from __future__ import annotations

import numpy as np

from monitoring_dagster.metrics.intervals import delta_variance, normal
from monitoring_dagster.metrics.measurement import Estimate
from monitoring_dagster.metrics.performance.binary.confusion import Confusion, no_decisions
from monitoring_dagster.monitors.contract import Costs
from monitoring_dagster.profiles.outcomes import BinaryCounts


def cost(counts: BinaryCounts, costs: Costs) -> Estimate:
    """Mean cost of a decision, in the unit of `costs`, with its normal interval.

    Source: Elkan, The foundations of cost-sensitive learning (IJCAI 2001), section 1; the
    variance is that of a mean over multinomial counts.

    >>> from dataclasses import replace
    >>> counts = replace(BinaryCounts.empty(0), decisions=np.array([[50, 10], [5, 35]]))
    >>> cost(counts, Costs(false_positives=2.0, false_negatives=8.0)).value
    0.6
    """
    c = Confusion.of(counts)
    if not c.n:
        return no_decisions(counts)
    made = np.array([c.true_positives, c.false_positives, c.true_negatives, c.false_negatives])
    each = np.array(
        [
            costs.true_positives,
            costs.false_positives,
            costs.true_negatives,
            costs.false_negatives,
        ]
    )
    shares = made / c.n
    value = float((each * shares).sum())
    low, high = normal(value, delta_variance(each, shares, c.n))
    return Estimate(value, low, high, int(c.n))
