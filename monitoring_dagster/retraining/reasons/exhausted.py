"""Exhausted: an objective of performance is used up, for another reason than inputs that moved."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from monitoring_dagster.decisions.verdict import Rule
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
from monitoring_dagster.retraining.unexplained import MOST_DAYS, Answer, estimated


def exhausted(document: Monitor, days: Sequence[Said], known: Known) -> Evidence | Explained | None:
    """The first objective that is overdrawn and whose loss inputs that moved do not explain.

    The change is as old as the incident of performance that is open, else as the bad days in a row;
    of good days without either, as old as is looked at.
    """
    if not document.retraining.when.exhausted:
        return None
    explained: Explained | None = None
    references = {v.subject.metric: v.reference_value for _, v in latest(days, Rule.PERFORMANCE)}
    for day, verdict in latest(days, Rule.OBJECTIVE):
        proven = proof.harm(document, [verdict])
        metric = estimated(document.model.task, verdict.subject.metric)
        if not proven or metric is None:
            continue
        begun = [d for d in (known.incident_since, verdict.since) if d is not None]
        since = min(begun, default=day - dt.timedelta(days=MOST_DAYS - 1))
        is_its_own = metric == verdict.subject.metric
        reference = verdict.reference_value if is_its_own else references.get(metric)
        found = known.unexplained(metric, reference, since, day)
        if found.answer is not Answer.EXPLAINED:
            return Evidence(Why.EXHAUSTED, f"{proven}; {found.text}", since)
        explained = explained or Explained(Why.EXHAUSTED, f"{proven}, but {found.text}")
    return explained
