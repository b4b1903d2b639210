"""Whom time calls: when steps are due, when reminders, and what a downtime leaves of them."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any

import pytest

from monitoring_dagster.incidents.escalation import Due, DueKind, due, told
from monitoring_dagster.incidents.incident import Event, EventKind, Incident, Priority, Status
from monitoring_dagster.incidents.silences import Mute
from monitoring_dagster.monitors.contract import Monitor
from tests.incidents_lifecycle.small_desk import an_incident, monitor_with

FRIDAY = dt.datetime(2026, 2, 6, 15, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
STEPS = [
    {"after_hours": 0, "mention": "here"},
    {"after_hours": 2, "channel": "#on-call"},
    {"after_hours": 24, "channel": "#bosses", "mention": "U0BOSS"},
]


@pytest.fixture(scope="module")
def patient() -> Monitor:
    """A monitor that escalates in three steps."""
    return monitor_with(escalation=STEPS)


@pytest.fixture(scope="module")
def calm() -> Monitor:
    """A monitor that escalates nothing."""
    return monitor_with(escalation=[])


def levels(monitor: Monitor, priority: Priority, hours: float) -> list[int]:
    incident = an_incident(priority, at=FRIDAY)
    found = due(incident, [], monitor, FRIDAY + hours * HOUR, mute=None)
    return [what.number for what in found if what.kind is DueKind.ESCALATION]


@pytest.mark.parametrize(
    ("priority", "hours", "expected"),
    [
        pytest.param(Priority.P1, 0.9, [], id="P1 within its hour"),
        pytest.param(Priority.P1, 1, [1], id="P1 after its hour, on a Friday afternoon"),
        pytest.param(Priority.P1, 3, [2], id="P1 two hours later"),
        pytest.param(Priority.P2, 60, [], id="P2 in the weekend"),
        pytest.param(Priority.P2, 68, [1], id="P2 on Monday at eleven"),
        pytest.param(Priority.P2, 70, [2], id="P2 on Monday at one"),
        pytest.param(Priority.P1, 24 * 9, [3], id="P1 after days without anybody: in one go"),
        pytest.param(Priority.P3, 24 * 9, [], id="P3 never"),
    ],
)
def test_steps_are_due_by_priority(
    patient: Monitor, priority: Priority, hours: float, expected: list[int]
) -> None:
    assert levels(patient, priority, hours) == expected


def test_a_step_is_due_once(patient: Monitor) -> None:
    incident = an_incident(Priority.P1, at=FRIDAY)
    now = FRIDAY + HOUR
    (first,) = due(incident, [], patient, now, mute=None)
    after, events = told(incident, first, now)
    assert after.escalations == 1
    assert [event.kind for event in events] == [EventKind.ESCALATED]
    assert due(after, events, patient, now, mute=None) == []
    assert told(after, first, now) == (after, [])


@pytest.mark.parametrize(
    ("priority", "hours", "slot"),
    [
        pytest.param(Priority.P2, 3.9, None, id="before the first"),
        pytest.param(Priority.P2, 4, 4, id="after four hours"),
        pytest.param(Priority.P1, 30, 24, id="after a day"),
        pytest.param(Priority.P2, 100, 72, id="after three days"),
        pytest.param(Priority.P2, 72 + 7 * 24, 72 + 7 * 24, id="a week later"),
        pytest.param(Priority.P2, 72 + 30 * 24, 72 + 28 * 24, id="the latest of some weeks"),
        pytest.param(Priority.P3, 100, None, id="P3 within the first week"),
        pytest.param(Priority.P3, 8 * 24, 7 * 24, id="P3 after a week"),
        pytest.param(Priority.P4, 1_000, None, id="P4 never"),
    ],
)
def test_only_the_latest_reminder_is_due(
    calm: Monitor, priority: Priority, hours: float, slot: float | None
) -> None:
    incident = dataclasses.replace(an_incident(priority, at=FRIDAY), alerted_at=FRIDAY)
    found = due(incident, [], calm, FRIDAY + hours * HOUR, mute=None)
    expected = [] if slot is None else [Due(DueKind.REMINDER, 1, FRIDAY + slot * HOUR)]
    assert found == expected


def reminders_of(monitor: Monitor, incident: Incident, hours: int) -> list[float]:
    """The hours at which it is brought to mind, asked every hour."""
    events: list[Event] = []
    times: list[float] = []
    for hour in range(hours):
        now = FRIDAY + hour * HOUR
        for what in due(incident, events, monitor, now, mute=None):
            incident, more = told(incident, what, now)
            events += more
            times.append(hour)
    return times


def test_reminders_come_after_hours_then_days_then_weeks(calm: Monitor) -> None:
    times = reminders_of(calm, an_incident(Priority.P2, at=FRIDAY), 600)
    assert times == [4, 24, 72, 240, 408, 576]


def test_an_escalation_stands_for_the_reminders_before_it(patient: Monitor) -> None:
    times = reminders_of(patient, an_incident(Priority.P1, at=FRIDAY), 30)
    assert times == [1, 3, 4, 24, 25]


def test_reminders_go_on_after_a_silence_in_which_they_began(calm: Monitor) -> None:
    later = FRIDAY + 100 * HOUR
    incident = dataclasses.replace(
        an_incident(Priority.P2, at=FRIDAY), reminders=2, alerted_at=later
    )
    events = [Event(FRIDAY + 24 * HOUR, EventKind.REMINDED, "monitoring-dagster", "reminder 2")]
    (found,) = due(incident, events, calm, later + 4 * HOUR, mute=None)
    assert found == Due(DueKind.REMINDER, 3, later + 4 * HOUR)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"status": Status.ACKNOWLEDGED}, id="it is acknowledged"),
        pytest.param({"status": Status.RESOLVED}, id="it is over"),
        pytest.param({"is_late": True}, id="it is late"),
        pytest.param({"is_flapping": True}, id="it flaps"),
        pytest.param({"alerted_at": None}, id="nobody was called for it"),
    ],
)
def test_nothing_is_due(patient: Monitor, changes: dict[str, Any]) -> None:
    incident = dataclasses.replace(an_incident(Priority.P1, at=FRIDAY), **changes)
    assert due(incident, [], patient, FRIDAY + 500 * HOUR, mute=None) == []


def test_nothing_is_due_while_it_is_muted(patient: Monitor) -> None:
    incident = an_incident(Priority.P1, at=FRIDAY)
    mute = Mute("snoozed", FRIDAY + 900 * HOUR)
    assert due(incident, [], patient, FRIDAY + 500 * HOUR, mute=mute) == []
