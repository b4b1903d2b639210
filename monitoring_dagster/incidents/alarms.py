"""Alarms: what is wrong with the monitoring itself, in words.

Texts hold instants and no lengths of time, so that an alarm that stays says the same at every
look. When there is one is `watchdog`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePath

from monitoring_dagster.decisions.verdict import Level
from monitoring_dagster.incidents.briefing import Briefing, Pages
from monitoring_dagster.incidents.cause import Cause, CauseKind
from monitoring_dagster.incidents.incident import Context, Link, NextStep, Priority
from monitoring_dagster.incidents.phrases import in_a_row
from monitoring_dagster.monitors.contract import Materiality, Monitor
from monitoring_dagster.monitors.problems import Problem
from monitoring_dagster.monitors.vocabulary import LOCATION
from monitoring_dagster.store.backlog import Backlog
from monitoring_dagster.store.heartbeats import Beat

_ROOM = 200


class Check(StrEnum):
    """What the watchdog looks at; the names of its causes."""

    NOT_RUN = "not_run"
    SOURCE_SILENT = "source_silent"
    DELIVERY_OVERDUE = "delivery_overdue"
    RUN_STUCK = "run_stuck"
    TWO_DAEMONS = "two_daemons"
    CONFIGURATION = "configuration"
    AUDIT_LOG = "audit_log"
    APPROVAL_WANTED = "approval_wanted"
    ACTION_FAILED = "action_failed"
    ACTION_LATE = "action_late"
    CHAMPION_WORSE = "champion_worse"


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something is wrong with the monitoring.

    Args:
        monitor: whose; `location` for all of them.
        check: what was looked at.
        priority: how soon somebody has to look.
        title: what is wrong, in a few words.
        since: the day since which it is so.
        context: everything else that a message says.
    """

    monitor: str
    check: Check
    priority: Priority
    title: str
    since: dt.date
    context: Context

    @property
    def cause(self) -> Cause:
        """By which it is one incident, however long it lasts."""
        return Cause(CauseKind.MONITORING, self.check)

    @property
    def level(self) -> Level:
        """Critical where somebody has to answer within hours."""
        return Level.CRITICAL if self.priority < Priority.P3 else Level.WARN


class TaskKind(StrEnum):
    """What can be under way."""

    QUEUED = "queued"
    RUNNING = "running"


@dataclass(frozen=True, slots=True)
class Task:
    """Something that is under way.

    Args:
        kind: what it is, which decides for how long it may last.
        name: what people call it.
        since: the instant since which it is so.
        monitor: whose it is; empty for none.
        url: where more of it is to be seen; empty for nowhere.
    """

    kind: TaskKind
    name: str
    since: dt.datetime
    monitor: str = ""
    url: str = ""


def not_run(
    monitor: Monitor,
    missed: Sequence[dt.date],
    evaluated_until: dt.date | None,
    grace: dt.timedelta,
    pages: Pages,
) -> Alarm:
    """Days are due and not evaluated."""
    at, high = monitor.schedule, monitor.materiality is Materiality.HIGH
    count = "1 day is" if len(missed) == 1 else f"{len(missed)} days are"
    return Alarm(
        monitor.name,
        Check.NOT_RUN,
        Priority.P2 if high else Priority.P3,
        f"not evaluated since {evaluated_until}" if evaluated_until else "never evaluated",
        missed[0],
        Context(
            what=f"{count} due and not evaluated: {_span(missed)}",
            how_sure=f"the schedule takes a day at {at.hour:02d}:{at.minute:02d} "
            f"{monitor.time_zone} of the next morning, and {_hours(grace)} more are over",
            how_large="whatever the model did on these days, nobody would have been told",
            next_step=NextStep.FIX_MONITORING,
            next_step_because=f"look at the latest runs of {monitor.name}_daily: they failed, "
            "wait, or were never asked for because the daemon or the schedule is off; "
            f"`monitoring-dagster run {monitor.name} --from {missed[0]} --to {missed[-1]}` "
            "takes what was missed",
            links=_links(monitor, missed[-1], pages),
            details=(("Last evaluated", str(evaluated_until or "no day yet")),),
        ),
    )


def source_silent(monitor: Monitor, silent: Mapping[str, Sequence[dt.date]], pages: Pages) -> Alarm:
    """Days were run and found no rows; `silent` names them by kind of telemetry."""
    longest = max(silent.values(), key=len)
    kinds = " and ".join(silent)
    return Alarm(
        monitor.name,
        Check.SOURCE_SILENT,
        Priority.P3,
        f"no {kinds} for {len(longest)} days",
        longest[0],
        Context(
            what=f"no row of {kinds} came for {len(longest)} days in a row: {_span(longest)}",
            how_sure="each of these days was run and found none, and it is not the weekday",
            how_large="nothing of these days can be measured",
            next_step=NextStep.FIX_MONITORING,
            next_step_because="look whether the source's path, query and rights are still right, "
            "and ask whoever delivers it; rows that come later are taken by "
            f"`monitoring-dagster run {monitor.name} --from {longest[0]} --to {longest[-1]}`",
            links=_links(monitor, longest[-1], pages),
            details=tuple((f"Without {kind}", _span(days)) for kind, days in silent.items()),
        ),
    )


