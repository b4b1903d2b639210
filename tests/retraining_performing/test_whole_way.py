"""The whole way: days are relived, a retraining is asked for, done, and days go on after it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from monitoring_dagster.running import run_actions, run_days
from monitoring_dagster.store.response_tables import outbox
from tests.effects.tables import acted, payloads, rows, tables
from tests.retraining_performing.factory import ASKED_AFTER, CHANGES_ON, DAYS, NEXT, Factory
from tests.retraining_performing.working import Hands, within

pytestmark = pytest.mark.filterwarnings("ignore")  # Dagster's, MLflow's and GX's own, not ours

TOOK_OVER = NEXT[0]
"""The day on whose morning the retraining was asked for."""

LAST = NEXT[1]


@pytest.fixture(scope="module")
def way(asked: Factory, tmp_path_factory: pytest.TempPathFactory) -> tuple[Hands, list[str]]:
    """The deployment after the action was done as at a terminal, and what was said of it."""
    hands = Hands(asked.copied(tmp_path_factory.mktemp("way") / "home"))
    with within(hands.factory):
        said = run_actions(hands.factory.monitors)
        assert run_actions(hands.factory.monitors) == []
    return hands, said


@pytest.fixture(scope="module")
def afterwards(way: tuple[Hands, list[str]]) -> Hands:
    """The same, after days on which the new champion answered."""
    hands, _ = way
    model = hands.challenger()
    for day in NEXT:
        hands.factory.serve(day, "2", model)
    with within(hands.factory):
        ran = run_days(hands.factory.monitor, TOOK_OVER, LAST, replay=True)
    assert (ran.failures, ran.stopped) == ([], None)
    return hands


def test_a_replay_stops_where_a_retraining_is_asked_for(
    asked: Factory, opened: Callable[[Factory], Hands]
) -> None:
    action = opened(asked).action()
    assert (action.why, action.status, action.attempt) == ("harm", "requested", 0)
    assert (action.clock, str(action.since)) == (action.requested_at.isoformat(), str(CHANGES_ON))


def test_what_was_asked_for_is_trained_compared_and_takes_over(
    way: tuple[Hands, list[str]],
) -> None:
    hands, said = way
    action = hands.action()
    assert said == [f"{action.ref} is done: version 2 took over on {TOOK_OVER}"]
    assert hands.versions() == (["1", "2"], {"champion": "2"})
    ((version, since, reference, resumes, by),) = hands.tenures()
    assert (version, since, resumes, by) == ("2", TOOK_OVER, None, action.id)
    assert json.loads(reference)["threshold"] == 0.4
    assert (action.champion, action.challenger, action.attempt) == ("1", "2", 1)
    assert action.decision["is_passed"]


def test_the_new_reference_is_of_days_that_nobody_was_trained_on(
    way: tuple[Hands, list[str]],
) -> None:
    hands, _ = way
    plan, (tenure,) = hands.action().plan, hands.tenures()
    kept = json.loads(tenure[2])
    validated = [day["day"] for day in plan["validation"]]
    assert (kept["first_day"], kept["last_day"]) == (validated[0], validated[-1])
    assert max(day["day"] for day in plan["training"]) < validated[0]
    frozen = hands.day(hands.factory.monitor).on(TOOK_OVER).reference
    assert [str(day) for day in frozen.days] == validated


def test_the_incident_ends_because_another_model_took_over(way: tuple[Hands, list[str]]) -> None:
    hands, _ = way
    incident, ref = hands.incident(), hands.action().ref
    over = f"version 2 took over on {TOOK_OVER}"
    assert (incident.status, incident.resolved_because) == ("resolved", over)
    assert incident.retraining == f"{ref} is done: {over}"


def test_every_step_is_in_the_audit_log_and_in_the_thread(way: tuple[Hands, list[str]]) -> None:
    hands, _ = way
    ref = hands.action().ref
    assert hands.told("action", "champion") == [
        "action.requested",
        "action.passed",
        "action.done",
        "champion.promoted",
    ]
    owed = {n.key: json.loads(n.payload) for n in rows(hands.store, outbox) if ref in n.key}
    assert list(owed) == [f"remark:{ref}:{step}" for step in ("requested", "passed", "done")]
    assert any("roc_auc" in line for line in owed[f"remark:{ref}:passed"]["lines"])


def test_the_ml_team_finds_everything_at_one_run_of_mlflow(way: tuple[Hands, list[str]]) -> None:
    hands, _ = way
    (run,) = hands.runs()
    assert (run.info.status, run.data.tags["monitoring.decision"]) == ("FINISHED", "passed")
    assert run.data.params["training.rows"] == "240"
    assert run.data.metrics["trainer/rows"] == 240
    files = hands.files(run)
    assert {"training.log", "plan.json", "report.html", "decision.json"} <= files
    assert {"plots/roc.svg", "plots/daily.svg"} <= files


def test_doing_it_again_changes_nothing(way: tuple[Hands, list[str]]) -> None:
    hands, _ = way
    before = everything(hands)
    with within(hands.factory):
        assert run_actions(hands.factory.monitors) == []
    assert everything(hands) == before


def test_days_after_it_are_held_against_the_new_reference(afterwards: Hands) -> None:
    held = {row["day"]: row["reference_value"] for row in afterwards.measured("accuracy")}
    before, after = held[ASKED_AFTER], held[LAST]
    assert before != after
    reference = afterwards.day(afterwards.factory.monitor).on(NEXT[1]).reference
    assert max(reference.days) == DAYS[10]
    assert {held[day] for day in NEXT[:2]} == {after}


def test_nobody_hears_of_the_new_champion_that_is_right(afterwards: Hands) -> None:
    assert afterwards.incident().status == "resolved"
    told = afterwards.store.verdicts("small", first_day=TOOK_OVER).to_pylist()
    assert {row["day"] for row in told} == {*NEXT[:2]}
    assert not {row["verdict"] for row in told} & {"warn", "critical", "error"}
    assert len(afterwards.tenures()) == 1


def everything(hands: Hands) -> dict[str, Any]:
    return {**tables(hands.store), "audit": acted(hands.store), "told": payloads(hands.store)}
