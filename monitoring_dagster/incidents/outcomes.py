"""The outcome of a day for one cause: it fires, it is clear, or the day says nothing of it.

Clear needs proof: something that the cause concerns was judged and found quiet. A missing verdict
is never proof of that; where it is missing although the whole was judged, it is told apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from monitoring_dagster.decisions.verdict import Level, Reason, Rule, Verdict
from monitoring_dagster.incidents.cause import Cause, CauseKind
from monitoring_dagster.incidents.incident import CauseOfDay, Outcome, Signal, SignalState
from monitoring_dagster.incidents.lateness import needs_labels
from monitoring_dagster.incidents.memory import PARTS
from monitoring_dagster.incidents.subjects import is_whole
from monitoring_dagster.incidents.themes import BASE_RATE, Theme, clue
from monitoring_dagster.monitors.contract import Kind, Monitor
from monitoring_dagster.profiles.profile import ALL

_WITHOUT_VERDICT = (Level.NO_DATA, Level.SUPPRESSED, Level.ERROR)
_FOUND = (Level.OK, Level.WARN, Level.CRITICAL)


def outcome(
    monitor: Monitor,
    cause: Cause,
    verdicts: Sequence[Verdict],
    grouped: Sequence[CauseOfDay],
    signals: Sequence[Signal] = (),
) -> Outcome:
    """What the day says of the cause.

    Args:
        monitor: says what columns are for.
        cause: what is asked about.
        verdicts: all of the day.
        grouped: the day's causes.
        signals: of the cause's incident, where it has one. The day says nothing of an incident
            if nothing of what fired in it could be measured.
    """
    if any(found.cause == cause for found in grouped):
        return Outcome.FIRING
    if _is_explained(monitor, cause, verdicts, grouped) or _is_unseen(verdicts, signals):
        return Outcome.UNKNOWN
    if _is_quiet(monitor, cause, verdicts):
        return Outcome.CLEAR
    return Outcome.ABSENT if _is_absent(cause, verdicts, signals) else Outcome.UNKNOWN


def _is_absent(cause: Cause, verdicts: Sequence[Verdict], signals: Sequence[Signal]) -> bool:
    """Whether the whole is judged as ever, and the part that the cause is about is not there.

    Where something fired that waits for labels, they have to be there: without them the part may
    only seem to be missing.
    """
    if cause.kind not in PARTS or any(_is_part(cause, v) for v in verdicts):
        return False
    wanted = {needs_labels(s.subject) for s in signals}
    found = {needs_labels(v.subject.key) for v in verdicts if is_whole(v.subject) and _is_found(v)}
    return bool(wanted) and wanted <= found


def _is_found(verdict: Verdict) -> bool:
    return verdict.level in _FOUND or verdict.reason == Reason.DAYS_DIFFER


def _is_explained(
    monitor: Monitor, cause: Cause, verdicts: Sequence[Verdict], grouped: Sequence[CauseOfDay]
) -> bool:
    """Whether something upstream explains what would have fired because of the cause."""
    keys = {s.subject for g in grouped for s in g.signals if s.state is SignalState.SUPPRESSED}
    alerts = [v for v in verdicts if v.is_alert and v.subject.key in keys]
    return any(_is_part(cause, v) or _theme(monitor, v).family is cause.kind for v in alerts)


def _is_unseen(verdicts: Sequence[Verdict], signals: Sequence[Signal]) -> bool:
    """Whether there are verdicts on what fired, and none of them has anything to go by."""
    fired = {s.subject for s in signals if s.state is SignalState.FIRING}
    about = [v for v in verdicts if v.subject.key in fired and v.subject.rule is not Rule.DATA]
    return bool(about) and all(v.level in _WITHOUT_VERDICT for v in about)


def _is_quiet(monitor: Monitor, cause: Cause, verdicts: Sequence[Verdict]) -> bool:
    match cause.kind:
        case CauseKind.MONITORING:
            return False  # no verdict says so
        case CauseKind.SNAPSHOT:
            return _is_usable(cause.name, verdicts)
        case CauseKind.COLUMN:
            return _is_measured(monitor, cause.name, verdicts)
        case CauseKind.METRIC:
            return any(v.value is not None for v in verdicts)
        case CauseKind.LABELS:
            about = list(_of_labels(monitor, verdicts))
            is_awaited = any(v.level is Level.NO_DATA for v in about)
            return not is_awaited and _is_judged(about)
        case CauseKind.SEGMENT | CauseKind.VERSION:
            return _is_judged(list(_of_part(cause, verdicts)))
        case _:
            return _is_judged(list(_of_family(monitor, cause.kind, verdicts)))


def _is_judged(verdicts: Sequence[Verdict]) -> bool:
    """Whether one of them was found quiet.

    Where days differ too much for one to show a change, more rows would not help, and waiting for
    more than that would be waiting for ever; where rows are too few, more may come.
    """
    return any(
        v.level is Level.OK or (v.level is Level.NOT_ENOUGH_DATA and v.reason == Reason.DAYS_DIFFER)
        for v in verdicts
    )


def _is_usable(kind: str, verdicts: Sequence[Verdict]) -> bool:
    about = [v for v in verdicts if (v.subject.metric, v.subject.column) == _snapshot(kind)]
    return any(v.level is Level.OK for v in about)


def _snapshot(kind: str) -> tuple[str, str]:
    return "snapshot_rows", f"@{kind}"


def _is_measured(monitor: Monitor, column: str, verdicts: Sequence[Verdict]) -> bool:
    """Whether a column has values again; its snapshot is there, where nothing judges the column."""
    about = [v for v in verdicts if v.subject.column == column and is_whole(v.subject)]
    if about:
        return any(v.value is not None and v.level not in _WITHOUT_VERDICT for v in about)
    declared = monitor.columns.get(column)
    kinds = declared.telemetry_kinds if declared else tuple(Kind)
    return any(_is_usable(kind, verdicts) for kind in kinds)


def _of_labels(monitor: Monitor, verdicts: Sequence[Verdict]) -> Iterator[Verdict]:
    for verdict in verdicts:
        about = _theme(monitor, verdict)
        if is_whole(verdict.subject) and (
            about.family is CauseKind.LABELS or about == (CauseKind.PERFORMANCE, BASE_RATE)
        ):
            yield verdict


def _of_part(cause: Cause, verdicts: Sequence[Verdict]) -> Iterator[Verdict]:
    """What is judged of a segment or version; the whole's, once a version no longer shares it."""
    about = [v for v in verdicts if _is_part(cause, v)]
    yield from about
    if not about and cause.kind is CauseKind.VERSION:
        yield from (v for v in verdicts if v.subject.rule is Rule.PERFORMANCE)


def _is_part(cause: Cause, verdict: Verdict) -> bool:
    if cause.kind not in PARTS:
        return False
    subject = verdict.subject
    is_segment = cause.kind is CauseKind.SEGMENT
    return cause.name == (subject.segment if is_segment else subject.model_version) != ALL


def _of_family(
    monitor: Monitor, family: CauseKind, verdicts: Sequence[Verdict]
) -> Iterator[Verdict]:
    """What is judged of a family; estimates only where labels will never come."""
    has_labels = monitor.telemetry.labels is not None
    for verdict in verdicts:
        is_estimate = verdict.subject.rule is Rule.ESTIMATE
        if is_whole(verdict.subject) and _theme(monitor, verdict).family is family:
            yield from () if is_estimate and has_labels else (verdict,)


def _theme(monitor: Monitor, verdict: Verdict) -> Theme:
    return clue(monitor, verdict).theme
