"""When people are called, when anew, and what is kept from them and told afterwards."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from collections.abc import Callable

import pytest

from monitoring_dagster.decisions.verdict import Level
from monitoring_dagster.incidents import acts, calling, escalation
from monitoring_dagster.incidents.audience import Location
from monitoring_dagster.incidents.cause import Cause, CauseKind
from monitoring_dagster.incidents.incident import Incident, Outcome, Priority, Status
from monitoring_dagster.incidents.owed import Kind
from monitoring_dagster.incidents.silences import Mute, Silence
from monitoring_dagster.monitors.contract import Monitor
from tests.incidents_lifecycle.small_desk import DOCUMENT, Desk, an_incident, day, morning, signal

F, C = Outcome.FIRING, Outcome.CLEAR
P1, P2, P3, P4 = Priority
HOUR = dt.timedelta(hours=1)
MUTE = Mute("silenced by ada: holidays", morning(9))
WINDOW = Mute("maintenance: backup", morning(9), is_planned=True)


def keys(desk: Desk) -> list[str]:
    """Keys of replies, without the incident's name."""
    assert desk.latest is not None
    ref = desk.latest.ref
    return [key.replace(f"{ref}:", "") for key in desk.outbox if not key.startswith(("ro", "pi"))]


def judged(desk: Desk, *priorities: Priority) -> None:
    """Days that fire, from day 0 on; what is urgent is critical."""
    for number, priority in enumerate(priorities):
        level = Level.CRITICAL if priority in calling.URGENT else Level.WARN
        desk.judge(number, F, level, priority)


# --- what gets worse ------------------------------------------------------------------------------


def test_a_second_rise_is_told_like_the_first(desk: Desk) -> None:
    judged(desk, P3, P3, P2, P3, P3, P3, P2)
    assert keys(desk) == ["escalation:0:1:P2", "escalation:0:2:P2"]


def test_what_was_escalated_before_it_eased_is_escalated_again_after_a_rise(desk: Desk) -> None:
    for number, priority in enumerate([P2, P2, P2, P2, P3, P3, P3, P3, P2, P2, P2, P2]):
        level = Level.CRITICAL if priority is P2 else Level.WARN
        desk.judge(number, F, level, priority)
        desk.attend(morning(number) + 8 * HOUR)
    steps = [key for key in keys(desk) if key.startswith("escalation")]
    assert steps == ["escalation:0:0:1", "escalation:0:1:P2", "escalation:0:1:1"]


@pytest.mark.parametrize(
    ("first", "then", "status"),
    [
        pytest.param(P3, P2, Status.OPEN, id="it becomes urgent"),
        pytest.param(P2, P1, Status.OPEN, id="it becomes more urgent"),
        pytest.param(P4, P3, Status.ACKNOWLEDGED, id="it can still wait"),
        pytest.param(P2, P2, Status.ACKNOWLEDGED, id="it stays as it is"),
    ],
)
def test_what_becomes_urgent_has_to_be_acknowledged_anew(
    first: Priority, then: Priority, status: Status
) -> None:
    known, _ = acts.acknowledged(calling.heard(an_incident(first), morning(1)), "ada", morning(2))
    after = calling.weighed(known, then, mute=None, is_late=False, at=morning(3))
    assert after.status is status
    assert (after.acknowledged_by is None) == (status is Status.OPEN)


def test_a_rise_found_in_an_old_day_calls_nobody_until_a_fresh_day_confirms_it(desk: Desk) -> None:
    judged(desk, P3, P3)
    told = keys(desk)
    desk.judge(2, F, Level.CRITICAL, P1, now=morning(6))
    assert desk.latest is not None
    assert (desk.latest.priority, desk.latest.alerted_at) == (P1, morning(1))
    assert keys(desk) == told
    desk.judge(6, F, Level.CRITICAL, P1)
    assert keys(desk) == [*told, "escalation:0:1:P1"]
    assert desk.latest.alerted_at == morning(6)


