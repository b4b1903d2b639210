"""Drift: which columns moved, by how much, and how much the model cares.

Feature drift alone never pages: it warns, ranked by impact, importance times drift. The harm that
a drift does is `performance`'s and `estimates`' to prove.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from monitoring_dagster.decisions.importance import Importance
from monitoring_dagster.decisions.rules.findings import verdict
from monitoring_dagster.decisions.series import Finding
from monitoring_dagster.decisions.verdict import Verdict
from monitoring_dagster.decisions.watched import Unit
from monitoring_dagster.decisions.wording import number, place, size
from monitoring_dagster.profiles.profile import ALL

Ranks = Mapping[str, int]


def judge(findings: Sequence[Finding], importance: Importance) -> list[Verdict]:
    """A verdict for each column and segment, those that move the model most first."""
    ranks = {name: rank for rank, name in enumerate(importance.rank(), start=1)}
    shares = importance.share()
    verdicts = [_verdict(finding, ranks, shares) for finding in findings]
    return sorted(verdicts, key=lambda v: (not v.is_alert, -(v.impact or 0.0)))


def _verdict(finding: Finding, ranks: Ranks, shares: Mapping[str, float]) -> Verdict:
    column = finding.watched.subject.column
    rank = ranks.get(column)
    found = verdict(finding, _what(finding, place(rank, len(ranks))))
    share = shares.get(column)
    if share is None or math.isnan(share):
        return found
    return replace(
        found,
        importance=share,
        importance_rank=rank,
        importance_of=len(ranks),
        impact=None if found.effect is None else share * abs(found.effect),
    )


def _what(finding: Finding, importance: str) -> str:
    subject, estimate = finding.watched.subject, finding.watched.measurement.estimate
    name = f"`{subject.column}`{'' if subject.segment == ALL else f' in {subject.segment}'}"
    if finding.watched.unit is Unit.DEVIATIONS:
        noise = size(finding.smallest_effect, Unit.DEVIATIONS)
        moved = size(max(finding.effect, 0.0), Unit.DEVIATIONS)
        return f"{name} moved by {moved} (noise at n={estimate.n}: {noise}){importance}"
    noise = size(finding.smallest_effect, Unit.POINTS)
    change = f"{'more' if finding.effect > 0 else 'fewer'} nulls"
    return (
        f"{name} has {size(abs(finding.effect), Unit.POINTS)} {change} "
        f"(noise at n={number(estimate.n)}: {noise}){importance}"
    )
