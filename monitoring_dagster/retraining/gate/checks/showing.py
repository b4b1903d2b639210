"""Checks as they are told: from a gain and what was required of it to an outcome and a sentence.

Which gain, on which rows and against which margin is the business of each check.
"""

from __future__ import annotations

import math

from monitoring_dagster.decisions.wording import number
from monitoring_dagster.profiles.profile import ALL
from monitoring_dagster.retraining.gate import wording
from monitoring_dagster.retraining.gate.decision import Check, CheckKind, Outcome
from monitoring_dagster.retraining.gate.gained import Gained


def check(
    kind: CheckKind,
    found: Gained,
    outcome: Outcome,
    text: str,
    *,
    segment: str = ALL,
    required: float | None = None,
    is_needed: bool = True,
) -> Check:
    """A check of a gain; what is not a number is left out of it."""
    return Check(
        kind=kind,
        metric=found.metric,
        segment=segment,
        champion=known(found.champion),
        challenger=known(found.challenger),
        gain=known(found.gain),
        low=known(found.low),
        high=known(found.high),
        required=None if required is None else known(required),
        rows=found.rows,
        days=found.days,
        outcome=outcome,
        is_needed=is_needed,
        text=text,
    )


def known(value: float) -> float | None:
    """The value as a plain number, None where it is not finite; −0.0 becomes 0.0."""
    return float(value) + 0.0 if math.isfinite(value) else None


def undecided(
    kind: CheckKind, found: Gained, *, segment: str = ALL, is_needed: bool = True
) -> Check:
    """No interval exists, and why."""
    text = f"{wording.named(found.metric, segment)} cannot be compared: {found.lacks}"
    return check(kind, found, Outcome.UNDECIDED, text, segment=segment, is_needed=is_needed)


def not_worse(
    kind: CheckKind,
    found: Gained,
    allowance: float,
    *,
    least: float | None = None,
    segment: str = ALL,
    is_needed: bool = True,
) -> Check:
    """Non-inferiority: the whole interval of the gain lies above what may be lost.

    Where it does not, the rows may be too few: an interval whose half width exceeds the allowance
    would refuse an equal model as well, so the check is undecided, unless the gain itself is
    below `least` (by default: more is lost than allowed).
    Source: ICH E9 (1998), section 3.3.2; Piaggio et al. 2012, JAMA 308:2594-2604.

    Args:
        kind: of the check.
        found: the gain.
        allowance: what may be lost, ≥ 0, in the metric's unit.
        least: a gain below it fails however few the rows.
        segment: that the gain is of.
        is_needed: whether the challenger fails where the rows are too few.
    """
    if found.lacks:
        return undecided(kind, found, segment=segment, is_needed=is_needed)
    said = wording.compared(found, segment)
    may = wording.allowed(allowance)
    floor = -allowance if least is None else least
    if -allowance <= found.gain < floor:
        noise = f"{number(-floor)} pass for noise"
        outcome, reached = Outcome.FAILED, f"worse by {number(-found.gain)}, {noise}"
    elif found.gain < floor:
        outcome, reached = Outcome.FAILED, f"{wording.between(found)}, {may}"
    elif found.low >= -allowance:
        outcome, reached = Outcome.PASSED, f"{wording.at_least(found.low)}, {may}"
    elif found.half_width > allowance:
        outcome = Outcome.UNDECIDED
        reached = f"{wording.between(found)}, too few rows to show that it is not worse, {may}"
    else:
        outcome, reached = Outcome.FAILED, f"{wording.between(found)}, {may}"
    return check(
        kind,
        found,
        outcome,
        f"{said}, {reached}",
        segment=segment,
        required=-allowance,
        is_needed=is_needed,
    )


def unknown_metric(kind: CheckKind, name: str, task: str, rows: int, days: int) -> Check:
    """The document names a metric that the gate does not compare by."""
    lacks = f"the gate has no such metric for a {task} model"
    return undecided(kind, Gained.without(name or "nothing", rows, days, lacks))