def test_an_old_day_does_not_make_a_page_of_what_waits_for_the_weeks_digest(desk: Desk) -> None:
    desk.judge(0, F, Level.CRITICAL, P4)
    desk.judge(1, F, Level.CRITICAL, P1, now=morning(5))
    desk.attend(morning(5))
    assert desk.kinds() == [Kind.DIGEST]
    desk.judge(5, F, Level.CRITICAL, P1)
    assert Kind.ROOT in desk.kinds()


# --- what is muted --------------------------------------------------------------------------------


def silence(desk: Desk, first: dt.datetime, last: dt.datetime) -> None:
    desk.silences.append(Silence(1, "*", "*", first, last, "ada", "holidays"))


def test_what_eases_to_the_weeks_digest_before_anybody_was_told_is_told_there(desk: Desk) -> None:
    silence(desk, morning(0), morning(9))
    desk.judge(0, F, Level.CRITICAL, P3)
    for number in range(1, 5):
        desk.judge(number, F, Level.WARN, P4)
    assert desk.latest is not None
    assert desk.latest.priority is P4
    assert desk.kinds() == [Kind.DIGEST]


def test_what_eases_to_the_weeks_digest_after_people_were_told_is_not_told_again(
    desk: Desk,
) -> None:
    desk.judge(0, F, Level.CRITICAL, P3)
    for number in range(1, 5):
        desk.judge(number, F, Level.WARN, P4)
    assert Kind.DIGEST not in desk.kinds()


def test_each_silence_that_ends_is_told_once(desk: Desk) -> None:
    silence(desk, morning(2), morning(3))
    silence(desk, morning(4), morning(5))
    for number in range(7):
        desk.judge(number, F, Level.WARN, P3)
        desk.attend(morning(number))
        desk.attend(morning(number) + HOUR)
    assert keys(desk) == ["reminder:0:1", "reminder:0:2"]


def test_the_end_of_a_snooze_is_told_and_deadlines_count_from_then(desk: Desk) -> None:
    judged(desk, P2)
    desk.attend(morning(0) + 8 * HOUR)
    desk.snooze(morning(2), morning(0) + 9 * HOUR)
    desk.attend(morning(1))
    desk.attend(morning(2))
    assert keys(desk) == ["escalation:0:0:1", "reminder:0:1"]
    assert list(desk.outbox.values())[-1].payload["mention"] == "<!subteam^S0TEAM>"
    assert desk.latest is not None
    assert (desk.latest.alerted_at, desk.latest.escalations) == (morning(2), 0)


def test_a_rise_that_is_told_after_a_silence_stands_for_the_word_on_its_end(desk: Desk) -> None:
    judged(desk, P3, P3)
    silence(desk, morning(1), morning(2))
    desk.attend(morning(1))
    desk.judge(2, F, Level.CRITICAL, P2)
    desk.attend(morning(2))
    assert keys(desk) == ["escalation:0:1:P2"]


def test_the_end_of_a_silence_over_what_can_wait_for_the_digest_is_not_told(desk: Desk) -> None:
    desk.judge(0, F, Level.CRITICAL, P4)
    silence(desk, morning(0), morning(2))
    for number in (1, 2, 3):
        desk.attend(morning(number))
    assert desk.kinds() == [Kind.DIGEST]


@pytest.mark.parametrize(
    ("incident", "mute", "is_due", "is_kept"),
    [
        pytest.param(an_incident(), MUTE, False, True, id="somebody silenced it"),
        pytest.param(an_incident(), WINDOW, False, False, id="a window, and nothing is due in it"),
        pytest.param(an_incident(), WINDOW, True, True, id="a window, and something is due in it"),
        pytest.param(an_incident(mute=MUTE), MUTE, False, False, id="nobody knows of it yet"),
        pytest.param(
            acts.acknowledged(an_incident(), "ada", morning(2))[0], MUTE, True, False,
            id="somebody deals with it",
        ),
    ],
)  # fmt: skip
def test_what_is_kept_from_people_is_marked(
    incident: Incident, mute: Mute, is_due: bool, is_kept: bool
) -> None:
    after = calling.kept_back(incident, mute, morning(3), is_due=is_due)
    assert (after.muted_since == morning(3)) == is_kept
    assert calling.kept_back(after, mute, morning(4), is_due=is_due) == after
    assert after.revision == incident.revision


