"""The watchdog: whether something is wrong with the monitoring itself.

Pure: facts in, alarms out. What an alarm says is `alarms`; how facts are gathered and alarms become
incidents is `monitoring_dagster.watch`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from monitoring_dagster.incidents import alarms
from monitoring_dagster.incidents.action_alarms import ActionFacts, of_actions
from monitoring_dagster.incidents.alarms import Alarm, Check, Task, TaskKind
from monitoring_dagster.incidents.briefing import Pages
from monitoring_dagster.incidents.cause import Cause, CauseKind
from monitoring_dagster.incidents.hours import A_DAY, HOUR
from monitoring_dagster.incidents.silences import muted_cause
from monitoring_dagster.monitors.calendar import days_between, taken_at
from monitoring_dagster.monitors.contract import Kind, Monitor
from monitoring_dagster.monitors.problems import Problem
from monitoring_dagster.monitors.vocabulary import LOCATION
from monitoring_dagster.store.backlog import Backlog
from monitoring_dagster.store.heartbeats import Beat
from monitoring_dagster.store.watching import SnapshotDay

GRACE = 6 * HOUR
"""After the schedule's hour a day may still be worked on."""

RETRIED_DAYS = 7
"""Days for which the schedule asks again for a day that was missed."""

SILENT_DAYS = 2
"""One day without rows is an incident of its own; from so many on nobody seems to deliver."""

A_WEEK = 7 * A_DAY

LOOKED_BACK_DAYS = 42
"""How far back snapshots are looked at: each weekday several times."""

UNSEEN_FOR = dt.timedelta(minutes=15)
"""A message that is due for longer than this has passed even the fallbacks by."""

OVERLAP = dt.timedelta(minutes=2)
"""How long an old daemon and its successor may run side by side."""

BEATS_FOR = dt.timedelta(minutes=15)
"""A daemon that has not been seen for so long is gone."""

LONGEST: Mapping[TaskKind, dt.timedelta] = {TaskKind.QUEUED: HOUR, TaskKind.RUNNING: 6 * HOUR}
"""How long something may be under way."""


