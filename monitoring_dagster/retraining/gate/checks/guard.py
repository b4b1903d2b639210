"""GUARD: metrics that the document names must not become worse (non-inferiority)."""

from __future__ import annotations

from collections.abc import Iterator

from monitoring_dagster.retraining.gate.checks.comparison import Comparison
from monitoring_dagster.retraining.gate.checks.showing import not_worse, unknown_metric
from monitoring_dagster.retraining.gate.decision import Check, CheckKind
from monitoring_dagster.retraining.gate.gained import gained


def judge(comparison: Comparison) -> Iterator[Check]:
    """Passed where the lower end of the gain's interval is above what the margin allows to lose."""
    paired = comparison.paired
    for name in dict.fromkeys(comparison.rules.guards):
        metric = comparison.metric(name)
        if metric is None:
            task, days = comparison.task, len(paired.dates)
            yield unknown_metric(CheckKind.GUARD, name, task, paired.rows, days)
            continue
        found = gained(metric, paired)
        allowance = metric.allowance(comparison.rules.margin, paired.champion, found.champion)
        yield not_worse(CheckKind.GUARD, found, allowance)
