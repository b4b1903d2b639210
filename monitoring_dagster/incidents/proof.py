"""How sure and how large: the figures behind a verdict, each in one sentence.

For readers with ten seconds. The sentence of the rule itself is the verdict's own text.
"""

from __future__ import annotations

from monitoring_dagster.decisions.verdict import Level, Reason, Rule, Verdict
from monitoring_dagster.decisions.wording import number, size
from monitoring_dagster.incidents.figures import effect_of, figure
from monitoring_dagster.incidents.incident import Signal
from monitoring_dagster.incidents.themes import realised

_RAREST = 1e-6

FACT = "A fact, not a finding: nothing had to be inferred"


def how_sure(signal: Signal, verdict: Verdict | None) -> str:
    """Why it is not chance; empty where the verdict is not at hand.

    Args:
        signal: the one that leads.
        verdict: the same of the day.
    """
    if signal.level is Level.ERROR:
        return "A fact: the computation stopped with an error"
    if verdict is None:
        return ""
    match signal.reason:
        case Reason.SUDDEN:
            return f"One day proves it: without a change {_chance(verdict)} would be like this"
        case Reason.STILL_THERE:
            return f"Proven before, and still unusual: without a change {_chance(verdict)} would be"
        case Reason.LASTING:
            return (
                f"{_days(figure(verdict, 'lasting_days'))} together prove it: their evidence is "
                f"{number(verdict.evidence)}, and {number(verdict.threshold)} is enough"
            )
        case Reason.HARMFUL:
            return (
                f"Proven over {_days(verdict.days)}: the evidence against chance is "
                f"{number(verdict.evidence)}, and {number(verdict.threshold)} is enough"
            )
        case Reason.BEYOND_OBJECTIVE:
            return (
                f"The whole band of the estimate, {number(verdict.ci_low)} to "
                f"{number(verdict.ci_high)}, lies beyond the objective; no labels are final"
            )
        case Reason.BURNING | Reason.EXHAUSTED:
            return _of_budget(verdict)
        case Reason.UNUSABLE:
            return "More than 1 % of the rows, also at the low end of what chance allows"
        case _:
            return FACT


def how_large(verdict: Verdict) -> str:
    """The effect of a finding in the words of its metric; empty where there is none."""
    if verdict.subject.rule is Rule.OBJECTIVE:
        return _shortfall(verdict)
    effect = effect_of(verdict)
    if effect is None:
        return ""
    least = ""
    if verdict.minimum_effect is not None:
        least = f", where {size(verdict.minimum_effect, verdict.effect_unit)} counts"
    changed = size(abs(effect), verdict.effect_unit)
    if verdict.reason == Reason.LASTING:
        changed = f"{changed} on average"
    if verdict.subject.rule is Rule.DRIFT:
        return f"`{verdict.subject.column}` by {changed}{least}{_on_scores(verdict)}"
    expected = number(figure(verdict, "expected"))
    metric = realised(verdict.subject.metric)
    return f"{metric} is {number(verdict.value)}, expected {expected}: {changed}{least}"


def _on_scores(verdict: Verdict) -> str:
    if verdict.prediction_change is None:
        return ""
    return f"; by itself it changes scores by {number(verdict.prediction_change)} on average"


def _shortfall(verdict: Verdict) -> str:
    if verdict.value is None:
        return ""
    required = "≥" if verdict.details.get("bound") == "at_least" else "≤"
    bound = number(figure(verdict, "objective"))
    spread = ""
    if verdict.ci_low is not None and verdict.ci_high is not None:
        spread = f" ({number(verdict.ci_low)} to {number(verdict.ci_high)})"
    today = f"{verdict.subject.metric} is {number(verdict.value)}{spread}, required {required}"
    return f"{today} {bound}"


def _of_budget(verdict: Verdict) -> str:
    bad, good = figure(verdict, "bad_days") or 0.0, figure(verdict, "good_days") or 0.0
    pace = number(verdict.evidence)
    return (
        f"{number(bad)} of {number(bad + good)} decided days were bad beyond noise, {pace} times "
        "the pace that the target allows"
    )


def _chance(verdict: Verdict) -> str:
    chance = figure(verdict, "p_value")
    if chance is None:
        return "hardly a day"
    if chance < _RAREST:
        return "less than one day in a million"
    return f"one day in {number(float(round(1 / chance)))}"


def _days(count: float | None) -> str:
    if count is None:
        return "Days"
    return "1 day" if count == 1 else f"{number(count)} days"
