"""The decision: what follows from its checks, how it is kept, and which metrics it knows."""

from __future__ import annotations

import json

import pytest

from monitoring_dagster.monitors.contract import Model, Monitor, Task
from monitoring_dagster.monitors.retraining import Retraining
from monitoring_dagster.retraining.gate import can_be_compared
from monitoring_dagster.retraining.gate.decision import Check, CheckKind, Decision, Outcome
from tests.retraining_gate.gate_worlds import binary, decided, groups, swapped


def check(outcome: Outcome, *, is_needed: bool = True, text: str = "said") -> Check:
    return Check(
        CheckKind.GUARD, "f1", "all", 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1, 1, outcome, is_needed, text
    )


def decision(*checks: Check) -> Decision:
    return Decision(checks, "2026-03-01", "2026-03-28", 10, 0.95)


CASES = {
    "all passed": ([check(Outcome.PASSED)], True),
    "one failed": ([check(Outcome.PASSED), check(Outcome.FAILED)], False),
    "one failed that need not be decided": ([check(Outcome.FAILED, is_needed=False)], False),
    "undecided and needed": ([check(Outcome.UNDECIDED)], False),
    "undecided and not needed": ([check(Outcome.UNDECIDED, is_needed=False)], True),
    "no checks": ([], False),
}


@pytest.mark.parametrize(("checks", "is_passed"), CASES.values(), ids=CASES)
def test_one_check_in_the_way_is_enough_and_none_at_all_are_too_few(checks, is_passed) -> None:
    assert decision(*checks).is_passed is is_passed


def test_why_is_told_by_what_is_in_the_way_or_else_by_the_first_check() -> None:
    good, bad = check(Outcome.PASSED, text="better"), check(Outcome.FAILED, text="slow")
    worse = check(Outcome.UNDECIDED, text="unclear")
    assert decision(good, bad, worse).because == "slow; unclear"
    assert decision(good).because == "better"
    assert decision().because == "nothing could be compared"


def test_a_decision_comes_back_from_json_as_it_was() -> None:
    rows = binary(3)
    segments = groups(rows.days.astype(int) % 3, "g", is_protected=True)
    for found in (decided(rows, segments=segments), decided(swapped(rows)), decision()):
        document = json.loads(json.dumps(found.document(), allow_nan=False))
        assert Decision.of(document) == found
        assert (document["is_passed"], document["because"]) == (found.is_passed, found.because)


def test_a_decision_says_which_days_and_how_many_rows_it_rests_on() -> None:
    found = decided(binary(3, days=9, rows=40))
    assert (found.first_day, found.last_day) == ("2026-03-01", "2026-03-09")
    assert (found.rows, found.confidence) == (360, 0.95)


def monitor(task: Task, **gate: object) -> Monitor:
    return Monitor.model_construct(
        model=Model.model_construct(task=task),
        retraining=Retraining.model_validate({"gate": gate}),
    )


def test_metrics_that_the_gate_cannot_compare_by_are_named_with_the_nearest_that_it_can() -> None:
    asked = monitor(Task.BINARY, primary="roc_acu", guards=["brier", "mae"])
    told = {d.path[2:]: d.text for d in can_be_compared(asked)}
    assert told == {
        ("primary",): "got 'roc_acu', by which the gate cannot compare a binary model; "
        "did you mean roc_auc?",
        ("guards", 1): "got 'mae', by which the gate cannot compare a binary model; "
        "docs/gate.md lists them",
    }


@pytest.mark.parametrize("task", Task)
def test_the_defaults_of_a_document_need_no_metric_of_their_own(task: Task) -> None:
    assert list(can_be_compared(monitor(task))) == []
