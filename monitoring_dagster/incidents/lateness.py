"""Lateness: which findings are so old that nobody is called for them.

A finding is due when it could first be made: on the day's own next morning, or when the labels
that it needs are final. A backfill finds what was due long ago.
"""

from __future__ import annotations

import datetime as dt

from monitoring_dagster.decisions.verdict import Rule
from monitoring_dagster.incidents.cause import Cause, CauseKind
from monitoring_dagster.incidents.incident import CauseOfDay, SignalState
from monitoring_dagster.incidents.subjects import subject_of
from monitoring_dagster.metrics.labels import REGISTRY as OF_LABELS
from monitoring_dagster.metrics.performance.binary.registry import REGISTRY as BINARY
from monitoring_dagster.metrics.performance.multiclass.registry import PER_CLASS
from monitoring_dagster.metrics.performance.multiclass.registry import REGISTRY as MULTICLASS
from monitoring_dagster.metrics.performance.regression.registry import REGISTRY as REGRESSION
from monitoring_dagster.monitors.calendar import matures_at, taken_at
from monitoring_dagster.monitors.contract import Monitor

NEED_LABELS = frozenset({*OF_LABELS, *BINARY, *MULTICLASS, *PER_CLASS, *REGRESSION, "cost"})
"""Metrics that are final once labels are."""


def needs_labels(subject: str) -> bool:
    """Whether the subject of that key waits for labels.

    >>> needs_labels("objective|roc_auc||all|all|discrimination")
    True
    >>> needs_labels("drift|psi|temp|all|all|")
    False
    """
    rule, metric, column, *_ = subject_of(subject)
    if rule is Rule.PERFORMANCE:
        return True
    is_about_labels = rule is Rule.DATA and column == "@labels"
    return is_about_labels or (rule is Rule.OBJECTIVE and metric in NEED_LABELS)


def due_at(monitor: Monitor, day: dt.date, subject: str) -> dt.datetime:
    """The UTC instant from which what the subject's key names could be known of `day`."""
    matures = matures_at(monitor, day) if needs_labels(subject) else None
    return matures or taken_at(monitor, day)


def is_late(monitor: Monitor, found: CauseOfDay, day: dt.date, now: dt.datetime) -> bool:
    """Whether everything that fires because of the cause was due too long before `now`.

    What fires nothing by itself counts as due with its cause: the morning after, or for labels and
    performance once labels are final.
    """
    firing = [s.subject for s in found.signals if s.state is SignalState.FIRING]
    due = [due_at(monitor, day, subject) for subject in firing] or [_due(monitor, found.cause, day)]
    return max(due) + monitor.alerting.old_after < now


def _due(monitor: Monitor, cause: Cause, day: dt.date) -> dt.datetime:
    waits = cause.kind in (CauseKind.LABELS, CauseKind.PERFORMANCE)
    return (matures_at(monitor, day) if waits else None) or taken_at(monitor, day)
