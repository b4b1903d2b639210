"""Harm: errors are proven to have risen, for another reason than inputs that moved."""

from __future__ import annotations

from collections.abc import Sequence

from monitoring_dagster.decisions.verdict import Reason, Rule, Verdict
from monitoring_dagster.incidents import evidence as proof
from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.retraining.action import Why
from monitoring_dagster.retraining.reasons.evidence import (
    Evidence,
    Explained,
    Known,
    Said,
    latest,
)
from monitoring_dagster.retraining.unexplained import Answer, estimated


def harm(document: Monitor, days: Sequence[Said], known: Known) -> Evidence | Explained | None:
    """The e-detector's proof, unless inputs that moved explain what was lost.

    Where that cannot be told the proof stands alone, and the evidence says so.
    """
    if not document.retraining.when.harm:
        return None
    judged = list(latest(days, Rule.PERFORMANCE))
    for day, verdict in judged:
        if verdict.reason != Reason.HARMFUL:
            continue
        proven = proof.harm(document, [verdict])
        metric = estimated(document.model.task, verdict.subject.metric)
        since = verdict.since or day
        if not proven or metric is None:
            continue
        reference = _reference(metric, [v for _, v in judged])
        found = known.unexplained(metric, reference, since, day)
        if found.answer is Answer.EXPLAINED:
            return Explained(Why.HARM, f"{proven}, but {found.text}")
        return Evidence(Why.HARM, f"{proven}; {found.text}", since)
    return None


def _reference(metric: str, verdicts: Sequence[Verdict]) -> float | None:
    return next((v.reference_value for v in verdicts if v.subject.metric == metric), None)
