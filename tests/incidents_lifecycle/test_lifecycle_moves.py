"""When days open an incident, keep it, end it and bring it back."""

from __future__ import annotations

import dataclasses

import pytest

from monitoring_dagster.decisions.verdict import Level
from monitoring_dagster.incidents import acts, changes, lifecycle
from monitoring_dagster.incidents.cause import Cause, CauseKind
from monitoring_dagster.incidents.incident import Incident
from monitoring_dagster.incidents.lifecycle import Move, Rules
from monitoring_dagster.monitors.contract import Monitor
from tests.incidents_lifecycle.small_desk import (
    INPUTS,
    an_incident,
    day,
    history_of,
    monitor_with,
    morning,
)


@pytest.fixture(scope="module")
def rules(monitor: Monitor) -> Rules:
    return Rules.of(monitor, INPUTS)


@pytest.fixture
def resolved(rules: Rules) -> Incident:
    """One whose last firing day was day 1, and which ended by itself with day 4."""
    return changes.resolved(an_incident(), rules, morning(4))[0]


@pytest.mark.parametrize(
    ("history", "level", "expected"),
    [
        pytest.param("", Level.WARN, Move.NOTHING, id="nothing was ever judged"),
        pytest.param("F", Level.WARN, Move.NOTHING, id="one warning is none"),
        pytest.param("FF", Level.WARN, Move.OPEN, id="two of two days warn"),
        pytest.param("FCF", Level.WARN, Move.OPEN, id="two of three days warn"),
        pytest.param("FCCF", Level.WARN, Move.NOTHING, id="two of four days warn"),
        pytest.param("F??F", Level.WARN, Move.OPEN, id="days that say nothing do not count"),
        pytest.param("FFC", Level.WARN, Move.NOTHING, id="the latest day is clear"),
        pytest.param("F", Level.CRITICAL, Move.OPEN, id="one critical day"),
        pytest.param("F?", Level.CRITICAL, Move.OPEN, id="a critical day, and one without a word"),
    ],
)
def test_days_open_an_incident(rules: Rules, history: str, level: Level, expected: Move) -> None:
    assert lifecycle.move(None, history_of(history, level), rules) is expected


@pytest.mark.parametrize(
    "kind", [CauseKind.SNAPSHOT, CauseKind.COLUMN, CauseKind.METRIC, CauseKind.MONITORING]
)
def test_a_fact_opens_and_ends_within_a_day(monitor: Monitor, kind: CauseKind) -> None:
    rules = Rules.of(monitor, Cause(kind))
    assert lifecycle.move(None, history_of("F"), rules) is Move.OPEN
    assert lifecycle.move(an_incident(), history_of("FFC"), rules) is Move.RESOLVE


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        pytest.param("FF", Move.STAY, id="the day that opened it is judged again"),
        pytest.param("FFCC", Move.STAY, id="too few clear days"),
        pytest.param("FFCCC", Move.RESOLVE, id="enough clear days"),
        pytest.param("FFC?C?C", Move.RESOLVE, id="enough, with days between that say nothing"),
        pytest.param("FFCCFCC", Move.STAY, id="a firing day between starts the count anew"),
        pytest.param("FF???", Move.STAY, id="days that say nothing end nothing"),
        pytest.param("C", Move.STAY, id="a history that ends before its last day"),
        pytest.param("CCCC", Move.RESOLVE, id="what fired was withdrawn, and all is clear"),
    ],
)
def test_days_keep_or_end_an_open_incident(rules: Rules, history: str, expected: Move) -> None:
    assert lifecycle.move(an_incident(), history_of(history), rules) is expected


def test_a_history_that_is_too_short_ends_nothing(rules: Rules) -> None:
    assert lifecycle.move(an_incident(), history_of("??CC"), rules) is Move.STAY


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        pytest.param("FFCCC", Move.NOTHING, id="the days that ended it are judged again"),
        pytest.param("FF", Move.NOTHING, id="the days that opened it are judged again"),
        pytest.param("FFCCCF", Move.REOPEN, id="it fires on the day after its end"),
        pytest.param("FFCCCCCF", Move.REOPEN, id="it fires on the last day of the window"),
        pytest.param("FFCCCCCCF", Move.NOTHING, id="one warning after the window is none"),
        pytest.param("FFCCCCCCFF", Move.OPEN, id="two warnings after the window are a new one"),
    ],
)
def test_days_bring_a_resolved_incident_back(
    rules: Rules, resolved: Incident, history: str, expected: Move
) -> None:
    later = history_of("FFCCC")[len(history) :]
    assert lifecycle.move(resolved, history_of(history), rules, later=later) is expected


def test_what_a_person_resolved_is_not_reopened_by_days_that_it_had_seen(rules: Rules) -> None:
    resolved, _ = acts.resolved_by_hand(an_incident(), "ada", "mended", morning(1))
    assert lifecycle.move(resolved, history_of("FF"), rules) is Move.NOTHING
    assert lifecycle.move(resolved, history_of("FFCF"), rules) is Move.REOPEN