# --- what is long over ----------------------------------------------------------------------------

LABELLED = "performance|roc_auc||all|all|"


def stale(incident: Incident, monitor: Monitor, judged_until: int, now: dt.datetime) -> bool:
    return escalation.is_stale(incident, monitor, day(judged_until), now)


@pytest.mark.parametrize(
    ("subject", "judged_until", "now", "expected"),
    [
        pytest.param("", 1, morning(3), False, id="two days after its last day was due"),
        pytest.param("", 1, morning(3) + HOUR, True, id="an hour later"),
        pytest.param("", 9, morning(10), False, id="days were judged since"),
        pytest.param("", 9, morning(11) + HOUR, True, id="and then none for two days"),
        pytest.param(LABELLED, 1, morning(10), False, id="its labels came a week later"),
        pytest.param(LABELLED, 1, morning(10) + HOUR, True, id="its labels are old, too"),
    ],
)
def test_an_incident_is_stale_once_all_that_is_known_of_it_is_old(
    monitor: Monitor, subject: str, judged_until: int, now: dt.datetime, expected: bool
) -> None:
    incident = an_incident()
    if subject:
        incident = dataclasses.replace(incident, signals=(signal(1, subject),))
    assert stale(incident, monitor, judged_until, now) is expected


def test_what_is_wrong_with_the_monitoring_is_never_stale(monitor: Monitor) -> None:
    of_monitoring = Cause(CauseKind.MONITORING, "not_run")
    incident = dataclasses.replace(an_incident(), cause=of_monitoring)
    assert not stale(incident, monitor, 1, morning(900))
    assert not escalation.is_stale(an_incident(), Location(), day(1), morning(900))


@pytest.mark.parametrize(
    ("last_day", "hours"),
    [
        pytest.param("2026-03-07", 47, id="an hour is left out"),
        pytest.param("2026-10-31", 49, id="an hour comes twice"),
    ],
)
def test_an_incident_gets_stale_after_hours_that_really_pass(last_day: str, hours: int) -> None:
    """Over the night in which clocks change two mornings are not 48 hours apart."""
    document = json.dumps({**DOCUMENT, "time_zone": "America/New_York"})
    new_york = Monitor.model_validate_json(document)
    last = dt.date.fromisoformat(last_day) - dt.timedelta(days=1)
    first_morning, third_morning = (
        dt.datetime.combine(
            last + dt.timedelta(days=n), dt.time(6), tzinfo=new_york.zone
        ).astimezone(dt.UTC)
        for n in (1, 3)
    )
    assert (third_morning - first_morning) / HOUR == hours
    incident = dataclasses.replace(an_incident(), last_day=last)
    at_limit = first_morning + 48 * HOUR
    assert not escalation.is_stale(incident, new_york, last, at_limit)
    assert escalation.is_stale(incident, new_york, last, at_limit + dt.timedelta(seconds=1))


def test_nobody_is_called_for_days_long_over(desk_of: Callable[..., Desk]) -> None:
    desk = desk_of(escalation=[{"after_hours": 0, "mention": "here"}])
    desk.judge(0, F, Level.CRITICAL, P1)
    desk.snooze(morning(0) + 5 * HOUR, morning(0))
    told = dict(desk.outbox)
    desk.attend(morning(400))
    assert desk.outbox == told
    desk.judge(400, F, Level.CRITICAL, P1)
    desk.attend(morning(400))
    assert keys(desk) == ["reminder:0:1"]
