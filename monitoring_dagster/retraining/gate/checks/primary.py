"""PRIMARY: the challenger is surely better by the metric that counts (superiority)."""

from __future__ import annotations

from collections.abc import Iterator

from monitoring_dagster.decisions.wording import number
from monitoring_dagster.retraining.gate import wording
from monitoring_dagster.retraining.gate.checks.comparison import Comparison
from monitoring_dagster.retraining.gate.checks.showing import check, undecided, unknown_metric
from monitoring_dagster.retraining.gate.decision import Check, CheckKind, Outcome
from monitoring_dagster.retraining.gate.gained import gained


def judge(comparison: Comparison) -> Iterator[Check]:
    """Passed where the lower end of the gain's interval exceeds `better_by`."""
    metric, paired = comparison.primary, comparison.paired
    if metric is None:
        yield unknown_metric(
            CheckKind.PRIMARY,
            comparison.primary_name,
            comparison.task,
            paired.rows,
            len(paired.dates),
        )
        return
    found = gained(metric, paired)
    if found.lacks:
        yield undecided(CheckKind.PRIMARY, found)
        return
    required = metric.allowance(comparison.rules.better_by, paired.champion, found.champion)
    asked = f", {number(required)} required" if required > 0 else ""
    if found.low > required:
        outcome, reached = Outcome.PASSED, wording.at_least(found.low)
    else:
        outcome, reached = Outcome.FAILED, f"not surely better: {wording.between(found)}"
    text = f"{wording.compared(found, 'all')}, {reached}{asked}"
    yield check(CheckKind.PRIMARY, found, outcome, text, required=required)
