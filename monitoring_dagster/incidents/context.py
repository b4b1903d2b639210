"""The context of an incident: what somebody who is called needs to know, in ten seconds.

Sentences and figures from verdicts; what has to be looked up comes as `Facts`. Texts may hold
what came from telemetry: whoever shows them has to escape them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from monitoring_dagster.decisions.verdict import Cost, Level, Rule, Subject, Verdict
from monitoring_dagster.decisions.wording import number, size
from monitoring_dagster.incidents import proof
from monitoring_dagster.incidents.cause import Cause, CauseKind
from monitoring_dagster.incidents.figures import effect_of
from monitoring_dagster.incidents.incident import Context, Link, Signal, SignalState
from monitoring_dagster.incidents.next_step import next_step
from monitoring_dagster.incidents.phrases import broken, clipped, in_a_row
from monitoring_dagster.incidents.subjects import columns_of, counting, subject_of
from monitoring_dagster.incidents.themes import NULLS
from monitoring_dagster.incidents.withheld import PARTS
from monitoring_dagster.monitors.contract import Monitor, Role
from monitoring_dagster.profiles.profile import ALL

MOST_LISTED = 5

_LONGEST = 300


class FailedCheck(NamedTuple):
    """A failed quality check: of which kind of telemetry and column, and a sentence about it."""

    kind: str
    column: str
    text: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What the caller has to look up.

    Args:
        checks: failed quality checks of the day.
        versions: what else changed: model, configuration, schema.
        trend: the leading metric day by day, oldest first.
        trend_of: what `trend` shows, with its unit; empty without a picture.
        trend_limit: the objective or threshold that the trend is held against.
        links: to Dagster, the report, the registry, the runbook.
        details: further facts by name.
    """

    checks: tuple[FailedCheck, ...] = ()
    versions: tuple[str, ...] = ()
    trend: tuple[tuple[dt.date, float], ...] = ()
    trend_of: str = ""
    trend_limit: float | None = None
    links: tuple[Link, ...] = ()
    details: tuple[tuple[str, str], ...] = ()


def leading(cause: Cause, signals: Sequence[Signal]) -> Subject | None:
    """Whose history tells the incident best; None where nothing has one.

    Of a column that cannot be measured it is the share of nulls, of a metric that failed none.
    """
    found = counting(signals)
    if not found or cause.kind in (CauseKind.METRIC, CauseKind.MONITORING):
        return None
    subject = subject_of(found[0].subject)
    if cause.kind in (CauseKind.SNAPSHOT, CauseKind.COLUMN) and not subject.column.startswith("@"):
        column = cause.name if cause.kind is CauseKind.COLUMN else subject.column
        return Subject(Rule.DATA, "null_rate", column, subject.segment) if column else None
    return subject


def context(
    monitor: Monitor,
    cause: Cause,
    day: dt.date,
    verdicts: Sequence[Verdict],
    signals: Sequence[Signal],
    facts: Facts,
) -> Context:
    """Everything that a message about the incident may say.

    Args:
        monitor: says what columns and objectives there are.
        cause: of the incident.
        day: the last day on which it fired.
        verdicts: all of that day.
        signals: of the whole incident so far.
        facts: what had to be looked up.
    """
    found = counting(signals)
    by_key = {v.subject.key: v for v in verdicts}
    lead = by_key.get(found[0].subject) if found else None
    step, because = next_step(monitor, cause, verdicts, signals)
    return Context(
        what=_what(monitor, cause, found),
        how_sure=proof.how_sure(found[0], lead) if found else "",
        how_large=_how_large(monitor, cause, found, lead),
        cost=_cost(found, day),
        columns=_columns(monitor, found, by_key),
        segments=_segments(monitor, found, by_key),
        checks=tuple(c.text for c in facts.checks if _concerns(c, cause)),
        versions=facts.versions,
        trend=facts.trend,
        trend_of=facts.trend_of,
        trend_limit=facts.trend_limit,
        next_step=step,
        next_step_because=because,
        links=facts.links,
        details=(*_details(day, signals, lead), *facts.details),
    )


def _concerns(check: FailedCheck, cause: Cause) -> bool:
    """What is broken is shown with its own checks; what nobody can place yet, with all."""
    if cause.kind is CauseKind.COLUMN:
        return check.column == cause.name
    return cause.kind is not CauseKind.SNAPSHOT or check.kind == cause.name


