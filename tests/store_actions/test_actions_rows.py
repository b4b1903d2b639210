"""What is written of actions and tenures comes back as it was."""

from __future__ import annotations

import datetime as dt
import json
import math
from typing import Any

import pytest

from monitoring_dagster.retraining.action import ActionKind, Phase, Status, Why
from monitoring_dagster.retraining.rows import action_of
from monitoring_dagster.store import Store, actions, tenures
from tests.store_actions.builders import LATER, NOW, action, added, row, running

EVERYTHING: dict[str, Any] = {
    "kind": ActionKind.ROLLBACK,
    "why": Why.BY_HAND,
    "phase": Phase.PROMOTE,
    "status": Status.AWAITING_APPROVAL,
    "since": dt.date(2026, 1, 9),
    "clock": "2026-02-04T06:00:00+00:00",
    "config_hash": "cfg",
    "attempt": 3,
    "tries": 2,
    "not_before": LATER,
    "run_id": "run",
    "alive_at": LATER,
    "plan": {"days": ["2026-01-01"], "seed": 7, "why not": {"2026-01-02": "its data are broken"}},
    "champion": "3",
    "challenger": "4",
    "mlflow_run": "f00",
    "decision": {"passed": True, "checks": [{"name": "primary", "value": 0.0123456789012345}]},
    "because": "it is better",
    "shadow_until": dt.date(2026, 2, 11),
    "decided_at": LATER,
    "seconds_to_decision": 812.5,
    "ended_at": LATER,
}


@pytest.mark.parametrize("values", [{}, EVERYTHING], ids=["a new action", "one with everything"])
def test_an_action_comes_back_as_it_was(store: Store, values: dict[str, Any]) -> None:
    action_id = added(store, **values)
    assert action_of(row(store, action_id)) == action(id=action_id, **values)


def test_a_document_longer_than_any_sentence_is_kept_whole(store: Store) -> None:
    plan = {"excluded": {f"day {n}": "its data are broken" for n in range(2_000)}}
    action_id = added(store, plan=plan)
    attempt = running(store, action_id)
    store.write(lambda c: actions.note(c, action_id, attempt, decision=plan))
    assert action_of(row(store, action_id)).plan == plan
    assert json.loads(row(store, action_id).decision) == plan


def test_a_document_with_a_figure_that_json_has_not_is_refused(store: Store) -> None:
    action_id = added(store)
    attempt = running(store, action_id)
    with pytest.raises(ValueError, match="not JSON compliant"):
        store.write(lambda c: actions.note(c, action_id, attempt, decision={"gain": math.nan}))


def test_texts_from_outside_are_kept_as_far_as_databases_can(store: Store) -> None:
    evil = "no\0 \ud800 " + "long " * 2_000
    action_id = added(store, evidence=evil, because=evil, requested_by=evil)
    found = row(store, action_id)
    for text, most in ((found.evidence, 2_000), (found.because, 2_000), (found.requested_by, 256)):
        assert text.startswith("no\ufffd \ufffd long")
        assert len(text.encode()) <= most
    found = store.write(lambda c: actions.approve(c, action_id, "ann\0", NOW, evil))
    assert found
    assert not store.write(lambda c: actions.approve(c, action_id, "ann\0", NOW, evil))


def test_a_run_notes_what_it_found_and_lets_go(store: Store) -> None:
    action_id = added(store)
    attempt = running(store, action_id)
    later = {"status": Status.REQUESTED, "not_before": LATER, "mlflow_run": "f00"}
    assert store.write(lambda c: actions.note(c, action_id, attempt, **later))
    found = action_of(row(store, action_id))
    assert (found.status, found.not_before, found.mlflow_run) == (Status.REQUESTED, LATER, "f00")
    assert not store.write(lambda c: actions.note(c, action_id, attempt, mlflow_run="beef"))


def test_actions_are_found_by_name_and_listed(store: Store) -> None:
    first = added(store, status=Status.DONE)
    second = added(store, "RT-000002")
    other = added(store, "RT-000003", monitor="credit", status=Status.SHADOWING)

    def listed(**which: Any) -> list[int]:
        return [one.id for one in store.read(lambda c: actions.listed(c, **which))]

    assert listed() == [other, second, first]
    assert listed(most=2) == [other, second]
    assert listed(monitor="flights") == [second, first]
    assert listed(is_over=True) == [first]
    assert listed(is_over=False) == [other, second]
    found = store.read(lambda c: actions.of_monitor(c, "flights"))
    assert [one.id for one in found] == [first, second]
    found = store.read(lambda c: actions.standing(c, [Status.SHADOWING, Status.DONE]))
    assert [one.id for one in found] == [first, other]
    by_ref = store.read(lambda c: actions.by_ref(c, "RT-000002"))
    assert by_ref is not None
    assert by_ref.id == second
    assert store.read(lambda c: actions.by_ref(c, "RT-9")) is None
    assert store.read(lambda c: actions.by_id(c, 10**9)) is None
    assert store.read(lambda c: actions.held(c, 10**9)) is None
    assert store.read(lambda c: actions.under_way(c, "nobody")) is None


def test_a_person_agrees_once(store: Store) -> None:
    action_id = added(store, status=Status.AWAITING_APPROVAL)
    said = [("user:bob", LATER, "looks fine"), ("user:ann", NOW, ""), ("user:bob", NOW, "again")]
    new = [store.write(lambda c, one=one: actions.approve(c, action_id, *one)) for one in said]
    assert new == [True, True, False]
    found = store.read(lambda c: actions.approvals(c, action_id))
    assert [(one.person, one.at, one.because) for one in found] == [
        ("user:ann", NOW, ""),
        ("user:bob", LATER, "looks fine"),
    ]


def tenure(action_id: int, **changes: Any) -> dict[str, Any]:
    return {
        "monitor": "flights",
        "model_version": "4",
        "since": dt.date(2026, 2, 4),
        "reference": {},
        "resumes": None,
        "begun_at": NOW,
        "begun_by": "user:ann",
        "action_id": action_id,
        **changes,
    }


def test_an_action_begins_one_tenure_however_often_it_is_done(store: Store) -> None:
    first = added(store, status=Status.DONE)
    second = added(store, "RT-000002", status=Status.DONE)
    other = added(store, "RT-000003", monitor="credit", status=Status.DONE)
    reference = {"first_day": "2026-01-01", "threshold": 0.4}
    wanted = [
        tenure(first, reference=reference),
        tenure(first, model_version="5"),
        tenure(second, resumes=0, model_version="3"),
        tenure(other, monitor="credit", reference='{"a": 1}'),
    ]
    begun = [store.write(lambda c, one=one: tenures.begin(c, one)) for one in wanted]
    assert [number is None for number in begun] == [False, True, False, False]
    found = store.read(lambda c: tenures.of_monitor(c, "flights"))
    assert [(t.id, t.model_version, t.resumes) for t in found] == [
        (begun[0], "4", None),
        (begun[2], "3", 0),
    ]
    assert json.loads(found[0].reference) == reference
    assert found[1].reference == ""
    assert (found[0].since, found[0].begun_at) == (dt.date(2026, 2, 4), NOW)
    (of_other,) = store.read(lambda c: tenures.of_monitor(c, "credit"))
    assert of_other.reference == '{"a": 1}'
