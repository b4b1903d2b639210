"""From what was found of a series to a verdict: the part that all rules about series share.

The sentences are the rules' own.
"""

from __future__ import annotations

import math
from typing import Any

from monitoring_dagster.decisions.series import Finding
from monitoring_dagster.decisions.verdict import Level, Reason, Verdict
from monitoring_dagster.decisions.wording import number, size, streak
from monitoring_dagster.metrics.measurement import Status

_QUIET = {
    Reason.WITHIN_NOISE: Level.OK,
    Reason.BELOW_MINIMUM_EFFECT: Level.OK,
    Reason.ACCEPTED: Level.OK,
    Reason.TOO_FEW_ROWS: Level.NOT_ENOUGH_DATA,
    Reason.DAYS_DIFFER: Level.NOT_ENOUGH_DATA,
    Reason.NO_REFERENCE: Level.NOT_ENOUGH_DATA,
    Reason.PROVISIONAL: Level.NO_DATA,
}

_WHY = {
    Reason.SUDDEN: "more than noise explains on a single day",
    Reason.STILL_THERE: "it is still there",
}


def verdict(finding: Finding, what: str, **more: Any) -> Verdict:
    """The verdict on a series; `what` says the change in words, `more` are further fields."""
    measurement, against = finding.watched.measurement, finding.against
    estimate = measurement.estimate
    has_value = estimate.status is Status.OK
    return Verdict(
        finding.watched.subject,
        _level(finding),
        estimate.reason if finding.reason is Reason.NOT_MEASURED else finding.reason,
        _sentence(finding, what),
        value=estimate.value if has_value else None,
        ci_low=_finite(estimate.ci_low),
        ci_high=_finite(estimate.ci_high),
        reference_value=measurement.reference_value,
        null_high=against.null_high if against else None,
        n=estimate.n,
        effect=_finite(finding.effect),
        minimum_effect=finding.watched.minimum_effect,
        smallest_effect=_finite(finding.smallest_effect),
        effect_unit=finding.watched.unit,
        evidence=_finite(finding.chart_total),
        threshold=_finite(finding.chart_limit),
        since=finding.series.since,
        days=finding.series.days,
        details={
            "p_value": _finite(finding.p_value),
            "lasting_effect": _finite(finding.lasting_effect),
            "lasting_days": finding.lasting_days,
            "expected": _finite(against.expected) if against else None,
            "null_low": _finite(against.null_low) if against else None,
            "inflation": _finite(against.inflation) if against else None,
            "reference_days": against.days if against else None,
            "maturity": measurement.maturity,
            "coverage": measurement.coverage,
        },
        **more,
    )


def _level(finding: Finding) -> Level:
    if finding.is_alert:
        return Level.WARN
    if finding.reason is Reason.NOT_MEASURED:
        return Level(finding.watched.measurement.estimate.status)
    return _QUIET[finding.reason]


def _sentence(finding: Finding, what: str) -> str:
    """What was found in words; what could not be seen says how large it would have to be."""
    watched, estimate = finding.watched, finding.watched.measurement.estimate
    least = size(finding.smallest_effect, watched.unit)
    minimum = size(watched.minimum_effect, watched.unit)
    n = number(estimate.n)
    match finding.reason:
        case Reason.NOT_MEASURED:
            return f"{_name(finding)} has no value: {estimate.detail or estimate.reason}"
        case Reason.PROVISIONAL:
            return f"{_name(finding)} is not judged while labels are still expected"
        case Reason.NO_REFERENCE:
            return f"the reference tells nothing of {_name(finding)}, so it cannot be judged"
        case Reason.ACCEPTED:
            return f"the new normal of {_name(finding)} is being learnt"
        case Reason.WITHIN_NOISE:
            return f"{what}: within noise"
        case Reason.BELOW_MINIMUM_EFFECT:
            return f"{what}: real, and smaller than the {minimum} that count"
        case Reason.TOO_FEW_ROWS:
            return f"{what}: within noise, but {n} rows could not show less than {least}"
        case Reason.DAYS_DIFFER:
            return f"{what}: within noise, but days differ too much to show less than {least}"
        case Reason.LASTING:
            mean = size(abs(finding.lasting_effect), watched.unit)
            return (
                f"{what}{streak(finding.series.days)}: it lasts, {mean} on average over "
                f"{finding.lasting_days} days"
            )
        case _:
            return f"{what}{streak(finding.series.days)}: {_WHY[finding.reason]}"


def _name(finding: Finding) -> str:
    subject = finding.watched.subject
    column = f" of `{subject.column}`" if subject.column else ""
    return f"{subject.metric}{column}"


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
