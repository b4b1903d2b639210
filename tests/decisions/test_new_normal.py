"""A new normal: series begin anew, learn what they are for a week, and are held against it."""

from __future__ import annotations

from typing import Any

import pytest

from monitoring_dagster.decisions.series import LEARNING_DAYS
from monitoring_dagster.decisions.state import State
from monitoring_dagster.decisions.verdict import Level, Reason, Rule

QUIET_DAYS, LEARNT = 4, 10
SLOS = [{"name": "exactness", "metric": "accuracy", "at_least": 0.88, "target": 0.9}]


@pytest.fixture(scope="module")
def watch(world) -> Any:
    return world.watched_by(slos=SLOS)


@pytest.fixture(scope="module")
def changed(drawn) -> Any:
    return drawn.Drawing(errors=0.2, shifts={"x1": 0.6}, slower=1.4)


@pytest.fixture(scope="module")
def accepted(watch, drawn, changed) -> Any:
    """Days of a world that changed, and was accepted as it is from the fourth day on."""
    days = watch.days(*[changed] * (QUIET_DAYS + LEARNING_DAYS + LEARNT))
    return drawn.follow(watch.judge, days, normal_since=drawn.after(QUIET_DAYS))


SERIES = [
    (Rule.DRIFT, "psi", "x1"),
    (Rule.OPERATIONS, "latency_p50", "ms"),
    (Rule.PERFORMANCE, "accuracy", ""),
]


@pytest.mark.parametrize(("rule", "metric", "column"), SERIES)
def test_a_new_normal_ends_the_alert_learns_a_week_and_is_quiet(
    accepted, drawn, rule, metric, column
) -> None:
    said = [drawn.about(j, rule, metric, column) for j in accepted.values()]
    assert {v.is_alert for v in said[:QUIET_DAYS]} == {True}
    learning = said[QUIET_DAYS : QUIET_DAYS + LEARNING_DAYS]
    assert {(v.level, v.reason) for v in learning} == {(Level.OK, Reason.ACCEPTED)}
    assert {v.since for v in learning} == {None}
    assert not [v for v in said[QUIET_DAYS + LEARNING_DAYS :] if v.is_alert]


def test_objectives_stay_as_they_are(accepted, drawn) -> None:
    last = list(accepted.values())[-1]
    said = drawn.about(last, Rule.OBJECTIVE, "accuracy")
    assert said.level is Level.CRITICAL
    assert said.details["bad_days"] == len(accepted)
    assert said.since == drawn.first


def test_what_changes_after_the_week_is_held_against_what_was_learnt(
    watch, drawn, changed, accepted
) -> None:
    days = QUIET_DAYS + LEARNING_DAYS
    before = accepted[drawn.after(days - 1)].state
    more = drawn.Drawing(errors=0.3, shifts={"x1": 1.2}, slower=2.2)
    first = watch.judge.judge(drawn.after(days), watch.measured(0, more), before)
    said = [drawn.about(first, *series) for series in SERIES]
    assert [v.reason for v in said] == [Reason.SUDDEN, Reason.SUDDEN, Reason.HARMFUL]
    assert max(v.details["p_value"] for v in said) < 1e-6
    effect = drawn.about(first, Rule.DRIFT, "psi", "x1").effect
    assert effect == pytest.approx(1.2 - 0.6, abs=0.2)
    state, pages = before, []
    for i in range(5):
        risen = watch.measured(i, drawn.Drawing(errors=0.26))
        judged = watch.judge.judge(drawn.after(days + i), drawn.only(risen, "accuracy"), state)
        state = judged.state
        pages.append(drawn.about(judged, Rule.PERFORMANCE, "accuracy").level is Level.CRITICAL)
    assert any(pages)


def test_errors_of_the_new_normal_are_what_is_tolerated(accepted, drawn) -> None:
    last = drawn.about(list(accepted.values())[-1], Rule.PERFORMANCE, "accuracy")
    assert last.details["tolerated_loss"] == pytest.approx(0.2, abs=0.04)


def test_a_day_without_a_value_is_no_day_of_learning(watch, drawn, changed) -> None:
    days = watch.days(*[changed] * (LEARNING_DAYS + 2))
    gone = drawn.after(3)
    days[gone] = drawn.lost(days[gone], lambda m: m.metric == "accuracy")
    judged = drawn.follow(watch.judge, days, normal_since=drawn.first)
    reasons = [drawn.about(j, Rule.PERFORMANCE, "accuracy").reason for j in judged.values()]
    assert reasons[:3] == [Reason.ACCEPTED] * 3
    assert reasons[3] == "no_rows"
    assert reasons[4:8] == [Reason.ACCEPTED] * 4
    assert reasons[8] is not Reason.ACCEPTED


def test_what_had_no_value_before_the_new_normal_learns_it_too(watch, drawn, changed) -> None:
    first = watch.days(changed, maturity="provisional")
    later = watch.days(*[changed] * 4)
    days = {**later, **first}
    in_memory = drawn.follow(watch.judge, days, normal_since=drawn.after(1))
    state = State.from_json(watch.judge.judge(drawn.first, first[drawn.first]).state.to_json())
    rest = {day: measured for day, measured in days.items() if day > drawn.first}
    from_text = drawn.follow(watch.judge, rest, state, normal_since=drawn.after(1))
    last = drawn.after(3)
    for judged in (in_memory[last], from_text[last]):
        assert drawn.about(judged, Rule.PERFORMANCE, "accuracy").reason is Reason.ACCEPTED
    assert in_memory[last].state.to_json() == from_text[last].state.to_json()


def test_what_begins_in_a_new_normal_learns_it(watch, drawn, changed) -> None:
    judged = watch.judge.judge(drawn.first, watch.measured(0, changed), normal_since=drawn.first)
    assert drawn.about(judged, Rule.DRIFT, "psi", "x1").reason is Reason.ACCEPTED


def test_a_second_new_normal_is_learnt_anew(watch, drawn, changed, accepted) -> None:
    days = QUIET_DAYS + LEARNING_DAYS + LEARNT
    state = accepted[drawn.after(days - 1)].state
    more = drawn.Drawing(errors=0.2, shifts={"x1": 1.2})
    judged = watch.judge.judge(
        drawn.after(days), watch.measured(0, more), state, normal_since=drawn.after(days)
    )
    assert drawn.about(judged, Rule.DRIFT, "psi", "x1").reason is Reason.ACCEPTED
    assert judged.state.normal_since == drawn.after(days)


def test_a_new_version_is_held_against_the_normal_that_was_accepted(
    watch, drawn, changed, accepted
) -> None:
    """Its own errors are new; what was accepted before it came is not forgotten."""
    days = QUIET_DAYS + LEARNING_DAYS + LEARNT
    state = accepted[drawn.after(days - 1)].state
    second = drawn.Drawing(errors=0.2, shifts={"x1": 0.6}, slower=1.4, version="2")
    for i in range(3):
        judged = watch.judge.judge(drawn.after(days + i), watch.measured(i, second), state)
        state = judged.state
        said = drawn.about(judged, Rule.PERFORMANCE, "accuracy")
        assert not said.is_alert
        assert said.reason is not Reason.ACCEPTED
