"""Objectives as verdicts: a budget over days, days that could not be decided, and what it cost."""

from __future__ import annotations

from typing import Any

import pytest

from monitoring_dagster.decisions.judge import Judged
from monitoring_dagster.decisions.slo import State as Day
from monitoring_dagster.decisions.verdict import Level, Reason, Rule
from monitoring_dagster.metrics.measurement import Estimate, Measurement

SLO = {
    "name": "exactness",
    "metric": "accuracy",
    "at_least": 0.9,
    "target": 0.9,
    "window_days": 10,
    "kpi": {"name": "wrong refunds", "cost_per_unit": 10_000.0, "currency": "EUR"},
}
GOOD, BAD, CLOSE = (0.93, 0.91, 0.95), (0.85, 0.82, 0.88), (0.89, 0.86, 0.92)


def days(world, drawn, *values: Any, **slo: Any) -> list[Judged]:
    """Days whose accuracy was this; None where nothing was measured."""
    judge = world.watched_by(slos=[SLO | slo]).judge
    measured = {
        drawn.after(i): []
        if value is None
        else [Measurement("accuracy", Estimate(*value, 500), maturity="final")]
        for i, value in enumerate(values)
    }
    return list(drawn.follow(judge, measured).values())


def said(drawn, judged: Judged) -> Any:
    return drawn.about(judged, Rule.OBJECTIVE, "accuracy")


def test_an_error_budget_is_spent_over_days(world, drawn) -> None:
    found = [said(drawn, j) for j in days(world, drawn, GOOD, BAD, GOOD, GOOD, BAD)]
    assert [v.details["bad_days"] for v in found] == [0, 1, 1, 1, 2]
    assert [v.details["budget_left"] for v in found] == pytest.approx([1, 0, 0, 0, -1])
    assert [v.level for v in found] == [
        Level.OK,
        Level.WARN,
        Level.WARN,
        Level.WARN,
        Level.CRITICAL,
    ]
    assert [v.reason for v in found[3:]] == [Reason.BURNING, Reason.EXHAUSTED]
    assert found[4].text == (
        "exactness: 2 of 5 decided days in 10 were bad, 1 are allowed; the day was bad beyond "
        "noise: accuracy was 0.85, required is ≥ 0.9; it cost 500 EUR (200 to 800) of wrong refunds"
    )
    assert found[4].subject.name == "exactness"


def test_days_leave_the_budget_with_the_window(world, drawn) -> None:
    judged = days(world, drawn, BAD, *[GOOD] * 10)
    counts = [said(drawn, j).details["bad_days"] for j in judged]
    assert counts == [1] * 10 + [0]
    assert list(judged[-1].state.objectives["exactness"]) == [drawn.after(i) for i in range(1, 11)]


def test_a_miss_that_could_be_noise_is_a_good_day(world, drawn) -> None:
    (judged,) = days(world, drawn, CLOSE)
    found = said(drawn, judged)
    assert (found.level, found.details["day"], found.cost) == (Level.OK, Day.GOOD, None)
    assert "good, its miss within noise: accuracy was 0.89, required is ≥ 0.9" in found.text


def test_a_bad_day_costs_its_shortfall_with_an_interval(world, drawn) -> None:
    (judged,) = days(world, drawn, BAD)
    cost = said(drawn, judged).cost
    assert (cost.value, cost.low, cost.high) == pytest.approx((500.0, 200.0, 800.0))
    assert (cost.currency, cost.what) == ("EUR", "wrong refunds")
    assert said(drawn, judged).effect == pytest.approx(0.05)


def test_days_that_could_not_be_decided_are_shown_and_neither_good_nor_bad(world, drawn) -> None:
    found = [said(drawn, j) for j in days(world, drawn, None, GOOD, None, BAD, GOOD, None)]
    assert [v.details["undecided_days"] for v in found] == [1, 1, 2, 2, 2, 3]
    assert (found[0].level, found[0].reason) == (Level.NO_DATA, Reason.UNDECIDED)
    assert (found[2].level, found[2].details["day"]) == (Level.NO_DATA, Day.UNDECIDED)
    assert "the day is neither good nor bad (not_measured)" in found[2].text
    assert found[5].level is Level.WARN  # what earlier days call for is not forgotten


def test_provisional_labels_decide_nothing(world, drawn) -> None:
    judge = world.watched_by(slos=[SLO]).judge
    early = Measurement("accuracy", Estimate(*BAD, 500), maturity="provisional")
    found = said(drawn, judge.judge(drawn.first, [early]))
    assert (found.level, found.details["day"], found.cost) == (Level.NO_DATA, Day.UNDECIDED, None)
    assert "(provisional)" in found.text


def test_bad_days_in_a_row_go_over_undecided_ones(world, drawn) -> None:
    found = [said(drawn, j) for j in days(world, drawn, BAD, GOOD, BAD, None, BAD)]
    assert [v.days for v in found] == [1, 0, 1, 0, 2]
    assert [v.since for v in found] == [
        drawn.after(0),
        None,
        drawn.after(2),
        None,
        drawn.after(2),
    ]


def test_a_strict_target_pages_on_its_first_bad_day(world, drawn) -> None:
    found = said(drawn, days(world, drawn, GOOD, BAD, target=0.95)[1])
    assert (found.level, found.reason) == (Level.CRITICAL, Reason.BURNING)
    assert found.evidence == pytest.approx(0.5 / 0.05)


def test_an_objective_of_the_only_latency_needs_no_column(world, drawn) -> None:
    slo = {"name": "speed", "metric": "latency_p95", "at_most": 0.01}
    judged = world.watched_by(slos=[slo]).judge.judge(drawn.first, world.measured(0))
    found = drawn.about(judged, Rule.OBJECTIVE, "latency_p95", "ms")
    assert found.details["day"] == Day.BAD
    assert found.details["bound"] == "at_most"


def test_an_objective_may_be_about_a_segment(world, drawn) -> None:
    slo = SLO | {"segment": "region=north"}
    north = Measurement("accuracy", Estimate(*BAD, 250), segment="region=north", maturity="final")
    whole = Measurement("accuracy", Estimate(*GOOD, 500), maturity="final")
    judged = world.watched_by(slos=[slo]).judge.judge(drawn.first, [north, whole])
    found = drawn.about(judged, Rule.OBJECTIVE, "accuracy", "", "region=north")
    assert (found.details["day"], found.value) == (Day.BAD, 0.85)
