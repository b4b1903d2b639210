"""How measurements and verdicts are written as rows of the store, and read back.

What their columns mean is documented in docs/measurements.md and docs/verdicts.md.
"""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from monitoring_dagster.decisions.verdict import Cost, Level, Rule, Subject, Verdict
from monitoring_dagster.metrics.measurement import Estimate, Measurement, Reason, Status
from monitoring_dagster.store import Recorded


@dataclass(frozen=True)
class Stored:
    """What a stage measured of one day, and the evaluation under which it is stored."""

    day: dt.date
    measurements: Sequence[Measurement]
    recorded: Recorded

    @cached_property
    def computed(self) -> int:
        """How many of the measurements have a value."""
        return sum(m.estimate.status is Status.OK for m in self.measurements)

    @cached_property
    def reasons(self) -> dict[str, int]:
        """How many have none, by reason."""
        counts: dict[str, int] = {}
        for m in self.measurements:
            if m.estimate.status is not Status.OK:
                counts[m.estimate.reason] = counts.get(m.estimate.reason, 0) + 1
        return counts


def measurement_row(measurement: Measurement, null_high: float | None = None) -> dict[str, object]:
    """A measurement as the store takes it; `null_high` is what chance alone explains."""
    estimate: Estimate = measurement.estimate
    return {
        "metric": measurement.metric,
        "column": measurement.column,
        "segment": measurement.segment,
        "model_version": measurement.model_version,
        "value": estimate.value if estimate.status is Status.OK else None,
        "ci_low": estimate.ci_low,
        "ci_high": estimate.ci_high,
        "reference_value": measurement.reference_value,
        "null_high": null_high,
        "n": estimate.n,
        "status": estimate.status.value,
        "reason": estimate.reason.value,
        "detail": estimate.detail,
        "coverage": measurement.coverage,
        "maturity": measurement.maturity,
    }


def measurement(row: Any) -> Measurement:
    """The measurement that a row holds; NaN where it has no number."""
    return Measurement(
        metric=row.metric,
        estimate=Estimate(
            _number(row.value),
            _number(row.ci_low),
            _number(row.ci_high),
            row.n or 0,
            Status(row.status),
            Reason(row.reason),
            row.detail,
        ),
        column=row.column,
        segment=row.segment,
        model_version=row.model_version,
        reference_value=row.reference_value,
        coverage=row.coverage,
        maturity=row.maturity,
    )


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def verdict_row(verdict: Verdict) -> dict[str, object]:
    """A verdict as the store takes it."""
    subject, cost = verdict.subject, verdict.cost
    return {
        "rule": subject.rule,
        "metric": subject.metric,
        "column": subject.column,
        "segment": subject.segment,
        "model_version": subject.model_version,
        "name": subject.name,
        "verdict": verdict.level,
        "reason": verdict.reason,
        "text": verdict.text,
        "value": verdict.value,
        "ci_low": verdict.ci_low,
        "ci_high": verdict.ci_high,
        "reference_value": verdict.reference_value,
        "null_high": verdict.null_high,
        "n": verdict.n,
        "effect": verdict.effect,
        "minimum_effect": verdict.minimum_effect,
        "smallest_effect": verdict.smallest_effect,
        "effect_unit": verdict.effect_unit,
        "evidence": verdict.evidence,
        "threshold": verdict.threshold,
        "since": verdict.since,
        "days": verdict.days,
        "importance": verdict.importance,
        "importance_rank": verdict.importance_rank,
        "importance_of": verdict.importance_of,
        "impact": verdict.impact,
        "prediction_change": verdict.prediction_change,
        "cost": cost.value if cost else None,
        "cost_low": cost.low if cost else None,
        "cost_high": cost.high if cost else None,
        "currency": cost.currency if cost else None,
        "cost_of": cost.what if cost else None,
        "known_at": verdict.known_at,
        "details": {k: v for k, v in verdict.details.items() if v is not None},
    }


_SAID = (
    "reason",
    "text",
    "value",
    "ci_low",
    "ci_high",
    "reference_value",
    "null_high",
    "n",
    "effect",
    "minimum_effect",
    "smallest_effect",
    "effect_unit",
    "evidence",
    "threshold",
    "since",
    "days",
    "importance",
    "importance_rank",
    "importance_of",
    "impact",
    "prediction_change",
    "known_at",
)


def verdict(row: Any) -> Verdict:
    """The verdict that a row holds."""
    subject = Subject(
        Rule(row.rule), row.metric, row.column, row.segment, row.model_version, row.name
    )
    cost = None
    # A bound that is no number was stored as none: then nothing is known of the cost.
    if None not in (row.cost, row.cost_low, row.cost_high):
        cost = Cost(row.cost, row.cost_low, row.cost_high, row.currency, row.cost_of)
    return Verdict(
        subject,
        Level(row.verdict),
        **{name: getattr(row, name) for name in _SAID},
        cost=cost,
        details=json.loads(row.details),
    )