def run_stuck(owner: str, tasks: Sequence[Task], longest: dt.timedelta) -> Alarm:
    """Something is under way for too long; `tasks` begin with the oldest, which may `longest`."""
    first, others = tasks[0], len(tasks) - 1
    what = f"{first.name} is {first.kind} since {_instant(first.since)}"
    return Alarm(
        owner,
        Check.RUN_STUCK,
        Priority.P3,
        f"{what}, and {others} more" if others else what,
        first.since.astimezone(dt.UTC).date(),
        Context(
            what=f"{what}, which should last {_hours(longest)} at most",
            how_large="what it would do is not done, and neither is what waits for it",
            next_step=NextStep.FIX_MONITORING,
            next_step_because="if its process is gone, terminate it and start it again, which is "
            "safe at any point; if it waits, look whether the daemon runs and what is before it",
            links=tuple(Link(task.name, task.url) for task in tasks if task.url),
            details=tuple((t.name, f"{t.kind} since {_instant(t.since)}") for t in tasks),
        ),
    )


def configuration(problems: Sequence[Problem], now: dt.datetime) -> Alarm:
    """Documents cannot be used."""
    files = sorted({PurePath(problem.file).name for problem in problems})
    which = files[0] if len(files) == 1 else f"{len(files)} documents"
    return Alarm(
        LOCATION,
        Check.CONFIGURATION,
        Priority.P2,
        f"{which} cannot be used",
        now.astimezone(dt.UTC).date(),
        Context(
            what=f"what {in_a_row(files, _ROOM)} should describe is not watched; all other "
            "monitors go on",
            checks=tuple(_without_folder(problem) for problem in problems),
            next_step=NextStep.FIX_MONITORING,
            next_step_because="`monitoring-dagster check` tells every problem with its line; "
            "reload the code location once it finds none",
        ),
    )


def delivery_overdue(left: Backlog, patience: dt.timedelta, now: dt.datetime) -> Alarm:
    """People are not told what they are owed, or not where they look."""
    said: list[str] = []
    if left.failing:
        said.append(f"{in_a_row([_place(name) for name, _ in left.failing], _ROOM)} takes nothing")
    if left.overdue and left.oldest is not None:
        since = _instant(left.oldest)
        said.append(f"{_some(left.overdue)} due, the oldest since {since}, and told to nobody")
    if left.quarantined:
        said.append(f"{_some(left.quarantined)} refused in every form")
    late = f"a message goes within seconds; {patience // dt.timedelta(minutes=1)} minutes are over"
    return Alarm(
        LOCATION,
        Check.DELIVERY_OVERDUE,
        Priority.P2,
        _title_of_delivery(left),
        ((left.oldest if left.overdue else None) or now).astimezone(dt.UTC).date(),
        Context(
            what="; ".join(said),
            how_sure=late if left.overdue else "",
            how_large="incidents are kept, and told late or elsewhere than where people look",
            next_step=NextStep.FIX_MONITORING,
            next_step_because="`monitoring-dagster doctor --live` says what is wrong and how to "
            "mend it; what waits is then sent in its order, each once",
            details=tuple((_place(name), because) for name, because in left.failing),
        ),
    )


def two_daemons(earlier: Beat, later: Beat) -> Alarm:
    """Two daemons ask for the same runs."""
    return Alarm(
        LOCATION,
        Check.TWO_DAEMONS,
        Priority.P3,
        "two Dagster daemons run at once",
        later.since.astimezone(dt.UTC).date(),
        Context(
            what=f"a second Dagster daemon appeared at {_instant(later.since)}, and the first one "
            "goes on",
            how_sure="the two take turns in Dagster's own record of who evaluates the sensors",
            how_large="days may be run twice at once; what is stored and told stays the same",
            next_step=NextStep.FIX_MONITORING,
            next_step_because="stop one of them: Dagster itself does not prevent two",
            details=(("First", earlier.owner), ("Second", later.owner)),
        ),
    )


def audit_log(found: str, now: dt.datetime) -> Alarm:
    """The audit log is not as it was written; `found` says how that shows."""
    return Alarm(
        LOCATION,
        Check.AUDIT_LOG,
        Priority.P1,
        "the audit log cannot be relied on",
        now.astimezone(dt.UTC).date(),
        Context(
            what=found,
            how_sure="each row is chained to the one before, and checkpoints are signed",
            how_large="who decided what before is not proven any more",
            next_step=NextStep.FIX_MONITORING,
            next_step_because="keep a copy of the database and of the checkpoints, and find out "
            "who could write to them; `monitoring-dagster audit verify` names the first row that "
            "cannot be relied on, and checks again once all is restored",
        ),
    )


def _title_of_delivery(left: Backlog) -> str:
    if left.overdue:
        return "messages do not reach anybody"
    if left.failing:
        return f"{_place(left.failing[0][0])} takes no messages"
    return "a message is refused in every form"


def _without_folder(problem: Problem) -> str:
    return str(Problem(PurePath(problem.file).name, problem.line, problem.key, problem.message))


def _links(monitor: Monitor, day: dt.date, pages: Pages) -> tuple[Link, ...]:
    return Briefing(monitor, lambda _: (), pages).links(day)


def _span(days: Sequence[dt.date]) -> str:
    return str(days[0]) if len(days) == 1 else f"{days[0]} to {days[-1]}"


def _instant(at: dt.datetime) -> str:
    return f"{at.astimezone(dt.UTC):%Y-%m-%d %H:%M} UTC"


def _hours(length: dt.timedelta) -> str:
    hours = length // dt.timedelta(hours=1)
    return "an hour" if hours == 1 else f"{hours} hours"


def _place(destination: str) -> str:
    return destination or "the deployment's own channel"


def _some(count: int) -> str:
    """About how many messages: nobody wants an edit for each that joins those that wait.

    >>> _some(1), _some(7), _some(4321)
    ('1 message is', 'some messages are', 'more than 1000 messages are')
    """
    if count == 1:
        return "1 message is"
    least = 10 ** (len(str(count)) - 1)
    return "some messages are" if least < 10 else f"more than {least} messages are"
