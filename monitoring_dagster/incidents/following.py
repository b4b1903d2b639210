"""Following: what the verdicts of a day do to a monitor's incidents.

In order: the day's causes, what it says of every cause that is watched, and for each the move that
its days ask for. Which that is decides `lifecycle`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from monitoring_dagster.decisions.verdict import Level, Rule, Verdict
from monitoring_dagster.incidents import changes, lifecycle, merging, silences
from monitoring_dagster.incidents.briefing import Briefing
from monitoring_dagster.incidents.cause import Cause
from monitoring_dagster.incidents.changes import Change, Finding
from monitoring_dagster.incidents.context import context, leading
from monitoring_dagster.incidents.desk import Desk, Handled
from monitoring_dagster.incidents.grouping import group, outcome
from monitoring_dagster.incidents.incident import CauseOfDay, Incident, Outcome
from monitoring_dagster.incidents.lateness import is_late
from monitoring_dagster.incidents.lifecycle import Judged, Move, Rules
from monitoring_dagster.incidents.priority import priority
from monitoring_dagster.incidents.subjects import subject_of
from monitoring_dagster.incidents.titles import title
from monitoring_dagster.monitors.alerting import MOST_JUDGED_DAYS
from monitoring_dagster.store import cause_days, incidents
from monitoring_dagster.store.cause_days import CauseSaid, DayOutcome

HISTORY = dt.timedelta(days=60)
"""How far back a cause's days are looked at."""

AROUND = dt.timedelta(days=MOST_JUDGED_DAYS)
"""How far around a day causes that fired are asked after again."""

_UNJUDGED = (Level.NO_DATA, Level.NOT_ENOUGH_DATA, Level.ERROR, Level.SUPPRESSED)


@dataclass(frozen=True)
class _Day:
    """One day, and what it says of one cause."""

    day: dt.date
    verdicts: Sequence[Verdict]
    outcome: Outcome
    found: CauseOfDay | None


def follow(desk: Desk, briefing: Briefing, verdicts: Mapping[dt.date, Sequence[Verdict]]) -> None:
    """Open, change and end incidents as the verdicts of these days ask for, day by day."""
    for day, said in sorted(verdicts.items()):
        open_now = desk.open()
        grouped = group(briefing.monitor, day, said, [handled.incident for handled in open_now])
        found = {desk.key(c.cause): c for c in grouped}
        watched = _watched(desk, day, found, open_now)
        latest = desk.latest_of(watched)
        of_days: dict[str, _Day] = {}
        for key, cause in watched.items():
            signals = latest[key].incident.signals if key in latest else ()
            says = outcome(briefing.monitor, cause, said, grouped, signals)
            of_days[key] = _Day(day, said, says, found.get(key))
        _remember(desk, watched, of_days)
        since = day - HISTORY
        known = cause_days.of_causes(desk.connection, desk.monitor.name, watched, since)
        for key, cause in watched.items():
            judged = [_judged(d) for d in known[key]]
            _move(desk, briefing, key, cause, of_days[key], latest.get(key), judged)


def _watched(
    desk: Desk, day: dt.date, found: Mapping[str, CauseOfDay], open_now: Sequence[Handled]
) -> dict[str, Cause]:
    """Every cause that the day may say something of, by its key; the most upstream first."""
    lately = cause_days.lately_fired(desk.connection, desk.monitor.name, day - AROUND, day + AROUND)
    return {
        **{key: c.cause for key, c in found.items()},
        **{desk.key(h.incident.cause): h.incident.cause for h in open_now},
        **{key: Cause.parse(text) for key, text in lately.items() if key not in found},
    }


def _remember(desk: Desk, watched: Mapping[str, Cause], of_days: Mapping[str, _Day]) -> None:
    said = [CauseSaid(key, str(watched[key]), _said(of_day)) for key, of_day in of_days.items()]
    cause_days.put(desk.connection, desk.monitor.name, said)


def _said(of_day: _Day) -> DayOutcome:
    level = of_day.found.level if of_day.found else Level.OK
    return DayOutcome(of_day.day, of_day.outcome.value, level.value)


def _judged(said: DayOutcome) -> Judged:
    return Judged(said.day, Outcome(said.outcome), Level(said.level))


