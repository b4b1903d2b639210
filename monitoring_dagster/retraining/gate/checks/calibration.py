"""CALIBRATION: scores mean no less what they say than the champion's did."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from monitoring_dagster.decisions.wording import number
from monitoring_dagster.monitors.contract import Task
from monitoring_dagster.retraining.gate.checks.comparison import Comparison
from monitoring_dagster.retraining.gate.checks.showing import not_worse
from monitoring_dagster.retraining.gate.decision import Check, CheckKind
from monitoring_dagster.retraining.gate.gained import Gained, gained
from monitoring_dagster.retraining.gate.measures.binary import RELIABILITY
from monitoring_dagster.retraining.gate.measures.metric import Metric


def judge(comparison: Comparison) -> Iterator[Check]:
    """Passed where the measure of the task's calibration is surely no worse than the margin allows.

    Binary: `reliability`; multiclass: `log_loss`; regression: the size of `bias`. Where the rows
    cannot tell, that is not in the way, and more is lost than allowed only where the loss is real:
    1 % of the mean error is less than what chance makes of a bias. Who needs it to be shown names
    a guard.
    """
    metric = _metric(comparison)
    if metric is None:
        return
    paired, margin = comparison.paired, comparison.rules.margin
    found = gained(metric, paired)
    if metric is not RELIABILITY:
        yield _said(found, metric.allowance(margin, paired.champion, found.champion))
        return
    said = _said(found, _of_squares(margin, found.champion))
    yield said if found.lacks else replace(said, text=f"{said.text} ({_points_off(found)})")


def _metric(comparison: Comparison) -> Metric | None:
    if comparison.task is Task.BINARY:
        return RELIABILITY
    return comparison.metric("log_loss" if comparison.task is Task.MULTICLASS else "bias")


def _said(found: Gained, allowance: float) -> Check:
    least = -max(allowance, found.half_width)  # below it the interval excludes zero as well
    return not_worse(CheckKind.CALIBRATION, found, allowance, least=least, is_needed=False)


def _points_off(found: Gained) -> str:
    """The roots of both squares, in points: what people can picture."""
    theirs, ours = (100 * math.sqrt(max(v, 0.0)) for v in (found.champion, found.challenger))
    return f"scores are {number(ours)} points off instead of {number(theirs)}"


def _of_squares(margin: float, champion: float) -> float:
    """What a square may grow by if its root c may grow by the margin m: (c + m)² − c².

    >>> round(_of_squares(0.01, 0.0004), 6)  # 2 points off, and 3 at most
    0.0005
    """
    if math.isnan(champion):
        return margin * margin
    return 2 * margin * math.sqrt(max(champion, 0.0)) + margin * margin
