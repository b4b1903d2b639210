"""Requesting: what verdicts lead to, in the store, on the incident and in the audit log."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from monitoring_dagster.decisions.verdict import Level, Verdict
from monitoring_dagster.failpoints import VARIABLE, FailpointReached
from monitoring_dagster.retraining import requesting
from monitoring_dagster.retraining.action import ActionKind, Phase, Status, Why
from monitoring_dagster.retraining.guards import Guard
from tests.retraining_requests.flights import (
    Shop,
    accuracy,
    action,
    day,
    document,
    labelled_row,
    lost,
    matured,
    moved,
    ranks,
    taken,
)

HARM = accuracy(since=day(40), days=9)
DAY = 60


def lossy(shop: Shop, *, beyond: float = 0.08) -> Shop:
    """Errors have risen since day 40, of which an estimate foresaw all but `beyond`."""
    realised = [0.8 + 0.01 * (n % 2) for n in range(40, 90)]
    shop.lose(range(40, 90), realised, 0.805 + beyond)
    return shop


# --- a request ------------------------------------------------------------------------------------


def test_proven_harm_asks_for_one_retraining_with_everything_that_belongs_to_it(
    either: Shop,
) -> None:
    answer = lossy(either).morning({DAY: [HARM]})
    assert answer is not None
    (asked,) = either.actions()
    incident = either.incident()
    assert (asked.ref, asked.why, asked.kind) == (answer.ref, Why.HARM, ActionKind.RETRAINING)
    assert (asked.status, asked.phase, asked.attempt) == (Status.REQUESTED, Phase.TRAIN, 0)
    assert (asked.since, asked.requested_at) == (day(40), matured(DAY))
    assert (asked.requested_by, asked.config_hash) == (
        "monitoring-dagster",
        either.monitor.config_hash,
    )
    assert asked.evidence.startswith("errors are proven to have risen over 9 days; inputs that")
    assert [d["day"] for d in asked.plan["validation"]][-1] == day(DAY).isoformat()
    assert asked.plan["training_rows"] == 6_400
    assert asked.incident_id is not None
    assert incident.retraining == f"{asked.ref} is requested: {asked.evidence}"
    assert either.timeline() == [incident.retraining]
    assert either.log() == [("action.requested", asked.ref, None)]


def test_asking_twice_is_asking_once(either: Shop) -> None:
    lossy(either).morning({DAY: [HARM]})
    before = (either.actions(), either.incident().retraining, either.log())
    assert either.morning({DAY: [HARM]}) is None
    assert either.morning({DAY: [HARM], DAY + 1: [HARM]}, matured(DAY + 1)) is None
    assert (either.actions(), either.incident().retraining, either.log()) == before


def test_a_process_that_dies_after_it_wrote_the_action_has_asked_for_nothing(
    either: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    lossy(either)
    monkeypatch.setenv(VARIABLE, "retraining.requested=raise")
    with pytest.raises(FailpointReached):
        either.morning({DAY: [HARM]})
    assert (either.actions(), either.log()) == ([], [])
    monkeypatch.delenv(VARIABLE)
    either.morning({DAY: [HARM]})
    assert len(either.actions()) == 1


def test_a_relived_request_keeps_its_clock(shop: Shop) -> None:
    shop.clock = "2026-03-10T06:00:00+00:00"
    lossy(shop).morning({DAY: [HARM]})
    assert shop.actions()[0].clock == shop.clock


def test_an_exhausted_objective_asks_and_the_graver_reason_comes_first(shop: Shop) -> None:
    shop.morning({DAY: [ranks(since=day(50))]})
    assert shop.actions()[0].why is Why.EXHAUSTED
    shop.finish(shop.actions()[0].ref)
    shop.morning({DAY + 20: [ranks(since=day(50)), accuracy(days=9)]})
    assert [a.why for a in shop.actions()] == [Why.EXHAUSTED, Why.HARM]


# --- none -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "said",
    [[moved()], [accuracy(Level.OK)], [ranks(Level.OK, left=0.4)], []],
    ids=["drift alone", "errors as ever", "an objective that is met", "nothing"],
)
def test_nothing_is_asked_for_by(shop: Shop, said: list[Verdict]) -> None:
    assert shop.morning({DAY: said}) is None
    assert shop.actions() == []
    assert shop.log() == []


def test_what_inputs_explain_is_not_trained_and_the_incident_says_so(shop: Shop) -> None:
    answer = lossy(shop, beyond=0.0).morning({DAY: [HARM]})
    assert answer is not None
    assert answer.guard is None
    assert shop.actions() == []
    said = shop.incident().retraining
    assert said.startswith(
        "not requested: errors are proven to have risen over 9 days, but inputs that moved may "
        "explain it: the loss in accuracy is "
    )
    assert shop.log() == [("action.withheld", shop.incident().ref, "explained")]


def test_days_of_broken_data_prove_no_harm_of_the_model(shop: Shop) -> None:
    for number in range(50, 54):
        shop.morning({number: [lost()]}, matured(number - 6))
    shop.lose(range(40, 61), [0.9] * 10 + [0.3] * 4 + [0.9] * 7, 0.9)
    answer = shop.morning({DAY: [HARM]})
    assert answer is not None
    assert answer.text.startswith("not requested: errors are proven")
    assert shop.actions() == []


def test_findings_of_days_that_are_too_old_ask_for_nothing(shop: Shop) -> None:
    lossy(shop)
    late = matured(DAY) + shop.monitor.alerting.old_after + dt.timedelta(minutes=1)
    assert shop.morning({DAY: [HARM, ranks()]}, late) is None
    assert (shop.actions(), shop.log()) == ([], [])
    assert shop.morning({DAY: [HARM]}, late - dt.timedelta(minutes=2)) is not None
    assert len(shop.actions()) == 1


def test_late_labels_about_the_champion_before_ask_for_nothing(shop: Shop) -> None:
    lossy(shop)
    shop.reign(shop.add(action(10)), since=56)
    assert shop.morning({55: [HARM]}, matured(55)) is None
    assert shop.morning({56: [HARM]}, matured(56)) is not None


def test_a_monitor_on_which_nothing_is_proven_costs_no_look_into_the_store(shop: Shop) -> None:
    asked: list[str] = []

    def counted(_: object, __: object, statement: str, *___: object) -> None:
        asked.append(statement)

    def at_desk(desk: requesting.Desk) -> None:
        event.listen(sa.Engine, "before_cursor_execute", counted)
        try:
            said = {day(DAY): [moved(), accuracy(Level.OK), ranks(Level.OK, left=0.4)]}
            assert requesting.request(desk, said, shop.world) is None
            shop.monitor = document(trainer=None, when={"max_age_days": 1, "new_labels": 1})
            assert requesting.request(desk, said, shop.world) is None
        finally:
            event.remove(sa.Engine, "before_cursor_execute", counted)

    shop.at(matured(DAY), at_desk)
    assert asked == []


# --- guards ---------------------------------------------------------------------------------------


def switched_off(shop: Shop) -> None:
    shop.is_disabled = True


def no_trainer(shop: Shop) -> None:
    shop.monitor = document(trainer=None)


def another_under_way(shop: Shop) -> None:
    shop.add(action(50, Status.RUNNING, why=Why.AGE))


def just_decided(shop: Shop) -> None:
    shop.add(action(60, Status.FAILED))


def used_up(shop: Shop) -> None:
    shop.monitor = document(per_quarter=1)
    shop.add(action(10))


def few_labels(shop: Shop) -> None:
    shop.monitor = document(minimum_labels=6_401)


def few_days(shop: Shop) -> None:
    shop.monitor = document(window={"validation_days": 6})


def lost_window(shop: Shop) -> None:
    shop.lake |= {day(n): taken(0, "features: damaged") for n in range(55)}


def broken_and_open(shop: Shop) -> None:
    shop.morning({DAY: [lost()]}, matured(DAY - 6))


@pytest.mark.parametrize(
    ("arrange", "guard", "said"),
    [
        (switched_off, Guard.DISABLED, "retraining is switched off in this deployment"),
        (no_trainer, Guard.NO_TRAINER, "the monitor names no trainer"),
        (another_under_way, Guard.IN_FLIGHT, "RT-000001 (retraining) is under way since"),
        (just_decided, Guard.COOLDOWN, "RT-000001 was failed on 2026-03-03; the next may"),
        (used_up, Guard.BUDGET, "1 retraining is allowed in a quarter"),
        (few_labels, Guard.FEW_LABELS, "6,400 labelled rows are final and before"),
        (few_days, Guard.FEW_VALIDATION_DAYS, "6 days are left to compare on"),
        (lost_window, Guard.CORRUPTED_WINDOW, "55 of the window's 92 days cannot be used"),
        (broken_and_open, Guard.BROKEN_DATA, "(column:distance) is open since 2026-03-02: data"),
    ],
    ids=lambda given: given.__name__ if callable(given) else "",
)
def test_a_guard_withholds_it_and_the_incident_says_why(
    shop: Shop, arrange: Callable[[Shop], None], guard: Guard, said: str
) -> None:
    arrange(lossy(shop))
    before = len(shop.actions())
    answer = shop.morning({DAY: [HARM]}, matured(DAY + 1) if guard is Guard.BROKEN_DATA else None)
    assert answer is not None
    assert (answer.ref, answer.guard) == ("", guard)
    assert len(shop.actions()) == before
    incident = shop.incident()
    assert incident.retraining == answer.text
    assert incident.retraining.startswith("not requested: ")
    assert said in incident.retraining
    assert shop.log("action.withheld") == [("action.withheld", incident.ref, guard)]


def test_the_lake_is_looked_at_only_where_nothing_else_keeps_from_training(shop: Shop) -> None:
    just_decided(lossy(shop))
    shop.morning({DAY: [HARM]})
    assert shop.looked == []


def test_the_same_reason_is_told_once_and_its_figures_follow(either: Shop) -> None:
    few_labels(lossy(either))
    either.monitor = document(minimum_labels=9_000)
    either.morning({DAY: [HARM]})
    first = either.incident()
    either.morning({DAY: [HARM]})
    assert either.incident() == first
    either.morning({DAY + 1: [HARM]})
    then = either.incident()
    assert (first.retraining[:20], then.retraining[:20]) == (
        "not requested: 6,400",
        "not requested: 6,500",
    )
    assert then.revision > first.revision
    assert either.timeline() == [first.retraining]
    assert len(either.log()) == 1
    either.is_disabled = True
    either.morning({DAY + 2: [HARM]})
    assert len(either.timeline()) == 2
    assert [guard for _, _, guard in either.log()] == [Guard.FEW_LABELS, Guard.DISABLED]


def test_what_is_done_about_an_incident_is_not_talked_over(shop: Shop) -> None:
    lossy(shop).morning({DAY: [HARM]})
    said = shop.incident().retraining
    switched_off(shop)
    assert shop.morning({DAY + 1: [HARM]}) is None
    shop.is_disabled = False
    assert shop.morning({DAY + 2: [HARM]}) is None
    assert shop.incident().retraining == said


def test_after_a_decision_the_cool_down_is_told_and_then_it_is_asked_for_anew(shop: Shop) -> None:
    lossy(shop).morning({DAY: [HARM]})
    ref = shop.actions()[0].ref
    shop.finish(ref)
    shop.morning({DAY + 1: [HARM]})
    assert f"{ref} was refused on 2026-03-10; the next may" in shop.incident().retraining
    shop.morning({DAY + 14: [HARM]})
    assert len(shop.actions()) == 2
    assert shop.actions()[1].ref != ref


# --- the calendar ---------------------------------------------------------------------------------


def test_the_age_of_the_champion_asks_without_an_incident(shop: Shop) -> None:
    shop.monitor = document(when={"max_age_days": 60})
    assert shop.morning({59: [accuracy(Level.OK)]}, matured(52)) is None
    answer = shop.morning({60: [accuracy(Level.OK)]}, matured(53))
    assert answer is not None
    (asked,) = shop.actions()
    assert (asked.why, asked.incident_id, asked.since) == (Why.AGE, None, day(-1))
    assert shop.morning({61: [accuracy(Level.OK)]}, matured(54)) is None
    assert shop.log() == [("action.requested", asked.ref, None)]


def test_a_day_that_is_too_old_is_no_calendar(shop: Shop) -> None:
    shop.monitor = document(when={"max_age_days": 10})
    assert shop.morning({60: [accuracy(Level.OK)]}, matured(60)) is None


def test_a_withheld_calendar_is_logged_when_its_reason_changes(shop: Shop) -> None:
    shop.monitor = document(when={"max_age_days": 10}, minimum_labels=10**6)
    for number in (60, 61, 62):
        answer = shop.morning({number: [accuracy(Level.OK)]}, matured(number - 7))
        assert answer is not None
        assert answer.guard is Guard.FEW_LABELS
    shop.is_disabled = True
    shop.morning({63: [accuracy(Level.OK)]}, matured(56))
    assert shop.log() == [
        ("action.withheld", "flights", Guard.FEW_LABELS),
        ("action.withheld", "flights", Guard.DISABLED),
    ]


def test_labels_count_once_they_are_final_and_since_the_champion(shop: Shop) -> None:
    shop.monitor = document(when={"new_labels": 300}, window={"validation_days": 7})
    shop.keep({n: [labelled_row(100)] for n in range(-3, 8)})
    assert shop.morning({8: []}, matured(1)) is None
    assert shop.morning({9: []}, matured(2)) is not None
    (asked,) = shop.actions()
    assert asked.evidence == ("300 labelled rows are final since 2025-12-31, the quota is 300")


def test_a_promotion_makes_the_champion_young_and_a_rollback_old_again(shop: Shop) -> None:
    shop.monitor = document(when={"max_age_days": 60}, cooldown_days=0)
    first = shop.reign(shop.add(action(50)), since=51)
    assert shop.morning({62: []}, matured(55)) is None
    shop.reign(shop.add(action(70, ref="RT-000002")), since=71)
    shop.reign(
        shop.add(action(75, ref="RT-000003", kind=ActionKind.ROLLBACK)), since=76, resumes=first
    )
    assert shop.morning({111: []}, matured(104)) is None
    assert shop.morning({112: []}, matured(105)) is not None
    shop.finish(shop.actions()[-1].ref)
    shop.reign(
        shop.add(action(113, ref="RT-000004", kind=ActionKind.ROLLBACK)), since=114, resumes=0
    )
    shop.monitor = document(when={"max_age_days": 140}, cooldown_days=0)
    shop.morning({140: []}, matured(133))
    assert shop.actions()[-1].since == day(-1)


def test_a_champion_is_not_judged_on_days_that_it_was_fitted_on(shop: Shop) -> None:
    plan = {"training": [{"day": day(n).isoformat()} for n in range(45)]}
    shop.reign(shop.add(action(50, plan=plan)), since=52)
    lossy(shop).morning({75: [accuracy(since=day(60), days=9)]})
    asked = shop.actions()[-1]
    assert asked.champion == "4"
    assert asked.plan["validation"][0]["day"] == day(48).isoformat()
    shop.finish(asked.ref)
    plan = {"training": [{"day": day(n).isoformat()} for n in range(80)]}
    shop.reign(shop.add(action(85, plan=plan, ref="RT-000009")), since=86)
    answer = shop.ask(matured(85))
    assert (answer.guard, answer.text[:22]) == (Guard.FEW_VALIDATION_DAYS, "not requested: 6 days ")


# --- by hand --------------------------------------------------------------------------------------


def test_a_person_asks_and_passes_over_what_keeps_machines_from_it(either: Shop) -> None:
    either.monitor = document(per_quarter=1)
    either.add(action(55))
    answer = either.ask(matured(DAY), "prices have changed")
    assert answer.guard is None
    asked = either.actions()[-1]
    assert (asked.why, asked.requested_by, asked.incident_id) == (Why.BY_HAND, "user:ann", None)
    assert asked.evidence == (
        "prices have changed (in spite of this: RT-000001 was done on 2026-02-26; the next may "
        "follow from 2026-03-12 on (`retraining.cooldown_days`); 1 retraining is allowed in a "
        "quarter (`retraining.per_quarter`), and the budget of this one is used up; the next "
        "begins on 2026-04-01)"
    )
    assert either.log() == [("action.requested", asked.ref, None)]


@pytest.mark.parametrize(
    ("arrange", "guard"),
    [
        (switched_off, Guard.DISABLED),
        (no_trainer, Guard.NO_TRAINER),
        (another_under_way, Guard.IN_FLIGHT),
        (few_labels, Guard.FEW_LABELS),
        (few_days, Guard.FEW_VALIDATION_DAYS),
        (lost_window, Guard.CORRUPTED_WINDOW),
        (broken_and_open, Guard.BROKEN_DATA),
    ],
    ids=lambda given: given.__name__ if callable(given) else "",
)
def test_a_person_cannot_pass_over(
    shop: Shop, arrange: Callable[[Shop], None], guard: Guard
) -> None:
    arrange(shop)
    before = len(shop.actions())
    answer = shop.ask(matured(DAY))
    assert (answer.guard, answer.ref, len(shop.actions())) == (guard, "", before)
    assert answer.text.startswith("not requested: ")
    assert shop.log("action.withheld") == [("action.withheld", "flights", guard)]


# --- replays and windows --------------------------------------------------------------------------


def test_a_replay_knows_nothing_of_what_was_requested_after_its_instant(shop: Shop) -> None:
    shop.add(action(300))
    assert lossy(shop).morning({DAY: [HARM]}) is not None
    assert len(shop.actions()) == 2


def test_days_of_broken_data_are_left_out_of_the_plan_with_their_cause(either: Shop) -> None:
    for number in (30, 31):
        either.morning({number: [lost()]}, matured(number - 6))
    either.morning(
        {32: [Verdict(moved().subject, Level.OK, "within_noise", "", value=0.1)]}, matured(26)
    )
    lossy(either).morning({DAY: [HARM]})
    plan = either.actions()[0].plan
    assert [e["day"] for e in plan["excluded"]] == [day(30).isoformat(), day(31).isoformat()]
    assert all(e["because"].startswith("broken data: column:distance") for e in plan["excluded"])
    used = {d["day"] for d in plan["training"]}
    assert day(29).isoformat() in used
    assert day(30).isoformat() not in used
