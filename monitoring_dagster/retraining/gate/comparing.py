"""The gate's decision: the checks in their order. Assembled here and nowhere else."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping

from monitoring_dagster.monitors.agreement import Disagreement
from monitoring_dagster.monitors.contract import Monitor, Task
from monitoring_dagster.monitors.problems import shown
from monitoring_dagster.monitors.retraining import GateRules
from monitoring_dagster.retraining.gate.checks import (
    answers,
    calibration,
    flips,
    gaps,
    guard,
    latency,
    newest,
    primary,
    protected,
    segments,
)
from monitoring_dagster.retraining.gate.checks.comparison import Comparison
from monitoring_dagster.retraining.gate.compared import Compared, Segment
from monitoring_dagster.retraining.gate.decision import Check, Decision
from monitoring_dagster.retraining.gate.jackknife import CONFIDENCE
from monitoring_dagster.retraining.gate.measures.registry import REGISTRY

CHECKS: tuple[Callable[[Comparison], Iterator[Check]], ...] = (
    primary.judge,
    answers.judge,
    guard.judge,
    calibration.judge,
    protected.judge,
    gaps.judge,
    segments.judge,
    newest.judge,
    flips.judge,
    latency.judge,
)


def compare(
    rows: Compared,
    rules: GateRules,
    *,
    task: Task,
    segments: Mapping[str, Segment] | None = None,
) -> Decision:
    """Whether the challenger may take the champion's place, with every check.

    Args:
        rows: matured rows that neither model was trained on.
        rules: what the challenger has to show.
        task: of both models.
        segments: the declared ones by name, protected or not.
    """
    comparison = Comparison.of(rows, rules, task, segments or {})
    paired = comparison.paired
    return Decision(
        checks=tuple(check for judge in CHECKS for check in judge(comparison)),
        first_day=str(paired.dates[0]) if paired.rows else "",
        last_day=str(paired.dates[-1]) if paired.rows else "",
        rows=paired.rows,
        confidence=CONFIDENCE,
    )


def can_be_compared(monitor: Monitor) -> Iterator[Disagreement]:
    """Metrics of the gate that the monitor's task does not have: nothing would ever pass."""
    rules, known = monitor.retraining.gate, REGISTRY[monitor.model.task]
    named = [(("retraining", "gate", "primary"), rules.primary)] if rules.primary else []
    named += [(("retraining", "gate", "guards", i), name) for i, name in enumerate(rules.guards)]
    for key, name in named:
        if name not in known:
            close = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.5)
            advice = f"did you mean {close[0]}?" if close else "docs/gate.md lists them"
            yield Disagreement(
                key,
                f"got {shown(name)}, by which the gate cannot compare a {monitor.model.task} "
                f"model; {advice}",
            )
