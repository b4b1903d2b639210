"""NEWEST: on the last days, which look most like tomorrow, the challenger is no worse."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from monitoring_dagster.retraining.gate.checks.comparison import Comparison
from monitoring_dagster.retraining.gate.checks.showing import not_worse
from monitoring_dagster.retraining.gate.decision import Check, CheckKind
from monitoring_dagster.retraining.gate.gained import gained


def judge(comparison: Comparison) -> Iterator[Check]:
    """Passed where the primary metric is surely no worse than the margin allows on those days.

    So few days may not be able to tell; then all days together have to do.
    """
    metric = comparison.primary
    if metric is None:
        return
    newest = comparison.newest()
    found = gained(metric, newest)
    allowance = metric.allowance(comparison.rules.margin, newest.champion, found.champion)
    said = not_worse(CheckKind.NEWEST, found, allowance, is_needed=False)
    yield replace(said, text=f"of the last {comparison.rules.newest_days} days: {said.text}")