@dataclass(frozen=True, slots=True)
class MonitorFacts:
    """What is known of one monitor.

    Args:
        monitor: its document.
        watched_since: when the watchdog first saw it: days that were due before are nobody's.
        evaluated_until: the last day that was evaluated; None where none was.
        snapshots: which of the latest measured days had rows.
        action: its latest action, if any.
        worse: that its champion does worse than the one before did, in a sentence; or empty.
    """

    monitor: Monitor
    watched_since: dt.datetime
    evaluated_until: dt.date | None = None
    snapshots: Sequence[SnapshotDay] = ()
    action: ActionFacts | None = None
    worse: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a deployment, or of a part of it.

    Args:
        monitors: those whose documents are valid.
        tasks: what is under way; of a monitor that is not among these, the location's.
        problems: of documents that cannot be used.
        backlog: what people are owed, by the patience `UNSEEN_FOR`; None where nobody looked.
        daemons: who evaluates sensors.
        audit: what is wrong with the audit log; empty for nothing.
        pages: where Dagster's pages are.
    """

    monitors: Sequence[MonitorFacts] = ()
    tasks: Sequence[Task] = ()
    problems: Sequence[Problem] = ()
    backlog: Backlog | None = None
    daemons: Sequence[Beat] = ()
    audit: str = ""
    pages: Pages = field(default_factory=Pages)


def findings(facts: Facts, now: dt.datetime) -> list[Alarm]:
    """Everything that is wrong, each once; of the same facts the same."""
    found = [alarm for known in facts.monitors for alarm in _of_monitor(known, facts.pages, now)]
    found += _stuck(facts, now)
    if facts.problems:
        found.append(alarms.configuration(facts.problems, now))
    left = facts.backlog
    if left is not None and (left.overdue or left.quarantined or left.failing):
        found.append(alarms.delivery_overdue(left, UNSEEN_FOR, now))
    if both := both_daemons(facts.daemons, now):
        found.append(alarms.two_daemons(*both))
    if facts.audit:
        found.append(alarms.audit_log(facts.audit, now))
    return found


def missed_days(known: MonitorFacts, now: dt.datetime) -> list[dt.date]:
    """The days after the last evaluated one that should have been evaluated by now.

    None of a monitor that is over, none that was due before it was watched, and none that the
    schedule would have taken in a window of maintenance.
    """
    monitor, seen = known.monitor, known.watched_since
    today = now.astimezone(monitor.zone).date()
    last = min(monitor.last_day or dt.date.max, today - A_DAY)
    if monitor.last_day is not None and today > monitor.last_day + (1 + RETRIED_DAYS) * A_DAY:
        return []
    first = max(monitor.first_day, seen.astimezone(monitor.zone).date() - A_DAY)
    if known.evaluated_until is not None:
        first = max(first, known.evaluated_until + A_DAY)
    cause = Cause(CauseKind.MONITORING, Check.NOT_RUN)
    return [
        day
        for day in days_between(first, last)
        if seen <= (due := taken_at(monitor, day)) <= now - GRACE
        and muted_cause(cause, (), monitor, due) is None
    ]


def silent_days(snapshots: Sequence[SnapshotDay]) -> Mapping[str, Sequence[dt.date]]:
    """By kind of telemetry, the latest measured days in a row without rows, if they are too many.

    A day does not count where the same weekday a week before was silent, too, and is no part of
    the row: some models rest at weekends. Labels come late by nature; their rules see to them.
    """
    found: dict[str, Sequence[dt.date]] = {}
    for kind in (Kind.FEATURES, Kind.PREDICTIONS):
        days = {snapshot.day: snapshot.has_rows for snapshot in snapshots if snapshot.kind == kind}
        with_rows = [day for day, has_rows in days.items() if has_rows]
        row = sorted(day for day in days if day > max(with_rows, default=dt.date.min))
        counting = [day for day in row if day - A_WEEK in row or days.get(day - A_WEEK, True)]
        if len(counting) >= SILENT_DAYS:
            found[kind.value] = row
    return found


def both_daemons(beats: Sequence[Beat], now: dt.datetime) -> tuple[Beat, Beat] | None:
    """A daemon that was seen again after a later one had begun, and that later one.

    One that takes the place of another is none: the earlier is then not seen any more.
    """
    present = sorted((beat for beat in beats if beat.at > now - BEATS_FOR), key=_since)
    for later in present:
        for earlier in present:
            if earlier.since < later.since and earlier.at >= later.since + OVERLAP:
                return earlier, later
    return None


def _since(beat: Beat) -> dt.datetime:
    return beat.since


def _of_monitor(known: MonitorFacts, pages: Pages, now: dt.datetime) -> Iterator[Alarm]:
    if missed := missed_days(known, now):
        yield alarms.not_run(known.monitor, missed, known.evaluated_until, GRACE, pages)
    if silent := silent_days(known.snapshots):
        yield alarms.source_silent(known.monitor, silent, pages)
    yield from of_actions(known.monitor, known.action, known.worse, now, pages)


def _stuck(facts: Facts, now: dt.datetime) -> Iterator[Alarm]:
    """One alarm for each monitor with something that is under way for too long."""
    names = {known.monitor.name for known in facts.monitors}
    by_owner: dict[str, list[Task]] = {}
    for task in sorted(facts.tasks, key=lambda task: (task.since, task.name)):
        if task.since <= now - LONGEST[task.kind]:
            owner = task.monitor if task.monitor in names else LOCATION
            by_owner.setdefault(owner, []).append(task)
    for owner, tasks in by_owner.items():
        yield alarms.run_stuck(owner, tasks, LONGEST[tasks[0].kind])