def _move(
    desk: Desk,
    briefing: Briefing,
    key: str,
    cause: Cause,
    of_day: _Day,
    latest: Handled | None,
    judged: Sequence[Judged],
) -> None:
    """Take the cause's incident to where its days say that it should be."""
    rules = Rules.of(desk.monitor, cause)
    history = [j for j in judged if j.day <= of_day.day]
    later = [j for j in judged if j.day > of_day.day]
    move = lifecycle.move(latest.incident if latest else None, history, rules, later=later)
    if move is Move.OPEN:
        _open(desk, briefing, key, cause, of_day, latest, history)
    elif latest is not None and move is not Move.NOTHING:
        # Marked first, so that an end or a return of what flaps is not told any more.
        before, marks = changes.marked(latest.incident, history, desk.now)
        after, events = _moved(desk, briefing, cause, of_day, before, judged, move)
        desk.change(latest, after, [*marks, *events])


def _moved(
    desk: Desk,
    briefing: Briefing,
    cause: Cause,
    of_day: _Day,
    before: Incident,
    judged: Sequence[Judged],
    move: Move,
) -> Change:
    rules, mute = Rules.of(desk.monitor, cause), desk.mute(before)
    if move is Move.RESOLVE:
        after, events = changes.resolved(before, rules, desk.now)
        lead = leading(cause, before.signals)
        facts = briefing.facts(desk.docket, of_day.day, before.since, lead)
        return replace(after, context=replace(after.context, trend=facts.trend)), events
    if move is Move.GONE:
        return changes.gone(before, rules, desk.now)
    finding = _finding(desk, briefing, cause, of_day, before)
    if move is Move.REOPEN:
        return changes.reopened(before, finding, mute=mute, at=desk.now)
    return changes.stayed(before, finding, judged, rules, mute=mute, at=desk.now)


def _open(
    desk: Desk,
    briefing: Briefing,
    key: str,
    cause: Cause,
    of_day: _Day,
    latest: Handled | None,
    history: Sequence[Judged],
) -> None:
    rules = Rules.of(desk.monitor, cause)
    since = lifecycle.began(latest.incident if latest else None, history, rules)
    finding = _finding(desk, briefing, cause, of_day, None)
    opened, events = changes.opened(
        lifecycle.reference(key, of_day.day, incidents.Refs(desk.connection)),
        desk.monitor.name,
        cause,
        finding,
        history,
        since=since,
        mute=silences.muted_cause(cause, desk.silences, desk.monitor, desk.now),
        at=desk.now,
    )
    desk.add(opened, events)


def _finding(
    desk: Desk, briefing: Briefing, cause: Cause, of_day: _Day, before: Incident | None
) -> Finding:
    """What the day says of the cause, weighed; put into words where it fires."""
    unjudged = frozenset(_unjudged(of_day.verdicts, before))
    signals = of_day.found.signals if of_day.found else ()
    if before is not None and of_day.outcome is not Outcome.FIRING:
        return Finding(
            of_day.day,
            of_day.outcome,
            signals,
            before.priority,
            before.title,
            before.context,
            unjudged=unjudged,
        )
    held = before.signals if before else ()
    so_far = merging.merged(held, signals, of_day.day, of_day.outcome, unjudged=unjudged)
    since = before.since if before and before.is_open else of_day.day
    lead = leading(cause, so_far)
    facts = briefing.facts(desk.docket, of_day.day, since, lead)
    return Finding(
        of_day.day,
        of_day.outcome,
        signals,
        priority(briefing.monitor, cause, signals),
        title(briefing.monitor, cause, signals),
        context(briefing.monitor, cause, of_day.day, of_day.verdicts, so_far, facts),
        is_late=of_day.found is not None
        and is_late(briefing.monitor, of_day.found, of_day.day, desk.now),
        unjudged=unjudged,
    )


def _unjudged(verdicts: Sequence[Verdict], before: Incident | None) -> Iterator[str]:
    """Subjects that the day could not judge, or of which it says nothing yet."""
    said = {v.subject.key: v.level for v in verdicts}
    yield from (key for key, level in said.items() if level in _UNJUDGED)
    for signal in before.signals if before else ():
        # Broken data is told only while it is broken: no word of it is a good word.
        is_silent = signal.subject not in said
        if is_silent and subject_of(signal.subject).rule is not Rule.DATA:
            yield signal.subject
