"""Figures of a verdict that are kept among its details, and what follows from them.

Only numbers; what they say in words is `proof`.
"""

from __future__ import annotations

from monitoring_dagster.decisions.verdict import Reason, Verdict


def figure(verdict: Verdict, name: str) -> float | None:
    """A number among a verdict's details; None where it is not there."""
    found = verdict.details.get(name)
    return float(found) if isinstance(found, int | float) else None


def effect_of(verdict: Verdict) -> float | None:
    """The effect that alerts: the mean of the days that last together, else the day's own.

    A change that lasts alerts on its quiet days, too, on which there is nothing to see.
    """
    mean = figure(verdict, "lasting_effect") if verdict.reason == Reason.LASTING else None
    return verdict.effect if mean is None else mean


def impact_of(verdict: Verdict) -> float | None:
    """Importance times the effect that alerts."""
    effect = effect_of(verdict)
    if verdict.importance is None or effect is None:
        return verdict.impact
    return verdict.importance * abs(effect)


def is_exhausted(verdict: Verdict) -> bool:
    """Whether an objective alerts and its error budget is overdrawn, be the day good or bad."""
    left = figure(verdict, "budget_left")
    return verdict.is_alert and (
        verdict.reason == Reason.EXHAUSTED or (left is not None and left < 0)
    )
