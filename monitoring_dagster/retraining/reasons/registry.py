"""The reasons, the gravest first: a file with one function each, and one line here."""

from __future__ import annotations

from collections.abc import Mapping

from monitoring_dagster.retraining.action import Why
from monitoring_dagster.retraining.reasons.age import age
from monitoring_dagster.retraining.reasons.evidence import Reason
from monitoring_dagster.retraining.reasons.exhausted import exhausted
from monitoring_dagster.retraining.reasons.harm import harm
from monitoring_dagster.retraining.reasons.new_labels import new_labels

REGISTRY: Mapping[Why, Reason] = {
    Why.HARM: harm,
    Why.EXHAUSTED: exhausted,
    Why.AGE: age,
    Why.NEW_LABELS: new_labels,
}

PROVEN = frozenset({Why.HARM, Why.EXHAUSTED})
"""Those that an incident tells of; the others are of the calendar."""
