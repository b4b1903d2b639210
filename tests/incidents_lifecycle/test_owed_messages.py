"""What people are owed: which messages, where, with which words, and when nothing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest

from monitoring_dagster.decisions.verdict import Level
from monitoring_dagster.incidents import lateness
from monitoring_dagster.incidents.cause import Cause, CauseKind
from monitoring_dagster.incidents.incident import CauseOfDay, Outcome, Priority
from monitoring_dagster.incidents.owed import Kind, late_digest
from monitoring_dagster.incidents.silences import Silence
from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.notifications.message import NoticeKind
from tests.incidents_lifecycle.small_desk import Desk, day, morning, signal

F, C = Outcome.FIRING, Outcome.CLEAR
HOUR = dt.timedelta(hours=1)


def judged(desk: Desk, text: str, level: Level = Level.WARN) -> None:
    for number, sign in enumerate(text):
        desk.judge(number, {"F": F, "C": C}.get(sign, Outcome.UNKNOWN), level)


def test_an_opening_owes_a_root_and_a_picture(desk: Desk) -> None:
    judged(desk, "FF")
    root, picture = desk.outbox.values()
    assert desk.latest is not None
    assert root.key == f"root:{desk.latest.ref}:1"
    assert root.payload == {
        "mention": "<!subteam^S0TEAM>",
        "ref": desk.latest.ref,
        "monitor": "flights",
    }
    assert (root.destination, root.priority, root.not_before) == (
        "#flights",
        Priority.P2,
        morning(1),
    )
    assert picture.kind is Kind.PICTURE


def test_a_life_owes_each_of_its_messages_once(desk: Desk) -> None:
    judged(desk, "FFCCCFFCCC")
    assert desk.kinds() == [
        Kind.ROOT,
        Kind.PICTURE,
        Kind.RESOLUTION,
        Kind.PICTURE,
        Kind.REOPENING,
        Kind.PICTURE,
        Kind.RESOLUTION,
        Kind.PICTURE,
    ]
    resolution = list(desk.outbox.values())[2]
    assert resolution.payload["headline"] == "Resolved: Inputs have changed"
    assert resolution.payload["lines"] == [
        "3 judged days in a row without a finding",
        "It fired from 2026-01-01 to 2026-01-02.",
    ]
    assert resolution.payload["mention"] == ""


def test_a_rise_to_an_urgent_priority_calls_in_the_thread(desk: Desk) -> None:
    desk.judge(0, F, Level.CRITICAL, Priority.P3)
    desk.judge(1, F, Level.CRITICAL, Priority.P1)
    rise = list(desk.outbox.values())[-1]
    assert desk.latest is not None
    assert rise.key == f"escalation:{desk.latest.ref}:0:1:P1"
    assert rise.payload["headline"] == "Now P1, was P3: Inputs have changed"
    assert rise.payload["mention"] == "<!subteam^S0TEAM>"


def test_a_rise_within_what_can_wait_only_edits(desk: Desk) -> None:
    desk.judge(0, F, Level.CRITICAL, Priority.P3)
    rows = desk.kinds()
    desk.judge(1, F, Level.CRITICAL, Priority.P3)
    assert desk.kinds() == rows
    assert desk.latest is not None
    assert desk.latest.revision == 2


def test_a_step_goes_where_the_document_says(desk_of: Callable[..., Desk]) -> None:
    desk = desk_of(escalation=[{"after_hours": 1, "channel": "#bosses", "mention": "U0BOSS"}])
    desk.judge(0, F, Level.CRITICAL, Priority.P1)
    desk.attend(morning(0) + 2 * HOUR)
    step = list(desk.outbox.values())[-1]
    assert (step.kind, step.destination) == (Kind.ESCALATION, "#bosses")
    assert step.payload["mention"] == "<@U0BOSS>"
    assert step.payload["headline"] == "Nobody has acknowledged it for 2 hours: Inputs have changed"


def test_p4_is_told_in_the_digest_of_its_week(desk: Desk) -> None:
    desk.judge(0, F, Level.CRITICAL, Priority.P4)
    (row,) = desk.outbox.values()
    assert (row.kind, row.key) == (Kind.DIGEST, "digest:weekly:flights:2026-W01")
    assert row.payload == {"batch": "weekly:flights:2026-W01", "monitor": "flights"}
    assert row.not_before == dt.datetime(2026, 1, 5, 9, tzinfo=dt.UTC)


def test_what_rises_from_p4_is_told_as_if_it_were_new(desk: Desk) -> None:
    desk.judge(0, F, Level.CRITICAL, Priority.P4)
    desk.judge(1, F, Level.CRITICAL, Priority.P3)
    assert desk.kinds() == [Kind.DIGEST, Kind.ROOT, Kind.PICTURE]


def silence(desk: Desk, first: int, last: int) -> None:
    desk.silences.append(Silence(1, "*", "*", morning(first), morning(last), "ada", "holidays"))


def test_a_silenced_incident_is_told_when_the_silence_ends(desk: Desk) -> None:
    silence(desk, 0, 3)
    judged(desk, "FF")
    desk.attend(morning(2))
    assert desk.kinds() == []
    desk.attend(morning(3))
    assert desk.kinds() == [Kind.ROOT, Kind.PICTURE]


def test_what_ends_within_a_silence_is_never_told(desk: Desk) -> None:
    silence(desk, 0, 6)
    judged(desk, "FFCCC")
    desk.attend(morning(9))
    assert desk.kinds() == []


def test_what_was_told_before_a_silence_is_told_to_be_over_within_it(desk: Desk) -> None:
    judged(desk, "FF")
    silence(desk, 2, 9)
    for number in (2, 3, 4):
        desk.judge(number, C)
    assert desk.kinds()[-2:] == [Kind.RESOLUTION, Kind.PICTURE]


def test_what_comes_back_within_a_silence_is_told_to_be_back_at_its_end(desk: Desk) -> None:
    judged(desk, "FFCCC")
    silence(desk, 5, 9)
    desk.judge(5, F)
    assert Kind.REOPENING not in desk.kinds()
    desk.attend(morning(9))
    assert desk.kinds()[-2:] == [Kind.REOPENING, Kind.PICTURE]
    assert desk.kinds().count(Kind.ROOT) == 1


def test_an_end_is_not_told_where_the_return_was_not(desk: Desk) -> None:
    judged(desk, "FFCCC")
    silence(desk, 5, 20)
    for number, outcome in enumerate((F, C, C, C), start=5):
        desk.judge(number, outcome)
    assert desk.latest is not None
    assert (desk.latest.reopened, desk.latest.is_open) == (1, False)
    assert desk.kinds().count(Kind.RESOLUTION) == 1


def test_a_return_is_escalated_from_the_first_step_on(desk: Desk) -> None:
    desk.judge(0, F, Level.CRITICAL, Priority.P1)
    desk.attend(morning(0) + 2 * HOUR)
    for number, outcome in enumerate((C, C, C, F), start=1):
        desk.judge(number, outcome, Level.CRITICAL, Priority.P1)
    desk.attend(morning(4) + 2 * HOUR)
    assert desk.latest is not None
    steps = [row.key for row in desk.outbox.values() if row.kind is Kind.ESCALATION]
    assert steps == [f"escalation:{desk.latest.ref}:{reopened}:0:1" for reopened in (0, 1)]


def test_what_can_be_owed_is_what_can_be_noticed() -> None:
    assert [kind.value for kind in Kind] == [kind.value for kind in NoticeKind]


def test_a_year_judged_at_once_owes_no_root(desk: Desk) -> None:
    now = morning(400)
    for number in range(365):
        desk.judge(number, F if number % 20 < 5 else C, now=now)
    assert len(desk.incidents) == 19
    assert all(incident.is_late for incident in desk.incidents.values())
    assert desk.outbox == {}


def test_the_fresh_days_at_the_end_of_a_backlog_owe_one_root(desk: Desk) -> None:
    now = morning(100)
    for number in range(101):
        desk.judge(number, F if number > 80 else C, now=now)
    assert desk.kinds() == [Kind.ROOT, Kind.PICTURE]


@pytest.mark.parametrize("kind", [CauseKind.INPUTS, CauseKind.METRIC])
def test_what_comes_and_goes_each_day_for_a_month_is_told_once_and_marked(
    monitor: Monitor, kind: CauseKind
) -> None:
    desk = Desk(monitor, Cause(kind))
    for number in range(30):
        desk.judge(number, F if number % 2 == 0 else C, priority=Priority.P3)
    (incident,) = desk.incidents.values()
    assert incident.is_flapping
    assert desk.kinds().count(Kind.ROOT) == 1
    assert len(desk.outbox) <= 10
    assert all(row.not_before <= morning(5) for row in desk.outbox.values())


def test_a_late_digest_is_one_for_its_batch(monitor: Monitor) -> None:
    first = late_digest("backfill-7", monitor, Priority.P2, morning(9))
    assert (first.key, first.destination) == ("digest:backfill-7", "#flights")
    assert first == late_digest("backfill-7", monitor, Priority.P2, morning(9))


@pytest.mark.parametrize(
    ("subject", "days"),
    [
        pytest.param("drift|psi|distance|all|all|", 2, id="drift is due next morning"),
        pytest.param("performance|roc_auc||all|all|", 9, id="performance when labels are final"),
        pytest.param("objective|roc_auc||all|all|good", 9, id="an objective of performance, too"),
        pytest.param("objective|latency_p95||all|all|fast", 2, id="an objective of latency"),
        pytest.param("data|snapshot_rows|@labels|all|all|", 9, id="labels that are not there"),
        pytest.param("data|snapshot_rows|@features|all|all|", 2, id="features that are not there"),
    ],
)
def test_a_finding_is_late_two_days_after_it_was_due(
    monitor: Monitor, subject: str, days: int
) -> None:
    found = CauseOfDay(Cause(CauseKind.INPUTS), Level.WARN, (signal(0, subject),))
    due = morning(0) + dt.timedelta(days=days)
    assert not lateness.is_late(monitor, found, day(0), due)
    assert lateness.is_late(monitor, found, day(0), due + dt.timedelta(seconds=1))


def test_a_cause_is_late_only_when_everything_that_fires_is(monitor: Monitor) -> None:
    both = (signal(0), signal(0, "performance|roc_auc||all|all|"))
    found = CauseOfDay(Cause(CauseKind.INPUTS), Level.WARN, both)
    assert not lateness.is_late(monitor, found, day(0), morning(5))
    alone = CauseOfDay(Cause(CauseKind.INPUTS), Level.WARN, both[:1])
    assert lateness.is_late(monitor, alone, day(0), morning(5))
