"""PROTECTED: the challenger shows that it is no worse for any protected group."""

from __future__ import annotations

from collections.abc import Iterator

from monitoring_dagster.retraining.gate.checks.comparison import Comparison
from monitoring_dagster.retraining.gate.checks.showing import not_worse
from monitoring_dagster.retraining.gate.decision import Check, CheckKind
from monitoring_dagster.retraining.gate.gained import gained

TOLERANCE = 0.25
"""The part of the margin by which the gain itself may be negative; more is worse, not noise."""


def judge(comparison: Comparison) -> Iterator[Check]:
    """Passed only where it is shown; a group with too few rows to show it is in the way.

    No correction for many groups is due where all have to pass (Berger 1982, Technometrics
    24:295-300, intersection-union tests).
    """
    metric = comparison.primary
    if metric is None:
        return
    for name, segment in comparison.segments.items():
        if not segment.is_protected:
            continue
        group = comparison.paired.of(segment.members)
        found = gained(metric, group)
        allowance = metric.allowance(comparison.rules.margin, group.champion, found.champion)
        yield not_worse(
            CheckKind.PROTECTED, found, allowance, least=-TOLERANCE * allowance, segment=name
        )
