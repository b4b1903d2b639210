"""What becomes of an incident by findings and by people, and what its timeline tells."""

from __future__ import annotations

import dataclasses
import datetime as dt

import pytest

from monitoring_dagster.decisions.verdict import Level
from monitoring_dagster.errors import SilenceInvalid
from monitoring_dagster.incidents import acts, calling, changes
from monitoring_dagster.incidents.changes import Change
from monitoring_dagster.incidents.incident import (
    EventKind,
    Incident,
    Outcome,
    Priority,
    SignalState,
    Status,
)
from monitoring_dagster.incidents.lifecycle import Rules
from monitoring_dagster.incidents.silences import Mute
from monitoring_dagster.monitors.contract import Monitor
from tests.incidents_lifecycle.small_desk import (
    INPUTS,
    an_incident,
    day,
    finding,
    history_of,
    morning,
    signal,
)

MUTE = Mute("silenced by ada: holidays", morning(9))


@pytest.fixture(scope="module")
def rules(monitor: Monitor) -> Rules:
    return Rules.of(monitor, INPUTS)


def stay(
    incident: Incident, found: changes.Finding, history: str, rules: Rules, mute: Mute | None = None
) -> Change:
    number = (found.day - day(0)).days
    days = history_of(history)
    return changes.stayed(incident, found, days, rules, mute=mute, at=morning(number))


def test_an_incident_opens_with_everything_that_is_known(monitor: Monitor) -> None:
    incident = an_incident()
    assert incident.status is Status.OPEN
    assert (incident.since, incident.last_day) == (day(0), day(1))
    assert incident.alerted_at == incident.opened_at == morning(1)
    assert incident.revision == 1


@pytest.mark.parametrize(
    ("found", "mute"),
    [
        pytest.param(finding(1), MUTE, id="it is silenced"),
        pytest.param(finding(1, is_late=True), None, id="its day is too old"),
        pytest.param(finding(1, priority=Priority.P4), None, id="it is for the week's digest"),
    ],
)
def test_nobody_is_owed_a_message(found: changes.Finding, mute: Mute | None) -> None:
    args = ("MD-1", "flights", INPUTS, found, history_of("FF"))
    incident, events = changes.opened(*args, since=day(1), mute=mute, at=morning(1))
    assert incident.alerted_at is None
    kinds = [event.kind for event in events]
    assert kinds == [EventKind.OPENED, *([EventKind.SILENCED] if mute else [])]


def test_the_same_day_judged_again_changes_nothing(rules: Rules) -> None:
    first, _ = stay(an_incident(), finding(2), "FFF", rules)
    assert first.revision == 2
    again, events = stay(first, finding(2), "FFF", rules)
    assert again is first
    assert events == []


def test_signals_keep_their_first_day_and_clear_when_they_stop(rules: Rules) -> None:
    other = signal(2, "drift|psi|score|all|all|")
    both, _ = stay(an_incident(), finding(2, signals=(signal(2), other)), "FFF", rules)
    after, _ = stay(both, finding(3, signals=(signal(3),)), "FFFF", rules)
    kept, gone = after.signals
    assert (kept.first_day, kept.last_day, kept.state) == (day(1), day(3), SignalState.FIRING)
    assert (gone.first_day, gone.last_day, gone.state) == (day(2), day(2), SignalState.CLEARED)


def test_a_day_that_says_nothing_clears_no_signal(rules: Rules) -> None:
    after, _ = stay(an_incident(), finding(2, Outcome.UNKNOWN), "FF?", rules)
    assert after == an_incident()


def test_an_old_day_judged_again_does_not_fire_what_has_cleared(rules: Rules) -> None:
    cleared, _ = stay(an_incident(), finding(2, Outcome.CLEAR), "FFC", rules)
    again, events = stay(cleared, finding(1), "FF", rules)
    assert again.signals[0].state is SignalState.CLEARED
    assert events == []


def test_a_signal_that_something_upstream_explains_is_told(rules: Rules) -> None:
    explained = dataclasses.replace(
        signal(2), state=SignalState.SUPPRESSED, suppressed_by="column:distance"
    )
    after, events = stay(an_incident(), finding(2, signals=(explained,)), "FFF", rules)
    assert after.signals[0].suppressed_by == "column:distance"
    assert [e.text for e in events if e.kind is EventKind.SUPPRESSED] == [
        "a signal is explained by column:distance"
    ]


def test_a_priority_rises_at_once_and_its_deadlines_count_anew(rules: Rules) -> None:
    after, events = stay(an_incident(Priority.P3), finding(2, priority=Priority.P1), "FFF", rules)
    assert after.priority is Priority.P1
    assert after.alerted_at == morning(2)
    assert [event.kind for event in events] == [EventKind.WORSENED]


def test_a_priority_falls_only_when_a_signal_has_been_gone_for_long_enough(rules: Rules) -> None:
    other = signal(1, "drift|psi|score|all|all|")
    incident = dataclasses.replace(an_incident(Priority.P2), signals=(signal(1), other))
    for number in (2, 3):
        minor = finding(number, priority=Priority.P3)
        incident, _ = stay(incident, minor, "F" * (number + 1), rules)
        assert incident.priority is Priority.P2
    incident, events = stay(incident, finding(4, priority=Priority.P3), "FFFFF", rules)
    assert incident.priority is Priority.P3
    assert [event.kind for event in events] == [EventKind.EASED]


