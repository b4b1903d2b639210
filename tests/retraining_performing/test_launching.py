"""Launches: an action has one run at a time; a run that is lost is made good, but not for ever."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import dagster as dg
import pytest

from monitoring_dagster.definitions import build_definitions
from monitoring_dagster.monitors.loader import Loaded
from monitoring_dagster.resources import CLOCK_TAG, Workplace
from monitoring_dagster.retraining.action import Action, ActionKind, Status, Why
from monitoring_dagster.retraining.reconciling import Instants, Move, Seen, move
from monitoring_dagster.running import run_actions
from monitoring_dagster.store import actions
from tests.retraining_performing.factory import Factory
from tests.retraining_performing.working import NOW, Hands

pytestmark = pytest.mark.filterwarnings("ignore")  # Dagster's own, not ours

MINUTE = dt.timedelta(minutes=1)


@pytest.fixture
def hands(asked: Factory, opened: Callable[[Factory], Hands]) -> Hands:
    return opened(asked)


def action(**more: Any) -> Action:
    told: dict[str, Any] = {
        "ref": "RT-000001",
        "monitor": "small",
        "kind": ActionKind.RETRAINING,
        "why": Why.HARM,
        "evidence": "errors have risen",
        "requested_at": NOW,
        "requested_by": "monitoring-dagster",
        "written_at": NOW,
        "tries": 1,
    }
    return Action(**(told | more))


LAUNCHING, RUNNING = {"status": Status.LAUNCHING}, {"status": Status.RUNNING}
SILENT = RUNNING | {"alive_at": NOW - 4 * MINUTE}


@pytest.mark.parametrize(
    ("stands", "seen", "at", "then"),
    [
        pytest.param({}, Seen.ABSENT, {}, Move.LAUNCH, id="what is owed is launched"),
        pytest.param(
            {"not_before": NOW + MINUTE}, Seen.ABSENT, {}, Move.NOTHING, id="not before its time"
        ),
        pytest.param({"not_before": NOW}, Seen.ABSENT, {}, Move.LAUNCH, id="in its time it is"),
        pytest.param(
            LAUNCHING,
            Seen.ABSENT,
            {"launched_at": NOW - 4 * MINUTE},
            Move.NOTHING,
            id="a run that was asked for has five minutes to come",
        ),
        pytest.param(
            LAUNCHING,
            Seen.ABSENT,
            {"launched_at": NOW - 5 * MINUTE},
            Move.AGAIN,
            id="one that never came is asked for again",
        ),
        pytest.param(
            LAUNCHING,
            Seen.UNDER_WAY,
            {"launched_at": NOW - 60 * MINUTE},
            Move.NOTHING,
            id="one that waits in a queue is not lost",
        ),
        pytest.param(
            LAUNCHING,
            Seen.ENDED,
            {"launched_at": NOW},
            Move.AGAIN,
            id="one that ended without a word is asked for again at once",
        ),
        pytest.param(
            RUNNING | {"alive_at": NOW - 2 * MINUTE},
            Seen.UNDER_WAY,
            {},
            Move.NOTHING,
            id="a run that says it lives is left alone",
        ),
        pytest.param(
            SILENT,
            Seen.UNDER_WAY,
            {},
            Move.AGAIN,
            id="one that says nothing is lost, whatever Dagster says",
        ),
        pytest.param(
            RUNNING | {"alive_at": NOW}, Seen.ENDED, {}, Move.AGAIN, id="one that ended is lost"
        ),
        pytest.param(
            RUNNING | {"alive_at": NOW},
            Seen.ABSENT,
            {},
            Move.NOTHING,
            id="one that lives counts although Dagster does not know it",
        ),
        pytest.param(
            SILENT | {"tries": 3},
            Seen.ENDED,
            {},
            Move.GIVE_UP,
            id="the third that is lost is the last",
        ),
        pytest.param(
            {"status": Status.SHADOWING},
            Seen.ABSENT,
            {},
            Move.NOTHING,
            id="days in shadow are waited for",
        ),
        pytest.param(
            {"status": Status.SHADOWING},
            Seen.ABSENT,
            {"shadow_is_over": True},
            Move.LAUNCH,
            id="after them it is judged",
        ),
        pytest.param(
            {"status": Status.AWAITING_APPROVAL},
            Seen.ABSENT,
            {},
            Move.NOTHING,
            id="people are waited for",
        ),
    ],
)
def test_what_has_to_be_done(
    stands: dict[str, Any], seen: Seen, at: dict[str, Any], then: Move
) -> None:
    assert move(action(**stands), seen, Instants(NOW, **at)) is then


def test_two_sensors_at_once_launch_it_once(hands: Hands) -> None:
    with ThreadPoolExecutor(4) as pool:
        launched = list(pool.map(lambda _: hands.launch(), range(8)))
    assert [one.attempt for each in launched for one in each.asked] == [1]
    assert not [failure for each in launched for failure in each.failures]


def test_after_three_lost_runs_it_is_given_up_and_its_incident_says_so(hands: Hands) -> None:
    asked = [hands.later(minutes=6 * i).launch().asked for i in range(3)]
    assert [one.attempt for (one,) in asked] == [1, 2, 3]
    last = hands.later(minutes=18).launch()
    ref = hands.action().ref
    assert (last.asked, last.given_up) == ([], [ref])
    assert hands.action().status is Status.FAILED
    assert hands.incident().retraining == (
        f"{ref} failed: its process was lost 3 times in the phase train; look at its runs in "
        "Dagster, mend what ends them, and ask for it again"
    )
    assert hands.later(days=1).launch().asked == []


def test_an_action_of_a_monitor_that_is_gone_waits_for_it(hands: Hands) -> None:
    launching = replace(hands.launching, monitors={})
    assert launching.launch(lambda _: Seen.ABSENT).waiting == [
        f"{hands.action().ref} (no monitor small)"
    ]
    assert hands.action().status is Status.REQUESTED


# --- by Dagster -----------------------------------------------------------------------------------


def ticked(hands: Hands, instance: dg.DagsterInstance) -> Any:
    """What the sensor asks Dagster for."""
    definitions = build_definitions(Loaded(hands.factory.monitors, []))
    sensor = definitions.resolve_sensor_def("actions")
    with dg.build_sensor_context(
        instance=instance, definitions=definitions, resources={"workplace": Workplace()}
    ) as context:
        return sensor.evaluate_tick(context)


def test_each_attempt_has_a_run_key_of_its_own_and_lives_at_the_relived_instant(
    hands: Hands,
) -> None:
    ref = hands.action().ref
    with dg.DagsterInstance.ephemeral() as instance:
        (first,) = ticked(hands, instance).run_requests
        assert ticked(hands, instance).skip_message == f"{ref} (launching)"
        instance.add_run(
            dg.DagsterRun(
                job_name="retraining", run_id=dg._core.utils.make_new_run_id(),
                tags=dict(first.tags), status=dg.DagsterRunStatus.FAILURE,
            )
        )  # fmt: skip
        (second,) = ticked(hands, instance).run_requests
    assert [first.run_key, second.run_key] == [f"{ref}:1", f"{ref}:2"]
    config = second.run_config["ops"]["act"]["config"]
    assert config == {"action": hands.action().id, "attempt": 2}
    assert second.tags[CLOCK_TAG] == hands.action().clock


def test_a_run_that_fails_is_tried_three_times_and_then_somebody_is_told(hands: Hands) -> None:
    """Here by an error that nobody foresaw: the plan is none."""
    number = hands.action().id
    hands.store.write(lambda c: actions.move(c, number, ["requested"], plan={"odd": True}))
    (said,) = run_actions(hands.factory.monitors)
    assert "failed: its process was lost 3 times in the phase train" in said
    assert hands.action().attempt == 3
