"""quality_passed_share: the share of one snapshot's expectations that hold.

How badly one is broken is `unexpected_rate`.
"""

from __future__ import annotations

from collections.abc import Sequence

from monitoring_dagster.metrics.measurement import Estimate, Reason, Status
from monitoring_dagster.telemetry.quality.report import SNAPSHOT, CheckOutcome


def passed_share(outcomes: Sequence[CheckOutcome]) -> Estimate:
    """Passed expectations over those that were evaluated, in [0, 1]; `n` counts the latter.

    An expectation that could not be evaluated has not passed. Without a snapshot there is no
    value, and the snapshot's own reason.
    """
    for outcome in outcomes:
        if outcome.expect == SNAPSHOT and outcome.result != "passed":
            return Estimate.without(Status.NO_DATA, _reason(outcome.observed), outcome.detail)
    ran = [o for o in outcomes if o.result != "not_run"]
    return Estimate.exact(sum(o.result == "passed" for o in ran) / len(ran), len(ran))


def _reason(code: str) -> Reason:
    return Reason(code) if code in set(Reason) else Reason.NO_SNAPSHOT
