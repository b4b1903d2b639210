"""Performance without labels: what an estimate is good for, and what it is not.

An estimate warns. It pages only where no label has come yet and its whole band lies beyond an
objective, and it never closes anything: it cannot see that the relation between inputs and
outcome has changed, and says so.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from monitoring_dagster.decisions.measured import Measured
from monitoring_dagster.decisions.rules.findings import verdict
from monitoring_dagster.decisions.rules.operations import changed
from monitoring_dagster.decisions.series import Finding
from monitoring_dagster.decisions.slo import State
from monitoring_dagster.decisions.slo import judge as judge_day
from monitoring_dagster.decisions.verdict import Level, Reason, Verdict
from monitoring_dagster.decisions.wording import number
from monitoring_dagster.metrics.estimated import PLAIN
from monitoring_dagster.metrics.measurement import Measurement, Status
from monitoring_dagster.monitors.contract import Monitor, Slo
from monitoring_dagster.profiles.profile import ALL

BLIND = "an estimate cannot see whether outcomes now follow other rules"


def judge(monitor: Monitor, findings: Sequence[Finding], measured: Measured) -> list[Verdict]:
    """A verdict for each estimate, with what has become known of the truth."""
    return [_verdict(monitor, finding, measured) for finding in findings]


def _verdict(monitor: Monitor, finding: Finding, measured: Measured) -> Verdict:
    metric = finding.watched.measurement.metric
    found = verdict(finding, changed(finding))
    truth = measured.get(metric)
    is_known = (
        truth is not None and truth.estimate.status is Status.OK and truth.maturity != "provisional"
    )
    if truth is not None and is_known:
        told = f"{found.text}; labels have come since: it was {number(truth.estimate.value)}"
        realised = {**found.details, "realised": truth.estimate.value}
        return replace(found, text=told, details=realised)
    for slo in monitor.slos:
        plain = measured.get(f"{PLAIN}{metric}")
        if _is_missed(slo, finding.watched.measurement, metric) and (
            # Where inputs and outcomes shift together, the adapted form is the worse one.
            plain is None or _is_missed(slo, plain, metric)
        ):
            bound = slo.at_least if slo.at_least is not None else slo.at_most
            low, high = (number(v) for v in (found.ci_low, found.ci_high))
            return replace(
                found,
                level=Level.CRITICAL,
                reason=Reason.BEYOND_OBJECTIVE,
                text=f"{found.text}; its band {low} to {high} lies beyond the objective "
                f"{slo.name} ({number(bound)}), and no labels are final; {BLIND}",
            )
    return replace(found, text=f"{found.text}; {BLIND}") if found.is_alert else found


def _is_missed(slo: Slo, measurement: Measurement, metric: str) -> bool:
    estimate = measurement.estimate
    return (
        slo.metric == metric
        and slo.column is None
        and slo.segment in (None, ALL)
        and not math.isnan(estimate.ci_low + estimate.ci_high)
        and judge_day(slo, measurement).state is State.BAD
    )
