"""quality_unexpected_rate: the share of a column's rows that break its worst expectation.

How many expectations hold is `passed_share`.
"""

from __future__ import annotations

from collections.abc import Sequence

from monitoring_dagster.metrics.intervals import wilson
from monitoring_dagster.metrics.measurement import Estimate, Reason, Status
from monitoring_dagster.telemetry.quality.report import PRESENT, CheckOutcome


def unexpected_rate(outcomes: Sequence[CheckOutcome]) -> Estimate:
    """The largest share of compared rows that do not comply, with Wilson's interval.

    Args:
        outcomes: Of one column, at least one.
    """
    for outcome in outcomes:
        if outcome.expect == PRESENT and outcome.result == "failed":
            is_missing = outcome.observed == "missing"
            reason = Reason.COLUMN_MISSING if is_missing else Reason.COLUMN_UNREADABLE
            return Estimate.without(Status.NO_DATA, reason, outcome.detail)
    rates = [
        (o.unexpected_rows / o.rows, o.unexpected_rows, o)
        for o in outcomes
        if o.unexpected_rows is not None and o.rows > 0
    ]
    if rates:
        rate, unexpected, worst = max(rates, key=lambda found: found[:2])
        interval = wilson(unexpected, worst.rows)
        return Estimate(
            rate, interval.low, interval.high, worst.rows, detail=worst.detail if unexpected else ""
        )
    errored = [o for o in outcomes if o.result == "errored"]
    if errored:
        return Estimate.without(Status.ERROR, Reason.METRIC_FAILED, errored[0].observed)
    return Estimate.without(Status.NO_DATA, Reason.NO_ROWS, outcomes[0].observed)
