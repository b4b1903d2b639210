"""The theme of a finding: which family of causes it belongs to by itself, and what it is about.

Follows from the finding alone. What else happened that day, and what has been open for long, is
`breaks` and `grouping`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from monitoring_dagster.decisions.verdict import Level, Reason, Rule, Subject, Verdict
from monitoring_dagster.incidents.cause import CauseKind
from monitoring_dagster.incidents.incident import Signal
from monitoring_dagster.metrics import catalogue
from monitoring_dagster.metrics.drift import REGISTRY as DRIFT
from monitoring_dagster.metrics.labels import REGISTRY as LABELS
from monitoring_dagster.metrics.measurement import Reason as Cause
from monitoring_dagster.metrics.operations import REGISTRY as OPERATIONS
from monitoring_dagster.metrics.shape import REGISTRY as SHAPE
from monitoring_dagster.metrics.shape.snapshots import METRICS as OF_SNAPSHOTS
from monitoring_dagster.monitors.contract import Kind, Monitor, Role

NULLS = "null_rate_change"

BASE_RATE = "base_rate"
"""Neither the model's doing nor its harm: by itself it says something of the labels."""

TRAFFIC = frozenset(
    {*OF_SNAPSHOTS, "rows", "requests", "throughput_per_hour", "hours_without_traffic"}
)

BROKEN = frozenset({CauseKind.SNAPSHOT, CauseKind.COLUMN})
"""Families of data that cannot be trusted: they explain what is measured of it."""

_LABELS = frozenset({*LABELS, "orphan_labels", "relabelled"})

_OF_COLUMNS = frozenset({*DRIFT, *SHAPE, *catalogue.OF_QUALITY})

_OF_ROLES = {
    Role.SCORE: CauseKind.PREDICTIONS,
    Role.PREDICTION: CauseKind.PREDICTIONS,
    Role.LATENCY: CauseKind.OPERATIONS,
    Role.STATUS: CauseKind.OPERATIONS,
    Role.LABEL: CauseKind.LABELS,
}
"""Where a change of a column belongs that is no feature."""

_ESTIMATES = ("shift_adapted_", "estimated_")


class Theme(NamedTuple):
    """A family of causes, and the column, kind of telemetry or metric that a finding is about."""

    family: CauseKind
    about: str


@dataclass(frozen=True, slots=True)
class Clue:
    """A finding with its theme: what is sorted into causes."""

    verdict: Verdict
    theme: Theme

    @property
    def subject(self) -> Subject:
        """What it is about."""
        return self.verdict.subject


def clue(monitor: Monitor, verdict: Verdict) -> Clue:
    """A verdict with its theme."""
    v = verdict
    return Clue(v, theme(monitor, v.subject, v.level, v.reason, v.text))


def of_signal(monitor: Monitor, signal: Signal, subject: Subject) -> Theme:
    """The theme of what an incident remembers."""
    return theme(monitor, subject, signal.level, signal.reason, signal.text)


def fires(verdict: Verdict) -> bool:
    """Whether somebody has to deal with it: alerts, failures, and data that is due and missing."""
    if verdict.is_alert or verdict.level is Level.ERROR:
        return True
    subject = verdict.subject
    is_snapshot = subject.rule is Rule.DATA and subject.metric == "snapshot_rows"
    return is_snapshot and verdict.level is Level.NO_DATA and verdict.reason != Reason.PROVISIONAL


def theme(monitor: Monitor, subject: Subject, level: Level, reason: str, text: str) -> Theme:
    """Which family of causes a finding belongs to by itself, and what it is about."""
    if level is Level.ERROR:
        return Theme(CauseKind.METRIC, subject.metric)
    if subject.rule is Rule.DATA:
        return _of_data(monitor, subject, reason, text)
    if subject.rule is Rule.DRIFT and subject.metric == NULLS:
        return Theme(CauseKind.COLUMN, subject.column)
    if subject.rule is Rule.OBJECTIVE and subject.metric in TRAFFIC:
        return Theme(CauseKind.TRAFFIC, subject.metric)
    if subject.metric in _LABELS:
        return Theme(CauseKind.LABELS, subject.metric)
    if subject.metric in OPERATIONS:
        return Theme(CauseKind.OPERATIONS, subject.metric)
    if subject.metric in _OF_COLUMNS:
        return Theme(_family_of_column(monitor, subject.column), subject.column)
    return Theme(CauseKind.PERFORMANCE, realised(subject.metric))


def realised(metric: str) -> str:
    """The metric that an estimate stands for; any other is itself.

    >>> realised("shift_adapted_roc_auc"), realised("roc_auc")
    ('roc_auc', 'roc_auc')
    """
    for prefix in _ESTIMATES:
        metric = metric.removeprefix(prefix)
    return metric


def carrier(monitor: Monitor, column: str) -> Kind:
    """The kind of telemetry that a column comes with, the first where several carry it."""
    declared = monitor.columns.get(column)
    kinds = declared.telemetry_kinds if declared else ()
    taken = [k for k in kinds if getattr(monitor.telemetry, k) is not None]
    return next(iter(taken), Kind.FEATURES)


def _of_data(monitor: Monitor, subject: Subject, reason: str, text: str) -> Theme:
    if subject.metric == "snapshot_rows":
        kind = subject.column.removeprefix("@")
        family = CauseKind.LABELS if kind == Kind.LABELS else CauseKind.SNAPSHOT
        return Theme(family, subject.metric if kind == Kind.LABELS else kind)
    if reason == Cause.QUALITY_CHECK_FAILED:
        return _condemned(monitor, subject, text)
    if subject.metric in TRAFFIC:
        return Theme(CauseKind.TRAFFIC, subject.metric)
    return Theme(CauseKind.COLUMN, subject.column)


def _condemned(monitor: Monitor, subject: Subject, text: str) -> Theme:
    """What a critical check condemned: its verdict stands at the first metric that it withheld.

    The reason begins with the snapshot, or the snapshot and the column: `features.temp: …`.
    """
    for kind in Kind:
        if text.startswith(f"{kind}: "):
            return Theme(CauseKind.SNAPSHOT, kind)
        named = [c for c in monitor.columns if text.startswith(f"{kind}.{c}: ")]
        if named:
            return Theme(CauseKind.COLUMN, max(named, key=len))
    if subject.column in monitor.columns:
        return Theme(CauseKind.COLUMN, subject.column)
    has_predictions = monitor.telemetry.predictions is not None
    return Theme(CauseKind.SNAPSHOT, Kind.PREDICTIONS if has_predictions else Kind.FEATURES)


def _family_of_column(monitor: Monitor, column: str) -> CauseKind:
    if column.startswith("@"):
        return CauseKind.TRAFFIC
    declared = monitor.columns.get(column)  # a day may be older than the document
    return _OF_ROLES.get(declared.role, CauseKind.INPUTS) if declared else CauseKind.INPUTS
