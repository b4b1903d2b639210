"""The title of an incident: what is wrong, in plain words, within 90 characters.

Names of columns and segments are shown as they are: whoever shows a title has to escape it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from monitoring_dagster.decisions.verdict import Level, Reason, Rule, Subject
from monitoring_dagster.decisions.wording import size
from monitoring_dagster.incidents import phrases
from monitoring_dagster.incidents.cause import Cause, CauseKind
from monitoring_dagster.incidents.incident import Signal
from monitoring_dagster.incidents.subjects import columns_of, counting, subject_of
from monitoring_dagster.incidents.themes import BASE_RATE, NULLS, realised
from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.profiles.profile import ALL

LONGEST = 90

_PAGES: Mapping[str, str] = {
    Reason.EXHAUSTED: "Objective `{name}` exhausted: {missed}",
    Reason.BURNING: "Objective `{name}` burns its error budget: {missed}",
}

_REFUSED = {
    "duplicate_rate": "Rows of {kind} come twice",
    "conflict_rate": "Rows of {kind} have the id of another row",
    "quarantine_rate": "Rows of {kind} are refused",
}


def title(monitor: Monitor, cause: Cause, signals: Sequence[Signal]) -> str:
    """What is wrong, with the column, metric or objective that leads; at most 90 characters.

    Args:
        monitor: says what columns there are, and what objectives require.
        cause: of the incident.
        signals: of the whole incident so far. Those that fire are told; of none, those that did.
    """
    found = counting(signals)
    if not found:
        return phrases.clipped(_of_nothing(cause), LONGEST)
    return phrases.clipped(_title(monitor, cause, found), LONGEST)


def _title(monitor: Monitor, cause: Cause, found: Sequence[Signal]) -> str:
    lead = subject_of(found[0].subject, monitor.columns)
    match cause.kind:
        case CauseKind.SNAPSHOT:
            return _of_snapshot(monitor, cause.name, found)
        case CauseKind.COLUMN:
            return f"Column `{cause.name}` {phrases.broken(found, many=False)}"
        case CauseKind.METRIC:
            return f"Metric `{cause.name}` could not be computed"
        case CauseKind.MONITORING:
            return f"Monitoring itself failed: {cause.name}" if cause.name else found[0].text
        case CauseKind.SEGMENT:
            return f"{cause.name}: {_of_part(monitor, lead, found)}"
        case CauseKind.VERSION:
            return f"Version {cause.name}: {_of_part(monitor, lead, found)}"
        case CauseKind.INPUTS | CauseKind.PREDICTIONS if lead.rule is Rule.DRIFT:
            what = "Inputs" if cause.kind is CauseKind.INPUTS else "Predictions"
            return f"{what} moved: {_moved(monitor, found)}"
        case CauseKind.LABELS:
            return _of_labels(monitor, lead, found[0])
        case _:
            return _of_finding(monitor, lead, found[0])


def _of_nothing(cause: Cause) -> str:
    return f"{cause.kind.capitalize()} {cause.name}".strip()


def _of_snapshot(monitor: Monitor, kind: str, found: Sequence[Signal]) -> str:
    columns = columns_of(found, monitor.columns)
    whole = [s for s in found if subject_of(s.subject).metric == "snapshot_rows"]
    if whole or not columns or found[0].text.startswith(f"{kind}: "):
        return phrases.unusable(kind, (whole or found)[0].reason)
    if len(columns) == 1:
        return f"Column `{columns[0]}` of {kind} {phrases.broken(found, many=False)}"
    what = f"{len(columns)} columns of {kind} {phrases.broken(found, many=True)}"
    return f"{what} ({phrases.in_a_row(columns, LONGEST - len(what) - 3)})"


def _moved(monitor: Monitor, found: Sequence[Signal]) -> str:
    """The columns that moved, the one with the most impact first; and where, if only in parts."""
    drifted = [s for s in found if subject_of(s.subject).rule is Rule.DRIFT]
    columns = columns_of(drifted, monitor.columns)
    segments = {subject_of(s.subject, monitor.columns).segment for s in drifted}
    if ALL in segments or len(columns) > 1:
        return phrases.and_more(columns)
    where = segments.pop() if len(segments) == 1 else f"{len(segments)} segments"
    return f"{columns[0]} in {where}"


def _of_labels(monitor: Monitor, lead: Subject, signal: Signal) -> str:
    if lead.metric == "snapshot_rows":
        return "Labels are due and cannot be used"
    if lead.metric == "label_coverage" and lead.rule is Rule.OBJECTIVE:
        state = "exhausted" if signal.reason == Reason.EXHAUSTED else "burning"
        return f"Labels arrive too seldom: objective `{lead.name}` {state}"
    return _of_finding(monitor, lead, signal)


def _of_part(monitor: Monitor, lead: Subject, found: Sequence[Signal]) -> str:
    """What is wrong in a segment or version: its gravest finding, or the columns that changed."""
    if lead.rule is Rule.DRIFT and lead.metric == NULLS:
        columns = columns_of(found, monitor.columns)
        return f"{phrases.and_more(columns)} {phrases.broken(found, many=len(columns) > 1)}"
    if lead.rule is Rule.DRIFT:
        return f"{phrases.and_more(columns_of(found, monitor.columns))} moved"
    said = _of_finding(monitor, lead, found[0])
    return said if said.startswith(realised(lead.metric)) else f"{said[:1].lower()}{said[1:]}"


def _of_finding(monitor: Monitor, lead: Subject, signal: Signal) -> str:
    if lead.rule is Rule.OBJECTIVE:
        pattern = _PAGES.get(signal.reason, "Objective `{name}`: {missed}")
        return pattern.format(name=lead.name, missed=phrases.missed(monitor, lead))
    if signal.reason == Reason.HARMFUL:
        return "Errors have risen beyond what the reference allows"
    if signal.reason == Reason.BEYOND_OBJECTIVE:
        return f"Estimated {realised(lead.metric)} lies beyond its objective"
    if lead.metric in _REFUSED:
        return _REFUSED[lead.metric].format(kind=lead.column.removeprefix("@"))
    if lead.metric == "rows":
        return (
            f"{'Fewer' if (signal.effect or 0.0) < 0 else 'More'} rows than expected{_by(signal)}"
        )
    return _changed(lead)


def _changed(lead: Subject) -> str:
    if lead.metric == BASE_RATE:
        return "The share of positive labels changed"
    estimated = "Estimated " if lead.rule is Rule.ESTIMATE else ""
    return f"{estimated}{realised(lead.metric)} got worse"


def _by(signal: Signal) -> str:
    if signal.effect is None or signal.level is Level.ERROR:
        return ""
    return f", by {size(abs(signal.effect), 'relative')}"
