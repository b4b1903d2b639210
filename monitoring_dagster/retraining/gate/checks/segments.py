"""SEGMENT: in no declared segment is the challenger proven to be worse than the margin allows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from monitoring_dagster.retraining.gate import wording
from monitoring_dagster.retraining.gate.checks.comparison import Comparison
from monitoring_dagster.retraining.gate.checks.showing import check, undecided
from monitoring_dagster.retraining.gate.decision import Check, CheckKind, Outcome
from monitoring_dagster.retraining.gate.gained import Gained, gained
from monitoring_dagster.retraining.gate.jackknife import CONFIDENCE, chance_below


def judge(comparison: Comparison) -> Iterator[Check]:
    """Failed where the gain is proven to lie below −margin, among all segments that have one.

    Among many segments some look worse by chance: p-values are held against Holm's levels, so that
    the chance of refusing any that is not worse is 2.5 % at most. Protected ones are `protected`.
    """
    metric, paired = comparison.primary, comparison.paired
    if metric is None:
        return
    found = {
        name: gained(metric, paired.of(segment.members))
        for name, segment in comparison.segments.items()
        if not segment.is_protected
    }
    allowances = {
        name: metric.allowance(
            comparison.rules.margin,
            paired.champion.of(comparison.segments[name].members),
            one.champion,
        )
        for name, one in found.items()
        if not one.lacks
    }
    chances = {
        name: chance_below(found[name].gain + allowance, found[name].error, found[name].days)
        for name, allowance in allowances.items()
    }
    worse = proven(chances, (1 - CONFIDENCE) / 2)
    for name, one in found.items():
        if one.lacks:
            yield undecided(CheckKind.SEGMENT, one, segment=name, is_needed=False)
        else:
            yield _said(name, one, allowances[name], name in worse, len(chances))


def proven(chances: Mapping[str, float], level: float) -> set[str]:
    """Whose null hypotheses fall by Holm's procedure: no true one with probability 1 − `level`.

    Source: Holm 1979, Scandinavian Journal of Statistics 6:65-70.

    >>> sorted(proven({"a": 0.001, "b": 0.012, "c": 0.02, "d": 0.9}, 0.025))
    ['a']
    >>> sorted(proven({"a": 0.001, "b": 0.008, "c": 0.012, "d": 0.9}, 0.025))
    ['a', 'b', 'c']
    """
    fallen: set[str] = set()
    for place, name in enumerate(_rising(chances)):
        if chances[name] > level / (len(chances) - place):
            break
        fallen.add(name)
    return fallen


def _rising(chances: Mapping[str, float]) -> Sequence[str]:
    return sorted(chances, key=lambda name: (chances[name], name))


def _said(name: str, found: Gained, allowance: float, is_worse: bool, tested: int) -> Check:
    may = wording.allowed(allowance)
    if is_worse:
        outcome = Outcome.FAILED
        reached = f"surely worse, also among {tested} segments: {wording.between(found)}, {may}"
    elif found.low >= -allowance:
        outcome, reached = Outcome.PASSED, f"{wording.at_least(found.low)}, {may}"
    else:
        outcome = Outcome.UNDECIDED
        reached = f"not proven to be worse: {wording.between(found)}, {may}"
    return check(
        CheckKind.SEGMENT,
        found,
        outcome,
        f"{wording.compared(found, name)}, {reached}",
        segment=name,
        required=-allowance,
        is_needed=False,
    )
