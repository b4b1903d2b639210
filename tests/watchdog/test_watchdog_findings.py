"""Facts in, alarms out: what is wrong with the monitoring, and what only looks as if."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import pytest

from monitoring_dagster.errors import MonitorInvalid
from monitoring_dagster.incidents.alarms import Alarm, Check, Task, TaskKind
from monitoring_dagster.incidents.briefing import Pages
from monitoring_dagster.incidents.incident import NextStep, Priority
from monitoring_dagster.incidents.watchdog import Facts, MonitorFacts, findings, missed_days
from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.monitors.problems import Problem
from monitoring_dagster.store.backlog import Backlog
from monitoring_dagster.store.heartbeats import Beat
from monitoring_dagster.store.watching import SnapshotDay
from tests.watchdog.monitors import monitor_of

LONG_AGO = dt.datetime(2025, 12, 24, tzinfo=dt.UTC)
NOON = dt.datetime(2026, 2, 10, 12, tzinfo=dt.UTC)
MAINTENANCE = """\
alerting:
  maintenance:
    - {days: [tue], from: "05:00", to: "07:00", because: the database is saved}
"""


def at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def known(
    monitor: Monitor, evaluated_until: str | None = None, since: dt.datetime = LONG_AGO
) -> MonitorFacts:
    return MonitorFacts(monitor, since, day(evaluated_until) if evaluated_until else None)


def only(found: Sequence[Alarm]) -> Alarm:
    (alarm,) = found
    return alarm


@pytest.mark.parametrize(
    ("zone", "more", "first", "since", "evaluated_until", "now", "missed"),
    [
        pytest.param(
            "UTC", "", "2026-01-01", LONG_AGO, "2026-02-09", "2026-02-10T12:00", [],
            id="nothing, where yesterday was evaluated",
        ),
        pytest.param(
            "UTC", "", "2026-01-01", LONG_AGO, "2026-02-08", "2026-02-10T11:59", [],
            id="nothing, while yesterday may still be worked on",
        ),
        pytest.param(
            "UTC", "", "2026-01-01", LONG_AGO, "2026-02-08", "2026-02-10T12:00", ["2026-02-09"],
            id="yesterday, from the end of the grace on",
        ),
        pytest.param(
            "UTC", "", "2026-01-01", LONG_AGO, "2026-02-06", "2026-02-10T11:00",
            ["2026-02-07", "2026-02-08"],
            id="every day since the last one but one that is not due yet",
        ),
        pytest.param(
            "UTC", "", "2026-01-01", at("2026-02-10T09:00"), None, "2026-02-10T23:00", [],
            id="nothing of a fresh deployment before its first schedule",
        ),
        pytest.param(
            "UTC", "", "2026-01-01", at("2026-02-10T09:00"), None, "2026-02-11T11:59", [],
            id="nothing of a fresh deployment before the grace of its first schedule is over",
        ),
        pytest.param(
            "UTC", "", "2026-01-01", at("2026-02-10T09:00"), None, "2026-02-11T12:00",
            ["2026-02-10"],
            id="the first scheduled day of a fresh deployment, and none before",
        ),
        pytest.param(
            "UTC", "", "2026-02-10", LONG_AGO, None, "2026-02-10T12:00", [],
            id="nothing before the monitor's first day is over",
        ),
        pytest.param(
            "UTC", "last_day: 2026-02-08\n", "2026-01-01", LONG_AGO, "2026-02-08",
            "2026-02-10T12:00", [],
            id="nothing after the last day of a monitor",
        ),
        pytest.param(
            "UTC", "last_day: 2026-02-08\n", "2026-01-01", LONG_AGO, "2026-02-07",
            "2026-02-10T12:00", ["2026-02-08"],
            id="the last day of a monitor, while the schedule would still take it",
        ),
        pytest.param(
            "UTC", "last_day: 2026-02-01\n", "2026-01-01", LONG_AGO, "2026-01-20",
            "2026-02-10T12:00", [],
            id="nothing of a monitor that is over for a week",
        ),
        pytest.param(
            "UTC", MAINTENANCE, "2026-01-01", LONG_AGO, "2026-02-08", "2026-02-10T12:00", [],
            id="nothing, where the schedule's hour lay in a window of maintenance",
        ),
        pytest.param(
            "UTC", MAINTENANCE, "2026-01-01", LONG_AGO, "2026-02-07", "2026-02-10T12:00",
            ["2026-02-08"],
            id="the day before maintenance, and not that of the maintenance",
        ),
        pytest.param(
            "America/New_York", "", "2026-01-01", LONG_AGO, "2026-03-06", "2026-03-08T15:59", [],
            id="nothing at 11:59 on the morning when clocks go forward",
        ),
        pytest.param(
            "America/New_York", "", "2026-01-01", LONG_AGO, "2026-03-06", "2026-03-08T16:00",
            ["2026-03-07"],
            id="the day before clocks go forward, at noon of the short day",
        ),
        pytest.param(
            "America/New_York", "", "2026-01-01", LONG_AGO, "2026-10-30", "2026-11-01T17:00",
            ["2026-10-31"],
            id="the day before clocks go back, at noon of the long day",
        ),
        pytest.param(
            "Pacific/Auckland", "", "2026-01-01", LONG_AGO, "2026-02-08", "2026-02-09T23:00",
            ["2026-02-09"],
            id="a day that is over where the monitor lives, and not in UTC",
        ),
    ],
)  # fmt: skip
def test_the_days_that_should_have_been_evaluated_are(
    zone: str,
    more: str,
    first: str,
    since: dt.datetime,
    evaluated_until: str | None,
    now: str,
    missed: list[str],
) -> None:
    facts = known(monitor_of(zone=zone, first=first, more=more), evaluated_until, since)
    assert missed_days(facts, at(now)) == [day(text) for text in missed]


def test_a_monitor_that_was_not_run_is_told_with_what_to_do() -> None:
    monitor = monitor_of(more="materiality: high\n")
    pages = Pages(dagster="https://dagster.example.org")
    alarm = only(findings(Facts([known(monitor, "2026-02-06")], pages=pages), NOON))
    assert (alarm.monitor, str(alarm.cause)) == ("small", "monitoring:not_run")
    assert (alarm.priority, alarm.level.value) == (Priority.P2, "critical")
    assert (alarm.title, alarm.since) == ("not evaluated since 2026-02-06", day("2026-02-07"))
    context = alarm.context
    assert context.what == "3 days are due and not evaluated: 2026-02-07 to 2026-02-09"
    assert "at 06:00 UTC of the next morning, and 6 hours more are over" in context.how_sure
    assert context.how_large
    assert context.next_step is NextStep.FIX_MONITORING
    run = "`monitoring-dagster run small --from 2026-02-07 --to 2026-02-09`"
    assert run in context.next_step_because
    (link,) = context.links
    assert link.url.startswith("https://dagster.example.org/assets/small/evaluation?")


def rows(text: str, kind: str = "features", last: str = "2026-02-09") -> list[SnapshotDay]:
    """Days up to `last`, the latest on the right: `#` has rows, `.` none, a blank was not run."""
    first = day(last) - dt.timedelta(days=len(text) - 1)
    return [
        SnapshotDay(kind, first + dt.timedelta(days=i), mark == "#")
        for i, mark in enumerate(text)
        if mark != " "
    ]


@pytest.mark.parametrize(
    ("days", "told"),
    [
        pytest.param("##########", "", id="rows on every day: nothing"),
        pytest.param("#########.", "", id="one day without: an incident of its own, and no more"),
        pytest.param("########..", "no features for 2 days", id="two days in a row: an alarm"),
        pytest.param("#######. .", "no features for 2 days", id="days that were not run: neither"),
        pytest.param("#####...##", "", id="rows again: nothing any more"),
        pytest.param("..", "no features for 2 days", id="never a row: an alarm"),
        pytest.param("#####..#####..", "", id="a second weekend without rows: nothing"),
        pytest.param("#####..#####....", "no features for 4 days", id="more than the weekend"),
        pytest.param("##" + 12 * ".", "no features for 12 days", id="a second week of silence"),
    ],
)
def test_a_source_is_silent_after_two_unusual_days_without_rows(days: str, told: str) -> None:
    facts = MonitorFacts(monitor_of(), LONG_AGO, day("2026-02-09"), rows(days))
    assert [alarm.title for alarm in findings(Facts([facts]), NOON)] == ([told] if told else [])


def test_all_that_is_silent_is_one_alarm_and_labels_are_none() -> None:
    silent = [*rows("##..."), *rows("###..", "predictions"), *rows(".....", "labels")]
    facts = MonitorFacts(monitor_of(), LONG_AGO, day("2026-02-09"), silent)
    alarm = only(findings(Facts([facts]), NOON))
    assert (alarm.check, alarm.since) == (Check.SOURCE_SILENT, day("2026-02-07"))
    assert alarm.title == "no features and predictions for 3 days"
    assert alarm.context.details == (
        ("Without features", "2026-02-07 to 2026-02-09"),
        ("Without predictions", "2026-02-08 to 2026-02-09"),
    )


def backlog(
    overdue: int = 0,
    quarantined: int = 0,
    failing: tuple[tuple[str, str], ...] = (),
    waiting: int = 3,
) -> Backlog:
    return Backlog(waiting, overdue, at("2026-02-10T11:30"), quarantined, failing)


@pytest.mark.parametrize(
    ("left", "title", "what"),
    [
        pytest.param(backlog(), None, None, id="messages that wait for less than that: nothing"),
        pytest.param(
            backlog(overdue=1),
            "messages do not reach anybody",
            "1 message is due, the oldest since 2026-02-10 11:30 UTC, and told to nobody",
            id="a message that is overdue",
        ),
        pytest.param(
            backlog(quarantined=1),
            "a message is refused in every form",
            "1 message is refused in every form",
            id="a message that nothing accepts",
        ),
        pytest.param(
            backlog(failing=(("#flights", "not_in_channel"), ("", "is_archived"))),
            "#flights takes no messages",
            "#flights, the deployment's own channel takes nothing",
            id="places that are blocked",
        ),
    ],
)
def test_messages_that_do_not_arrive_are_told(
    left: Backlog, title: str | None, what: str | None
) -> None:
    found = findings(Facts(backlog=left), NOON)
    assert [alarm.title for alarm in found] == ([title] if title else [])
    assert [alarm.context.what for alarm in found] == ([what] if what else [])
    assert {(a.monitor, a.priority) for a in found} <= {("location", Priority.P2)}


def test_a_place_that_is_blocked_is_told_with_its_reason() -> None:
    left = backlog(failing=(("#flights", "not_in_channel"),))
    context = only(findings(Facts(backlog=left), NOON)).context
    assert context.details == (("#flights", "not_in_channel"),)
    assert "`monitoring-dagster doctor --live`" in context.next_step_because


def test_an_alarm_says_the_same_while_more_of_the_same_waits() -> None:
    few, more = (Facts(backlog=backlog(overdue=n, waiting=n)) for n in (12, 57))
    later = NOON + dt.timedelta(hours=5)
    assert findings(few, NOON) == findings(more, later)


def task(kind: TaskKind, minutes: float, monitor: str = "small", name: str = "run 1") -> Task:
    return Task(kind, name, NOON - dt.timedelta(minutes=minutes), monitor, f"https://d/{name}")


@pytest.mark.parametrize(
    ("one", "is_stuck"),
    [
        pytest.param(task(TaskKind.QUEUED, 59), False, id="queued for less than an hour"),
        pytest.param(task(TaskKind.QUEUED, 60), True, id="queued for an hour"),
        pytest.param(task(TaskKind.RUNNING, 359), False, id="running for less than six hours"),
        pytest.param(task(TaskKind.RUNNING, 360), True, id="running for six hours"),
    ],
)
def test_a_run_is_stuck_when_it_takes_longer_than_any_should(one: Task, is_stuck: bool) -> None:
    facts = Facts([known(monitor_of(), "2026-02-09")], [one])
    assert [alarm.check for alarm in findings(facts, NOON)] == [Check.RUN_STUCK] * is_stuck


def test_stuck_runs_of_one_monitor_are_one_alarm_and_strangers_are_the_locations() -> None:
    tasks = [
        task(TaskKind.QUEUED, 61, name="run 2"),
        task(TaskKind.RUNNING, 999, name="run 1"),
        task(TaskKind.QUEUED, 70, "gone", name="run 3"),
    ]
    mine, of_all = findings(Facts([known(monitor_of(), "2026-02-09")], tasks), NOON)
    assert mine.title == "run 1 is running since 2026-02-09 19:21 UTC, and 1 more"
    assert [link.text for link in mine.context.links] == ["run 1", "run 2"]
    assert (mine.monitor, of_all.monitor) == ("small", "location")


def beat(owner: str, since: str, until: str) -> Beat:
    return Beat(owner, at(f"2026-02-10T{since}"), at(f"2026-02-10T{until}"))


@pytest.mark.parametrize(
    ("beats", "are_two"),
    [
        pytest.param([], False, id="no daemon has been seen: nothing"),
        pytest.param([beat("a", "08:00", "12:00")], False, id="one daemon: nothing"),
        pytest.param(
            [beat("a", "08:00", "11:55"), beat("b", "11:56", "12:00")],
            False,
            id="a restart: nothing",
        ),
        pytest.param(
            [beat("a", "08:00", "11:57"), beat("b", "11:56", "12:00")],
            False,
            id="a successor that came before its predecessor left: nothing",
        ),
        pytest.param(
            [beat("a", "08:00", "11:59"), beat("b", "11:56", "12:00")],
            True,
            id="the earlier one goes on: two daemons",
        ),
        pytest.param(
            [beat("a", "08:00", "10:30"), beat("b", "10:00", "12:00")],
            False,
            id="one of two has gone: nothing any more",
        ),
        pytest.param(
            [beat("x", "07:00", "11:40"), beat("a", "08:00", "12:00"), beat("b", "09:00", "11:59")],
            True,
            id="two of three that were",
        ),
    ],
)
def test_two_daemons_are_two_that_take_turns(beats: list[Beat], are_two: bool) -> None:
    found = findings(Facts(daemons=beats), NOON)
    assert [alarm.check for alarm in found] == [Check.TWO_DAEMONS] * are_two
    assert all(a.context.details == (("First", "a"), ("Second", "b")) for a in found)


def test_documents_that_cannot_be_used_are_one_alarm_without_the_machines_paths() -> None:
    problems = [
        Problem(
            "/srv/monitors/churn.yaml", 3, "model.task", "got 'binery', required one of binary"
        ),
        Problem("/srv/monitors/fraud.yaml", 1, "", "is not a file"),
    ]
    alarm = only(findings(Facts(problems=problems), NOON))
    assert alarm.title == "2 documents cannot be used"
    assert "churn.yaml, fraud.yaml" in alarm.context.what
    assert alarm.context.checks == (
        "churn.yaml:3: model.task: got 'binery', required one of binary",
        "fraud.yaml:1: is not a file",
    )
    assert "/srv" not in str(alarm)


def test_a_deployment_where_all_is_well_has_no_alarm() -> None:
    facts = MonitorFacts(monitor_of(), LONG_AGO, day("2026-02-09"), rows("#######"))
    assert findings(Facts([facts], backlog=backlog()), NOON) == []


def test_no_monitor_can_be_called_what_all_together_are_called() -> None:
    with pytest.raises(MonitorInvalid, match=r"name: location is what all monitors together are"):
        monitor_of("location")