def test_a_priority_falls_when_a_graver_level_has_been_gone_for_long_enough(rules: Rules) -> None:
    incident = an_incident(Priority.P1)
    history = [*history_of("FF", Level.CRITICAL), *history_of("FFFFF")[2:]]
    priorities = []
    for number in (2, 3, 4):
        minor = finding(number, priority=Priority.P3)
        known = history[: number + 1]
        at = morning(number)
        incident, _ = changes.stayed(incident, minor, known, rules, mute=None, at=at)
        priorities.append(incident.priority)
    assert priorities == [Priority.P1, Priority.P1, Priority.P3]


def test_a_priority_does_not_fall_while_everything_is_as_it_was(rules: Rules) -> None:
    after, _ = stay(an_incident(), finding(5, priority=Priority.P3), "FFFFFF", rules)
    assert after.priority is Priority.P2


def test_a_fresh_day_makes_an_ordinary_incident_of_a_late_one(rules: Rules) -> None:
    args = ("MD-1", "flights", INPUTS, finding(1, is_late=True), history_of("FF"))
    late, _ = changes.opened(*args, since=day(1), mute=None, at=morning(30))
    assert late.is_late
    after, _ = stay(late, finding(30), "F" * 31, rules)
    assert not after.is_late
    assert after.alerted_at == morning(30)


def test_an_end_and_a_return_are_told_once(rules: Rules) -> None:
    ended, events = changes.resolved(an_incident(), rules, morning(4))
    assert [event.kind for event in events] == [EventKind.RESOLVED]
    assert ended.resolved_because == "3 judged days in a row without a finding"
    assert changes.resolved(ended, rules, morning(5)) == (ended, [])
    back, events = changes.reopened(ended, finding(5), mute=None, at=morning(5))
    assert [event.kind for event in events] == [EventKind.REOPENED]
    assert (back.reopened, back.status, back.resolved_at) == (1, Status.OPEN, None)
    assert (back.signals[0].first_day, back.signals[0].last_day) == (day(1), day(5))
    assert changes.reopened(back, finding(5), mute=None, at=morning(5)) == (back, [])


def test_a_return_has_to_be_acknowledged_anew(rules: Rules) -> None:
    known, _ = acts.acknowledged(an_incident(), "ada", morning(2))
    ended, _ = changes.resolved(known, rules, morning(4))
    back, _ = changes.reopened(ended, finding(5), mute=None, at=morning(5))
    assert (back.acknowledged_at, back.acknowledged_by) == (None, None)


def test_the_end_of_a_silence_calls() -> None:
    silent = an_incident(mute=MUTE)
    assert calling.waits(silent, MUTE.until)
    heard, events = calling.called(silent, "the silence is over", MUTE.until)
    assert heard.alerted_at == MUTE.until
    assert heard.revision == silent.revision
    assert [event.kind for event in events] == [EventKind.SILENCE_ENDED]
    assert not calling.waits(heard, MUTE.until)


def test_the_end_of_a_snooze_calls_again() -> None:
    asleep, _ = acts.snoozed(an_incident(), morning(3), "ada", morning(2))
    assert not calling.waits(asleep, morning(2))
    assert calling.waits(asleep, morning(3))
    awake, _ = calling.called(asleep, "the snooze is over", morning(3))
    assert (awake.snoozed_until, awake.alerted_at) == (None, morning(3))


def test_what_people_do_twice_is_done_once() -> None:
    first, events = acts.acknowledged(an_incident(), "ada", morning(2))
    assert [event.actor for event in events] == ["ada"]
    assert acts.acknowledged(first, "bob", morning(3)) == (first, [])
    asleep, _ = acts.snoozed(first, morning(5), "ada", morning(3))
    assert acts.snoozed(asleep, morning(5), "bob", morning(4)) == (asleep, [])
    ended, _ = acts.resolved_by_hand(asleep, "ada", "mended", morning(4))
    assert ended.resolved_because == "resolved by ada: mended"
    assert acts.resolved_by_hand(ended, "bob", "", morning(5)) == (ended, [])
    assert acts.acknowledged(ended, "bob", morning(5)) == (ended, [])


@pytest.mark.parametrize(
    ("until", "told"),
    [
        pytest.param(morning(1), "which is over", id="until a time that is over"),
        pytest.param(morning(1) + dt.timedelta(days=31), "at most for 30 days", id="for too long"),
    ],
)
def test_a_snooze_that_cannot_be_meant_is_refused(until: dt.datetime, told: str) -> None:
    with pytest.raises(SilenceInvalid, match=told):
        acts.snoozed(an_incident(), until, "ada", morning(1))


def test_what_comes_and_goes_is_marked_and_unmarked(rules: Rules) -> None:
    incident = an_incident()
    assert changes.marked(incident, history_of("FCFCF"), morning(4)) == (incident, [])
    marked, events = changes.marked(incident, history_of("FCFCFC"), morning(5))
    assert marked.is_flapping
    assert [event.kind for event in events] == [EventKind.FLAPPING]
    assert changes.marked(marked, history_of("FCFCFC" + 13 * "C"), morning(18)) == (marked, [])
    quiet, events = changes.marked(marked, history_of("FCFCFC" + 14 * "C"), morning(19))
    assert not quiet.is_flapping
    assert [event.kind for event in events] == [EventKind.FLAPPING]


def test_what_came_and_went_before_it_opened_is_marked_from_the_start() -> None:
    args = ("MD-1", "flights", INPUTS, finding(5), history_of("CFCCFCFF"))
    incident, events = changes.opened(*args, since=day(4), mute=None, at=morning(7))
    assert incident.is_flapping
    assert [event.kind for event in events] == [EventKind.OPENED, EventKind.FLAPPING]
