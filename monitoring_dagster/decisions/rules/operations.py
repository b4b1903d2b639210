"""Operations: how much traffic there was, how fast it was answered, and how often in vain.

A change warns; what has been promised is an objective, and pages as that.
"""

from __future__ import annotations

from collections.abc import Sequence

from monitoring_dagster.decisions.rules.findings import verdict
from monitoring_dagster.decisions.series import Finding
from monitoring_dagster.decisions.verdict import Verdict
from monitoring_dagster.decisions.wording import number, size


def judge(findings: Sequence[Finding]) -> list[Verdict]:
    """A verdict for each of the service's series."""
    return [verdict(finding, changed(finding)) for finding in findings]


def changed(finding: Finding) -> str:
    """What a scalar is, what it was expected to be, and how far it may stray."""
    watched, against = finding.watched, finding.against
    value = watched.measurement.estimate.value
    if against is None:
        return watched.subject.metric
    noise = size(finding.smallest_effect, watched.unit)
    return (
        f"{watched.subject.metric} is {number(value)}, expected {number(against.expected)} "
        f"(a change of {size(abs(finding.effect), watched.unit)}, noise {noise})"
    )
