"""Level-triggered: what is wrong has one open incident, what is not any more has none."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from monitoring_dagster.errors import StoreError
from monitoring_dagster.failpoints import VARIABLE
from monitoring_dagster.incidents import desk as desks
from monitoring_dagster.incidents.alarms import Task, TaskKind
from monitoring_dagster.incidents.audience import Location
from monitoring_dagster.incidents.desk import Desk, Office
from monitoring_dagster.incidents.incident import Status
from monitoring_dagster.monitors.problems import Problem
from monitoring_dagster.store import Docket, Store
from monitoring_dagster.watch import Seen
from tests.watchdog.deployment import DAY, HOUR, QUIET, Deployment
from tests.watchdog.monitors import monitor_of

MINUTE = dt.timedelta(minutes=1)
BROKEN = replace(QUIET, problems=[Problem("/srv/churn.yaml", 1, "", "is not a file")])


@pytest.fixture
def deployment(store: Store) -> Deployment:
    """One monitor that the watchdog knows, and whose first day is the one that begins."""
    made = Deployment(store, [monitor_of(first="2026-02-02")])
    assert made.look().alarms == []
    return made


def test_a_day_that_is_not_evaluated_opens_an_incident_once(deployment: Deployment) -> None:
    deployment.pass_by(DAY + 6 * HOUR)
    assert deployment.look().alarms == []
    deployment.pass_by(HOUR)
    (ref,) = deployment.look().opened
    again = deployment.look()
    assert (again.opened, len(again.alarms)) == ([], 1)
    (incident,) = deployment.incidents()
    assert (incident.ref, incident.monitor, incident.status) == (ref, "small", Status.OPEN)
    assert str(incident.cause) == "monitoring:not_run"
    assert incident.since == dt.date(2026, 2, 2)
    assert deployment.owed() == [("root", "")]


def test_a_whole_life_is_the_same_on_both_databases(either_store: Store) -> None:
    deployment = Deployment(either_store, [monitor_of(first="2026-02-02")])
    deployment.look(Seen(channel="slack", daemon="a"))
    deployment.owe("one", "#flights")
    deployment.block("#flights", "not_in_channel")
    deployment.snapshot("2026-02-02", 0)
    deployment.snapshot("2026-02-03", 0)
    deployment.delivers = False
    deployment.pass_by(DAY + 7 * HOUR)
    opened = deployment.look(replace(BROKEN, daemon="b"))
    assert {alarm.check.value for alarm in opened.alarms} == {
        "configuration",
        "delivery_overdue",
        "not_run",
        "source_silent",
    }
    deployment.mend()
    deployment.deliver()
    deployment.evaluate("2026-02-02")
    deployment.snapshot("2026-02-04", 9)
    resolved = deployment.look()
    assert (resolved.alarms, sorted(resolved.resolved)) == ([], sorted(opened.opened))
    deployment.deliver()
    deployment.pass_by(DAY)
    (ref,) = deployment.look().opened
    (incident,) = [i for i in deployment.incidents() if i.is_open]
    assert (incident.ref, incident.reopened) == (ref, 1)
    assert deployment.events(ref) == ["opened", "resolved", "reopened"]


def test_an_alarm_that_is_gone_resolves_its_incident(deployment: Deployment) -> None:
    deployment.pass_by(DAY + 7 * HOUR)
    (ref,) = deployment.look().opened
    deployment.evaluate("2026-02-02")
    assert deployment.look().resolved == [ref]
    assert deployment.look().resolved == []
    (incident,) = deployment.incidents()
    assert incident.resolved_because == "nothing is wrong any more"
    assert deployment.owed() == [("root", ""), ("resolution", "")]


def test_an_alarm_that_comes_back_soon_reopens_its_incident(deployment: Deployment) -> None:
    deployment.pass_by(DAY + 7 * HOUR)
    (ref,) = deployment.look().opened
    deployment.evaluate("2026-02-02")
    deployment.look()
    deployment.pass_by(DAY)
    assert deployment.look().opened == [ref]
    (incident,) = deployment.incidents()
    assert incident.title == "not evaluated since 2026-02-02"
    assert [kind for kind, _ in deployment.owed()] == ["root", "resolution", "reopening"]


def test_an_alarm_that_comes_back_late_is_another_incident(deployment: Deployment) -> None:
    deployment.seen = BROKEN
    (first,) = deployment.look().opened
    deployment.look(QUIET)
    deployment.monitors = []
    deployment.pass_by(3 * DAY)
    (second,) = deployment.look().opened
    assert first != second
    assert [i.reopened for i in deployment.incidents("location")] == [0, 0]


def test_an_incident_that_stays_is_only_written_when_people_would_see_it(
    deployment: Deployment,
) -> None:
    deployment.pass_by(DAY + 7 * HOUR)
    deployment.look()
    (opened,) = deployment.incidents()
    for _ in range(3):
        deployment.pass_by(HOUR)
        deployment.look()
    assert deployment.incidents() == [opened]
    deployment.pass_by(DAY)
    deployment.look()
    (later,) = deployment.incidents()
    assert later.revision == opened.revision + 1
    assert later.context.what == "2 days are due and not evaluated: 2026-02-02 to 2026-02-03"
    assert later.last_day == dt.date(2026, 2, 4)
    assert deployment.events(later.ref) == ["opened"]


def test_what_a_person_has_ended_stays_so_for_the_day(deployment: Deployment) -> None:
    deployment.pass_by(DAY + 7 * HOUR)
    (ref,) = deployment.look().opened
    deployment.resolve_by_hand(deployment.monitors[0], ref)
    deployment.pass_by(10 * HOUR)
    assert deployment.look().opened == []
    deployment.pass_by(2 * HOUR)
    assert deployment.look().opened == [ref]


def test_what_comes_and_goes_is_told_by_its_message_alone(deployment: Deployment) -> None:
    for _ in range(10):
        deployment.look(BROKEN)
        deployment.pass_by(MINUTE)
        deployment.look()
        deployment.pass_by(MINUTE)
    (incident,) = deployment.incidents()
    assert incident.is_flapping
    assert [kind for kind, _ in deployment.owed()] == [
        "root",
        "resolution",
        "reopening",
        "resolution",
    ]
    deployment.look(BROKEN)
    deployment.pass_by(25 * HOUR)
    deployment.monitors = []
    deployment.look(BROKEN)
    (rested,) = deployment.incidents()
    assert rested.is_open
    assert not rested.is_flapping


def test_a_source_without_rows_for_two_days_is_silent(deployment: Deployment) -> None:
    deployment.snapshot("2026-02-02", 500)
    deployment.snapshot("2026-02-03", 0)
    assert deployment.look().alarms == []
    deployment.snapshot("2026-02-04", 0)
    (ref,) = deployment.look().opened
    (incident,) = deployment.incidents()
    assert str(incident.cause) == "monitoring:source_silent"
    deployment.snapshot("2026-02-05", 500)
    assert deployment.look().resolved == [ref]


def test_a_message_that_is_overdue_is_told_in_the_deployments_own_channel(
    deployment: Deployment,
) -> None:
    deployment.delivers = False
    deployment.owe("one", "#flights")
    deployment.pass_by(15 * MINUTE - MINUTE)
    assert deployment.look().can_tell
    deployment.pass_by(2 * MINUTE)
    watched = deployment.look()
    assert not watched.can_tell
    (incident,) = deployment.incidents()
    assert (incident.monitor, incident.ref) == ("location", *watched.opened)
    assert deployment.owed() == [("escalation", "#flights"), ("root", "")]
    deployment.deliver()
    assert deployment.look().resolved == watched.opened
    assert deployment.look().can_tell


def test_a_place_that_takes_nothing_is_told_at_once_and_ends_when_it_is_mended(
    deployment: Deployment,
) -> None:
    deployment.owe("one", "#flights")
    deployment.block("#flights", "not_in_channel")
    (ref,) = deployment.look().opened
    (incident,) = deployment.incidents()
    assert incident.title == "#flights takes no messages"
    assert incident.context.details == (("#flights", "not_in_channel"),)
    deployment.mend()
    assert deployment.look().resolved == [ref]


def test_an_alarm_about_its_own_place_ends_when_that_is_mended(
    deployment: Deployment,
) -> None:
    deployment.owe("one")
    deployment.block("", "is_archived")
    (ref,) = deployment.look().opened
    assert deployment.owed()[-1] == ("root", "")
    deployment.mend()
    assert deployment.look().resolved == [ref]


def test_two_daemons_that_take_turns_are_told_and_a_restart_is_not(deployment: Deployment) -> None:
    def look_at(daemon: str) -> list[str]:
        deployment.pass_by(MINUTE)
        return deployment.look(Seen(channel="slack", daemon=daemon)).opened

    assert [look_at(daemon) for daemon in ("a", "a", "a", "b", "b")] == [[]] * 5
    assert [look_at(daemon) for daemon in ("c", "b")] == [[], []]
    (ref,) = look_at("c") + look_at("b")
    (incident,) = deployment.incidents()
    assert str(incident.cause) == "monitoring:two_daemons"
    deployment.pass_by(HOUR)
    assert deployment.look(Seen(channel="slack", daemon="c")).resolved == [ref]


def test_a_stuck_run_belongs_to_its_monitor_and_a_strangers_to_the_location(
    deployment: Deployment,
) -> None:
    since = deployment.now - 7 * HOUR
    tasks = [
        Task(TaskKind.RUNNING, "run 1 of small_daily", since, "small"),
        Task(TaskKind.RUNNING, "run 2 of retention", since),
    ]
    deployment.look(Seen(channel="slack", tasks=tasks))
    assert [i.monitor for i in deployment.incidents()] == ["location", "small"]
    deployment.look(Seen(channel="slack", tasks=tasks[1:]))
    assert [i.status for i in deployment.incidents("small")] == [Status.RESOLVED]


def test_nothing_is_expected_of_a_monitor_that_is_not_loaded_any_more(
    deployment: Deployment,
) -> None:
    deployment.pass_by(DAY + 7 * HOUR)
    (ref,) = deployment.look().opened
    loaded, deployment.monitors = deployment.monitors, []
    assert deployment.look().resolved == [ref]
    deployment.monitors = loaded
    deployment.pass_by(HOUR)
    assert deployment.look().alarms == []  # it begins anew


def test_a_monitor_that_cannot_be_looked_at_stops_no_other(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monitors = [monitor_of(name, first="2026-02-02") for name in ("bad", "good")]
    deployment = Deployment(store, monitors)
    deployment.look()
    deployment.pass_by(DAY + 7 * HOUR)
    add = Desk.add

    def fail(desk: Desk, *given: object) -> None:
        if desk.monitor.name == "bad":
            raise ValueError("a row that nobody expected")
        add(desk, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(desks.Desk, "add", fail)
    watched = deployment.look()
    assert watched.failed == {"bad": "ValueError: a row that nobody expected"}
    assert not watched.can_tell
    assert [incident.monitor for incident in deployment.incidents()] == ["good"]


@pytest.mark.parametrize("point", ["desk.incident_written", "desk.notices_owed", "watch.settled"])
def test_a_look_that_dies_anywhere_is_made_up_for_by_the_next(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    monkeypatch.setenv(VARIABLE, f"{point}=raise")
    assert set(deployment.look(BROKEN).failed) >= {"location"}
    monkeypatch.delenv(VARIABLE)
    deployment.look(BROKEN)
    assert [incident.title for incident in deployment.incidents()] == ["churn.yaml cannot be used"]
    assert [kind for kind, _ in deployment.owed()] == ["root"]


def test_monitors_for_which_there_is_no_time_are_left_for_the_next_look(store: Store) -> None:
    monitors = [monitor_of(name, first="2026-02-02") for name in ("one", "two", "three")]
    deployment = Deployment(store, monitors)
    deployment.look()
    deployment.pass_by(DAY + 7 * HOUR)
    turns = iter([True, False])
    watched = deployment.look(has_time=lambda: next(turns))
    assert watched.left == ["two", "three"]
    assert [incident.monitor for incident in deployment.incidents()] == ["one"]


def test_a_store_that_is_gone_fails_the_look(deployment: Deployment) -> None:
    deployment.store = Store("sqlite:////nowhere/store.db", pause=lambda _: None)
    with pytest.raises(StoreError):
        deployment.look()


def test_people_are_reminded_of_the_locations_incidents(deployment: Deployment) -> None:
    deployment.seen, deployment.monitors = BROKEN, []
    (ref,) = deployment.look().opened
    deployment.pass_by(2 * DAY)
    deployment.look()
    assert "escalated" in deployment.events(ref)
    assert [kind for kind, _ in deployment.owed()] == ["root", "escalation"]


def test_another_environment_has_incidents_of_its_own(deployment: Deployment) -> None:
    (one,) = deployment.look(BROKEN).opened
    (two,) = deployment.look(BROKEN, office=Office(environment="staging")).opened
    assert one != two


def test_incidents_that_others_open_about_the_monitoring_are_left_alone(
    deployment: Deployment,
) -> None:
    (ref,) = deployment.look(BROKEN).opened

    def rename(docket: Docket) -> None:
        desk = Desk(docket, Location(), deployment.now, deployment.now)
        (handled,) = desk.open()
        cause = handled.incident.cause._replace(name="audit")
        desk.change(handled, replace(handled.incident, cause=cause), [])
        desk.close()

    deployment.store.decide("location", rename)
    assert deployment.look().resolved == []
    assert deployment.incidents()[0].ref == ref
