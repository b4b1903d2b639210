"""What follows from the gate: a refusal keeps the champion, and days in shadow are lived first."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from monitoring_dagster.monitors.contract import Kind
from monitoring_dagster.retraining.action import UNDER_WAY
from monitoring_dagster.retraining.reconciling import is_waited_for
from monitoring_dagster.store import actions
from monitoring_dagster.store.audit import reading
from monitoring_dagster.store.response_tables import outbox
from tests.effects.tables import rows
from tests.retraining_performing.factory import ASKED_AFTER, DAYS, NEXT, Factory
from tests.retraining_performing.working import LIVED, Hands

pytestmark = pytest.mark.filterwarnings("ignore")  # Dagster's, MLflow's and GX's own, not ours


def test_a_challenger_that_is_worse_for_a_protected_group_is_refused(
    asked: Factory, opened: Callable[[Factory], Hands]
) -> None:
    hands = opened(asked)
    hands.factory.write_monitor({"protected: false": "protected: true"})
    hands.plan_with("blind")
    action = hands.action()
    (said,) = hands.act()
    assert said.startswith(f"{action.ref} is refused: roc_auc in region=west 0.172")
    assert hands.versions() == (["1", "2"], {"champion": "1", "challenger": "2"})
    assert hands.tenures() == []
    refused = hands.action()
    groups = {
        c["segment"]: c["outcome"]
        for c in refused.decision["checks"]
        if c["kind"] == "protected" and "=" in c["segment"]
    }
    assert groups == {"region=north": "passed", "region=south": "passed", "region=west": "failed"}
    assert hands.incident().status == "open"
    assert hands.incident().retraining.startswith(f"{action.ref} refused at the gate: roc_auc in")
    _is_told_everywhere(hands)
    assert hands.later(days=3).act() == []


def _is_told_everywhere(hands: Hands) -> None:
    """The table is at MLflow's run, in the thread and in the audit log."""
    worse = next(c["text"] for c in hands.action().decision["checks"] if c["outcome"] == "failed")
    run = hands.runs()[0]
    assert run.data.tags["monitoring.decision"] == "refused"
    kept = json.loads(hands.file(run, "decision.json"))
    assert worse in [check["text"] for check in kept["checks"]]
    (reply,) = [n for n in rows(hands.store, outbox) if n.key.endswith(":refused")]
    assert json.loads(reply.payload)["lines"][0] == worse
    entries = hands.store.read(lambda c: list(reading.entries(c, action="action.refused")))
    (logged,) = [dict(entry.payload or {}) for entry in entries]
    assert f"failed: {worse}" in str(logged["gate"])


def test_a_challenger_answers_unheard_and_is_judged_again_on_those_days(
    asked: Factory, opened: Callable[[Factory], Hands]
) -> None:
    hands = replace(opened(asked), now=LIVED, lived=None)
    hands.store.write(lambda c: actions.move(c, hands.action().id, ["requested"], clock=""))
    monitor = hands.factory.write_monitor({"shadow_days: 0": "shadow_days: 5"})
    (said,) = hands.act()
    action = hands.action()
    assert said.startswith(f"{action.ref} is shadowing: roc_auc")
    assert (action.shadow_until, hands.tenures()) == (NEXT[4], [])
    unheard = hands.later(days=5)
    assert unheard.act() == []
    matured = hands.later(days=6)
    for kind, day in itertools.product(Kind, NEXT[:5]):
        matured.day(monitor).take(kind, day)
    assert matured.act() == [f"{action.ref} is done: version 2 took over on {NEXT[6]}"]
    after = hands.action()
    found = after.decision["first_day"], after.decision["last_day"]
    assert found == (str(NEXT[0]), str(NEXT[4]))
    assert after.plan["validation"] == action.plan["validation"]
    assert hands.told("action") == [
        *("action.requested", "action.shadow", "action.passed", "action.done"),
    ]
    assert (after.attempt, hands.trainings_since_copied) == (2, 1)
    windows = [each.dataset.digest for run in hands.runs() for each in run.inputs.dataset_inputs]
    assert len(windows) == 2


def test_a_replay_goes_on_through_days_in_shadow_and_stops_after_them(
    asked: Factory, opened: Callable[[Factory], Hands]
) -> None:
    """However late it is by the wall clock: what is to be judged by has to be lived first."""
    hands = opened(asked)
    number = hands.action().id
    for until, is_launched in ((ASKED_AFTER, False), (DAYS[10], True)):
        values = {"status": "shadowing", "shadow_until": until}
        hands.store.write(lambda c, v=values: actions.move(c, number, UNDER_WAY, **v))
        assert is_waited_for(hands.action(), hands.factory.monitor, LIVED) == is_launched
        assert len(hands.launch().asked) == is_launched
    assert hands.action().phase == "shadow"
    assert hands.action().clock == LIVED.isoformat()