def test_what_a_person_resolved_comes_back_although_its_labels_take_months(rules: Rules) -> None:
    resolved, _ = acts.resolved_by_hand(an_incident(), "ada", "mended", morning(90))
    assert lifecycle.move(resolved, history_of("FFF"), rules) is Move.REOPEN


def test_a_year_that_is_judged_at_once_has_an_incident_for_each_episode(rules: Rules) -> None:
    resolved, _ = changes.resolved(an_incident(), rules, morning(400))
    assert lifecycle.move(resolved, history_of("FF" + 20 * "C" + "FF"), rules) is Move.OPEN


def test_an_incident_begins_with_the_first_day_that_counted_for_it(rules: Rules) -> None:
    assert lifecycle.began(None, history_of("FCCFCF"), rules) == day(3)


def test_a_level_is_gone_after_as_many_days_as_an_incident(rules: Rules) -> None:
    critical = history_of("F", Level.CRITICAL)
    assert lifecycle.lasting_level([*critical, *history_of("FFF")[1:]], rules) is Level.CRITICAL
    assert lifecycle.lasting_level([*critical, *history_of("FFFF")[1:]], rules) is Level.WARN
    assert not lifecycle.is_lower([*critical, *history_of("FFF")[1:]], rules)
    assert lifecycle.is_lower([*critical, *history_of("FFFF")[1:]], rules)


def test_the_rules_are_those_of_the_document() -> None:
    stated = monitor_with(warnings="3 of 5", close_after_days=2, reopen_within_days=0)
    assert Rules.of(stated, INPUTS) == Rules(3, 5, 2, 0)
    assert Rules.of(stated, Cause(CauseKind.COLUMN, "distance")) == Rules(1, 1, 1, 0)


def test_a_short_name_that_is_taken_is_not_given_again() -> None:
    first = lifecycle.reference("KEY", day(0))
    second = lifecycle.reference("KEY", day(0), {first})
    assert first != second
    assert second == lifecycle.reference("KEY", day(0), [first])
    assert first == lifecycle.reference("KEY", day(0)) != lifecycle.reference("KEY", day(1))


@pytest.mark.parametrize(
    ("history", "later", "expected"),
    [
        pytest.param("FF", "", Move.REOPEN, id="the days that ended it say nothing any more"),
        pytest.param("FFFFF", "", Move.REOPEN, id="they fire, and it had not seen them"),
        pytest.param("FF", "?C", Move.NOTHING, id="a later day is clear"),
        pytest.param("FF", "A", Move.NOTHING, id="a later day knows nothing of it"),
        pytest.param("F?", "", Move.NOTHING, id="the day in question says nothing"),
        pytest.param("FFA", "", Move.NOTHING, id="the day in question knows nothing of it"),
    ],
)
def test_an_end_that_is_taken_back_is_none(
    rules: Rules, resolved: Incident, history: str, later: str, expected: Move
) -> None:
    known = history_of(history + later)
    found = lifecycle.move(resolved, known[: len(history)], rules, later=known[len(history) :])
    assert found is expected


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        pytest.param("FF" + 11 * "A", Move.STAY, id="too few absent days"),
        pytest.param("FF" + 12 * "A", Move.GONE, id="enough absent days"),
        pytest.param("FF" + 6 * "A" + "??" + 6 * "A", Move.GONE, id="enough, with unknown between"),
        pytest.param("FF" + 6 * "A" + "C" + 6 * "A", Move.STAY, id="it was there between"),
        pytest.param("FF" + 12 * "?", Move.STAY, id="nothing is known of the whole, either"),
        pytest.param("A" * 12, Move.STAY, id="days before it fired"),
    ],
)
def test_what_is_absent_for_long_is_gone(rules: Rules, history: str, expected: Move) -> None:
    last_day = day(1) if "F" in history else day(11)
    incident = dataclasses.replace(an_incident(), last_day=last_day)
    assert lifecycle.move(incident, history_of(history), rules) is expected


@pytest.mark.parametrize(
    ("between", "expected"),
    [
        pytest.param("", True, id="the day before"),
        pytest.param("CC", True, id="too few clear days"),
        pytest.param("CCC", False, id="enough clear days to end it"),
        pytest.param("CCFCC", True, id="never enough in a row"),
        pytest.param("C?C?C", False, id="enough, with days between that say nothing"),
        pytest.param("AAAA", True, id="days that know nothing of it"),
    ],
)
def test_an_episode_lasts_until_enough_clear_days(
    rules: Rules, between: str, expected: bool
) -> None:
    history = history_of("F" + between + "F")
    since = day(len(between) + 1)
    assert lifecycle.is_same_episode(day(0), since, history, rules) is expected
    assert lifecycle.is_same_episode(since, since, history, rules)
