"""The priority of an incident: how well it is proven, times how much it touches.

| materiality | high | medium | low |
|---|---|---|---|
| urgent | P1 | P2 | P2 |
| serious | P2 | P3 | P3 |
| notable | P3 | P3 | P4 |
| minor | P3 | P4 | P4 |
| slight | P4 | P4 | P4 |

- Urgent: the model is blind (no features or predictions, an important column lost or condemned);
  harm is proven; an objective of performance or of the service pages.
- Serious: a page of less reach (by an estimate alone, of labels, traffic or predictions, of a
  segment or version); a lesser column lost or condemned; labels that their columns make useless.
- Notable: warnings of the whole traffic; more nulls in important columns; inputs or predictions
  moved, an important column among them; a metric that failed; a segment that does worse.
- Minor: more nulls in other columns; other columns moved.
- Slight: other warnings of a segment or version.

A page of less reach whose cost is known counts as one of performance. Inputs are never above P3,
whatever they do. A column is important with its fair share of the model's importance, one in so
many as there are features; where nobody knows the importance, every feature is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum

from monitoring_dagster.decisions.verdict import Level, Reason, Rule
from monitoring_dagster.incidents.cause import Cause, CauseKind
from monitoring_dagster.incidents.incident import Priority, Signal, SignalState
from monitoring_dagster.incidents.memory import PARTS
from monitoring_dagster.incidents.subjects import columns_of, counting, subject_of
from monitoring_dagster.incidents.themes import carrier
from monitoring_dagster.monitors.contract import Kind, Materiality, Monitor, Role

_ROUNDING = 1e-9


class Grade(Enum):
    """A line of the table: its priority by materiality high, medium and low."""

    URGENT = (Priority.P1, Priority.P2, Priority.P2)
    SERIOUS = (Priority.P2, Priority.P3, Priority.P3)
    NOTABLE = (Priority.P3, Priority.P3, Priority.P4)
    MINOR = (Priority.P3, Priority.P4, Priority.P4)
    SLIGHT = (Priority.P4, Priority.P4, Priority.P4)


_COLUMN_OF: Mapping[Materiality, int] = {
    Materiality.HIGH: 0,
    Materiality.MEDIUM: 1,
    Materiality.LOW: 2,
}

_LESS_REACH = frozenset({CauseKind.LABELS, CauseKind.TRAFFIC, CauseKind.PREDICTIONS, *PARTS})


def priority(monitor: Monitor, cause: Cause, signals: Sequence[Signal]) -> Priority:
    """How soon somebody has to look, by the table above.

    Args:
        monitor: says how much depends on the model, and what columns are for.
        cause: of the incident.
        signals: of the whole incident so far. Those that fire count; of none, those that did.
    """
    return _grade(monitor, cause, signals).value[_COLUMN_OF[monitor.materiality]]


def is_important(monitor: Monitor, signals: Sequence[Signal], column: str) -> bool:
    """Whether the model needs a column; signals that tell its importance decide."""
    declared = monitor.columns.get(column)
    if declared is None or declared.role is not Role.FEATURE:
        return declared is not None and declared.role in (Role.SCORE, Role.PREDICTION)
    about = [s for s in signals if column in columns_of([s], monitor.columns)]
    shares = [share for s in about if (share := _importance(s)) is not None]
    fair = 1 / max(len(monitor.with_role(Role.FEATURE)), 1)
    return not shares or max(shares) >= fair - _ROUNDING


def _importance(signal: Signal) -> float | None:
    """Part of the model's importance: the impact, without the effect that it was multiplied by."""
    if signal.impact is None or subject_of(signal.subject).rule is Rule.DATA:
        return signal.impact
    return signal.impact / abs(signal.effect) if signal.effect else None


def _grade(monitor: Monitor, cause: Cause, signals: Sequence[Signal]) -> Grade:
    found = counting(signals)
    pages = [s for s in found if s.level is Level.CRITICAL or s.reason == Reason.EXHAUSTED]
    if cause.kind in (CauseKind.SNAPSHOT, CauseKind.COLUMN):
        return _of_break(monitor, found, pages, signals)
    if cause.kind in (CauseKind.METRIC, CauseKind.MONITORING):
        return Grade.NOTABLE
    if cause.kind is CauseKind.INPUTS:
        return _of_drift(monitor, found)
    if pages:
        return _of_page(cause, pages)
    return _of_warning(monitor, cause, found)


def _of_break(
    monitor: Monitor, found: Sequence[Signal], pages: Sequence[Signal], signals: Sequence[Signal]
) -> Grade:
    columns = columns_of(pages or found, monitor.columns)
    needed = any(is_important(monitor, found, c) for c in columns)
    if not pages:
        return Grade.NOTABLE if needed else Grade.MINOR
    # Harm that it explains is proof that the model needs what is broken.
    harms = any(s.state is SignalState.SUPPRESSED and s.level is Level.CRITICAL for s in signals)
    return Grade.URGENT if needed or harms or _blinds(monitor, pages) else Grade.SERIOUS


def _blinds(monitor: Monitor, pages: Sequence[Signal]) -> bool:
    """Whether a whole snapshot is lost, or small columns that are an important one together."""
    features = set(monitor.with_role(Role.FEATURE))
    impact = 0.0
    for signal in pages:
        subject = subject_of(signal.subject, monitor.columns)
        if subject.column.startswith("@"):
            return subject.column != f"@{Kind.LABELS}"
        if subject.column not in monitor.columns:
            return not signal.text.startswith(f"{Kind.LABELS}.")
        if subject.column in features:
            impact += signal.impact or 0.0
        elif carrier(monitor, subject.column) is Kind.LABELS:
            return False
    return impact >= 1 / max(len(features), 1) - _ROUNDING


def _of_drift(monitor: Monitor, found: Sequence[Signal]) -> Grade:
    columns = columns_of(found, monitor.columns)
    needed = any(is_important(monitor, found, c) for c in columns)
    return Grade.NOTABLE if needed else Grade.MINOR


def _of_page(cause: Cause, pages: Sequence[Signal]) -> Grade:
    by_estimate = all(s.reason == Reason.BEYOND_OBJECTIVE for s in pages)
    has_cost = any(s.cost is not None and s.cost.low > 0 for s in pages)
    if (cause.kind in _LESS_REACH or by_estimate) and not has_cost:
        return Grade.SERIOUS
    return Grade.URGENT


def _of_warning(monitor: Monitor, cause: Cause, found: Sequence[Signal]) -> Grade:
    if cause.kind is CauseKind.PREDICTIONS:
        return _of_drift(monitor, found)
    if cause.kind not in PARTS:
        return Grade.NOTABLE
    promised = (Rule.PERFORMANCE, Rule.OBJECTIVE)
    rules = {subject_of(s.subject).rule for s in found}
    return Grade.NOTABLE if rules.intersection(promised) else Grade.SLIGHT
