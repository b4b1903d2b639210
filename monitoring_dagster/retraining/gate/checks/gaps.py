"""PROTECTED, between groups: the gap from the best-served group to the worst does not widen."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from monitoring_dagster.monitors.contract import Task
from monitoring_dagster.retraining.gate import wording
from monitoring_dagster.retraining.gate.checks.comparison import Comparison
from monitoring_dagster.retraining.gate.checks.showing import check, undecided
from monitoring_dagster.retraining.gate.compared import Floats
from monitoring_dagster.retraining.gate.decision import Check, CheckKind, Outcome
from monitoring_dagster.retraining.gate.gained import Gained, between
from monitoring_dagster.retraining.gate.measures.binary import SELECTION_RATE
from monitoring_dagster.retraining.gate.measures.metric import Metric
from monitoring_dagster.retraining.gate.paired import Answers, Paired


def judge(comparison: Comparison) -> Iterator[Check]:
    """Failed where a gap among the groups of one cut is surely wider, and by more than the margin.

    Gaps are largest less smallest value: of the primary metric, and for a binary model of the
    share of positive decisions (demographic parity difference) and of the share of positives that
    are found (equal opportunity difference). Among small groups they move by chance alone: that
    each group is no worse has to be shown (`protected`), so here a widening has to be real.
    Sources: Hardt, Price and Srebro 2016, NeurIPS; Dwork et al. 2012, ITCS.
    """
    cuts: dict[str, list[Paired]] = {}
    for segment in comparison.segments.values():
        if segment.is_protected:
            cuts.setdefault(segment.cut, []).append(comparison.paired.of(segment.members))
    for cut, groups in cuts.items():
        for name, metric in _metrics(comparison).items():
            yield _gap(comparison, cut or "protected groups", groups, name, metric)


def _metrics(comparison: Comparison) -> dict[str, Metric]:
    primary = comparison.primary
    found = {} if primary is None else {f"{primary.name}_gap": primary}
    recall = comparison.metric("recall")
    if comparison.task is Task.BINARY and recall is not None:
        found["demographic_parity_difference"] = SELECTION_RATE
        found["equal_opportunity_difference"] = recall
    return found


def _gap(
    comparison: Comparison, cut: str, groups: list[Paired], name: str, metric: Metric
) -> Check:
    told = [g for g in groups if not metric.lacks(g.champion) and not metric.lacks(g.challenger)]
    has_rows = np.any([g.has_rows for g in told], axis=0) if told else np.zeros(0, dtype=np.bool_)
    rows = sum(group.rows for group in told)
    if len(told) < 2:
        lacks = f"{len(told)} of {len(groups)} groups can be measured, 2 are needed"
        found = Gained.without(name, rows, int(has_rows.sum()), lacks)
        return undecided(CheckKind.PROTECTED, found, segment=cut, is_needed=False)
    sides = [[g.champion for g in told], [g.challenger for g in told]]
    champion, challenger = (_spread(metric, side) for side in sides)
    found = between(name, champion, challenger, -1, has_rows, rows, comparison.paired.dates)
    if found.lacks:
        return undecided(CheckKind.PROTECTED, found, segment=cut, is_needed=False)
    whole = comparison.paired.champion
    of_all = float(metric.replicates(whole)[0])
    allowance = metric.allowance(comparison.rules.margin, whole, of_all)
    return _said(found, cut, allowance, len(told))


def _spread(metric: Metric, groups: list[Answers]) -> Floats:
    """Largest less smallest value over the groups, with all days and without each, (1 + days,)."""
    values = np.stack([metric.replicates(group) for group in groups])
    return values.max(axis=0) - values.min(axis=0)


def _said(found: Gained, cut: str, allowance: float, groups: int) -> Check:
    both = wording.values(found.champion, found.challenger)
    may = wording.allowed(allowance)
    if found.gain < -allowance and found.high < 0:
        outcome, reached = Outcome.FAILED, f"surely wider: {wording.between(found)}, {may}"
    elif found.low >= -allowance:
        outcome, reached = Outcome.PASSED, f"{wording.at_least(found.low)}, {may}"
    else:
        outcome, reached = Outcome.UNDECIDED, f"{wording.between(found)}, {may}"
    return check(
        CheckKind.PROTECTED,
        found,
        outcome,
        f"{found.metric} among {groups} groups of {cut} {both} on {found.days} days, {reached}",
        segment=cut,
        required=-allowance,
        is_needed=False,
    )