def _what(monitor: Monitor, cause: Cause, found: Sequence[Signal]) -> str:
    """The gravest finding in a sentence, and how many are like it."""
    if not found:
        return ""
    columns = columns_of(found, monitor.columns)
    if cause.kind in (CauseKind.SNAPSHOT, CauseKind.COLUMN) and len(columns) > 1:
        names = in_a_row(columns, _LONGEST // 2)
        return f"{len(columns)} columns of {cause.name} {broken(found, many=True)}: {names}"
    others = len(found) - 1
    more = f" (and {others} more {'finding' if others == 1 else 'findings'})" if others else ""
    return f"{clipped(found[0].text, _LONGEST - len(more))}{more}"


def _how_large(
    monitor: Monitor, cause: Cause, found: Sequence[Signal], lead: Verdict | None
) -> str:
    if cause.kind in (CauseKind.SNAPSHOT, CauseKind.COLUMN):
        lost = [s for s in found if subject_of(s.subject).rule is Rule.DATA]
        if lost:
            return _importance_lost(monitor, lost)
    return "" if lead is None else proof.how_large(lead)


def _importance_lost(monitor: Monitor, lost: Sequence[Signal]) -> str:
    columns = columns_of(lost, monitor.columns)
    if not columns:
        return "Nothing of the day can be measured of it"
    shares = [s.impact for s in lost if s.impact is not None]
    features = [c for c in monitor.columns.values() if c.role is Role.FEATURE]
    few = "1 column" if len(columns) == 1 else f"{len(columns)} columns"
    what = f"{len(columns)} of {len(features)} features" if shares else few
    return f"{what}, with {100 * sum(shares):.0f} % of the model's importance" if shares else what


def _cost(found: Sequence[Signal], day: dt.date) -> Cost | None:
    """What the last bad day cost; that of the last day goes first."""
    priced = [s for s in found if s.cost is not None]
    priced.sort(key=lambda s: s.last_day != day)
    return priced[0].cost if priced else None


def _columns(
    monitor: Monitor, found: Sequence[Signal], by_key: Mapping[str, Verdict]
) -> tuple[str, ...]:
    """The columns with the most impact, of all traffic where they are told of it."""
    told: dict[str, str] = {}
    for signal in sorted(found, key=lambda s: -(s.impact or 0.0)):
        subject = subject_of(signal.subject, monitor.columns)
        declared = monitor.columns.get(subject.column)
        if declared is not None and subject.segment == ALL:
            told.setdefault(subject.column, _column(subject, by_key.get(signal.subject), signal))
    return tuple(told.values())[:MOST_LISTED]


def _column(subject: Subject, verdict: Verdict | None, signal: Signal) -> str:
    said = [e for e in ["" if verdict is None else _effect(verdict)] if e]
    share = signal.impact if subject.rule is Rule.DATA else verdict and verdict.importance
    if share is not None:
        said.append(f"{100 * share:.0f} % of the model's importance")
    return f"{subject.column}: {', '.join(said)}" if said else subject.column


def _segments(
    monitor: Monitor, found: Sequence[Signal], by_key: Mapping[str, Verdict]
) -> tuple[str, ...]:
    """The segments that fire, the gravest first, each with its gravest finding."""
    told: dict[str, str] = {}
    for signal in found:
        subject = subject_of(signal.subject, monitor.columns)
        if subject.segment != ALL:
            verdict = by_key.get(signal.subject)
            effect = "" if verdict is None else _effect(verdict)
            about = subject.column or subject.metric
            told.setdefault(subject.segment, f"{subject.segment}: {about} {effect}".rstrip())
    return tuple(told.values())[:MOST_LISTED]


def _effect(verdict: Verdict) -> str:
    effect = effect_of(verdict)
    if effect is None:
        return ""
    if verdict.subject.rule is Rule.OBJECTIVE:
        return (
            f"{number(abs(effect))} beyond its objective" if effect > 0 else "meets its objective"
        )
    moved = size(abs(effect), verdict.effect_unit)
    if verdict.subject.metric == NULLS:
        return f"{moved} {'more' if effect > 0 else 'fewer'} nulls"
    return f"moved by {moved}" if verdict.subject.rule is Rule.DRIFT else f"worse by {moved}"


def _details(
    day: dt.date, signals: Sequence[Signal], lead: Verdict | None
) -> tuple[tuple[str, str], ...]:
    explained = [s for s in signals if s.state is SignalState.SUPPRESSED and s.last_day == day]
    alerts = sum(s.level in (Level.WARN, Level.CRITICAL) for s in explained)
    whole = sum(s.level is Level.SUPPRESSED and s.subject != PARTS.key for s in explained)
    withheld = [f"{whole} {'verdict' if whole == 1 else 'verdicts'} of all traffic"] * bool(whole)
    withheld += [s.text for s in explained if s.subject == PARTS.key]
    told = {
        "Rows judged": number(float(lead.n)) if lead is not None and lead.n else "",
        "Explained by it": f"{alerts} further {'alert' if alerts == 1 else 'alerts'}"
        if alerts
        else "",
        "Withheld": "; ".join(withheld),
    }
    return tuple((name, text) for name, text in told.items() if text)
