"""What keeps an action from being done: nothing is lost by it, and people hear of it once."""

from __future__ import annotations

import datetime as dt
import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from monitoring_dagster import watch
from monitoring_dagster.cli import app
from monitoring_dagster.incidents.alarms import Check
from monitoring_dagster.retraining import windows
from monitoring_dagster.retraining.windows import Taken
from monitoring_dagster.store.response_tables import outbox
from tests.effects.tables import rows
from tests.retraining_performing.factory import NEXT, Factory
from tests.retraining_performing.working import NOW, Hands, ticking

pytestmark = pytest.mark.filterwarnings("ignore")  # MLflow's own, not ours

NOBODY = "http://127.0.0.1:9"
"""Where nothing answers."""


@pytest.fixture
def hands(asked: Factory, opened: Callable[[Factory], Hands]) -> Hands:
    return opened(asked)


# --- MLflow does not answer -----------------------------------------------------------------------


def test_without_mlflow_a_retraining_waits_for_it_and_goes_on_being_owed(hands: Hands) -> None:
    down = replace(hands, registry=NOBODY)
    (said,) = down.act()
    action = hands.action()
    assert said.startswith(f"{action.ref} is requested: MLflow does not answer")
    assert (action.status, action.attempt, action.tries) == ("requested", 1, 0)
    assert action.not_before == NOW + dt.timedelta(minutes=1)
    assert "waits for the model registry: MLflow does not answer" in hands.incident().retraining
    assert down.later(seconds=59).act() == []
    assert hands.trainings_since_copied == 0
    evaluated = down.day(hands.factory.monitor).evaluate([NEXT[0]])
    assert [one.day for one in evaluated] == [NEXT[0]]


def test_while_it_is_down_it_is_asked_less_and_less_and_told_once(hands: Hands) -> None:
    down, waits = replace(hands, registry=NOBODY), []
    for _ in range(8):
        assert len(down.act()) == 1
        until = hands.action().not_before
        assert until is not None
        waits.append((until - down.now) // dt.timedelta(minutes=1))
        down = replace(down, now=until)
    assert waits == [1, 2, 4, 8, 16, 32, 32, 32]
    assert hands.action().tries == 0
    assert hands.told("action") == ["action.requested", "action.postponed"]
    replies = [n.key for n in rows(hands.store, outbox) if n.key.endswith(":postponed")]
    assert len(replies) == 1


def test_a_promotion_that_mlflow_kept_waiting_is_done_when_it_answers(
    waiting: Factory, opened: Callable[[Factory], Hands]
) -> None:
    hands = opened(waiting)
    ref = hands.deciding.approve(hands.action().ref, "ann", "yes").ref
    (said,) = replace(hands, registry=NOBODY).act()
    assert said.startswith(f"{ref} is requested: ")
    assert hands.tenures() == []
    assert hands.later(minutes=2).act() == [f"{ref} is done: version 2 took over on {NEXT[0]}"]
    assert hands.versions() == (["1", "2"], {"champion": "2"})


# --- the trainer fails ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("trainer", "because", "end_of_log"),
    [
        pytest.param(
            "raises", "raised ValueError: the rows are odd", "the rows are odd", id="it raises"
        ),
        pytest.param("exits", "ended its process with code 3", "", id="it exits"),
        pytest.param("never_ends", "was ended after 0.05 minutes", "", id="it takes too long"),
    ],
)
def test_a_trainer_that_fails_ends_the_action_and_somebody_is_told_why(
    hands: Hands, trainer: str, because: str, end_of_log: str
) -> None:
    hands.plan_with(trainer)
    hands.factory.write_monitor({"retraining:": "retraining:\n  limits: {minutes: 0.05}"})
    quick = trainer != "never_ends"
    (said,) = replace(hands, monotonic=ticking() if quick else time.monotonic).act()
    action = hands.action()
    assert said == f"{action.ref} is failed: {action.because}"
    assert because in action.because
    assert f"{action.ref} failed: " in hands.incident().retraining
    assert hands.versions() == (["1"], {"champion": "1"})
    (run,) = hands.runs()
    assert run.info.status == "FAILED"
    if end_of_log:
        (reply,) = [n for n in rows(hands.store, outbox) if n.key.endswith(":failed")]
        assert end_of_log in json.loads(reply.payload)["lines"][-1]
        assert end_of_log in hands.file(run, "training.log")
        shown = CliRunner().invoke(app, ["retraining", "show", action.ref]).output
        assert "Traceback (most recent call last)" in shown
    assert hands.later(hours=1).act() == []
    alarms = watch.watch(
        hands.store, [hands.factory.monitor], watch.Seen("x"), now=NOW, written_at=NOW
    ).alarms
    assert [alarm.check for alarm in alarms if alarm.monitor == "small"] == [Check.ACTION_FAILED]


# --- other attempts, and people -------------------------------------------------------------------


def test_a_run_that_comes_after_its_attempt_was_given_up_does_nothing(hands: Hands) -> None:
    (first,) = hands.launch().asked
    (second,) = hands.later(minutes=6).launch().asked
    assert (first.attempt, second.attempt) == (1, 2)
    said = hands.performing().perform(first.id, first.attempt)
    assert said.startswith("superseded: ")
    assert (hands.runs(), hands.trainings_since_copied) == ([], 0)
    assert (hands.action().status, hands.action().attempt) == ("launching", 2)


@contextmanager
def training(hands: Hands) -> Iterator[Future[list[str]]]:
    """A run whose training has begun and does not end; what it says when it has ended."""
    hands.plan_with("never_ends")
    looking = replace(hands, monotonic=ticking(seconds=3.0))
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(looking.act)
        pause, deadline = threading.Event(), time.monotonic() + 60
        while not hands.trainings_since_copied:
            assert time.monotonic() < deadline, "the training does not begin"
            assert not running.done(), running.result()
            pause.wait(0.05)
        yield running


def test_a_training_that_is_called_off_is_ended(hands: Hands) -> None:
    with training(hands) as running:
        ref = hands.deciding.reject(hands.action().ref, "ann", "the labels are wrong").ref
        assert running.result(60) == [f"{ref} is rejected: the labels are wrong"]
    assert [run.info.status for run in hands.runs()] == ["KILLED"]
    assert hands.versions().numbers == ["1"]
    assert hands.later(hours=1).act() == []


def test_a_run_that_was_given_up_for_dead_ends_its_training(hands: Hands) -> None:
    with training(hands) as running:
        (second,) = hands.later(minutes=4).launch().asked
        assert running.result(60) == [f"{second.ref}: another attempt does it"]
    assert (second.attempt, hands.action().status) == (2, "launching")
    assert [run.info.status for run in hands.runs()] == ["RUNNING"]


# --- the days have changed ------------------------------------------------------------------------


def test_labels_that_came_since_it_was_asked_for_count() -> None:
    digests = {"features": "f", "labels": "l1"}
    alike = {"name": "small", "digests": digests, "labelled": 90}
    planned = [{"day": day, **alike} for day in ("2026-01-01", "2026-01-02")]
    plan = {"training": planned[:1], "validation": planned[1:], "seed": 7, "training_rows": 90}
    new = Taken("small", digests | {"labels": "l2"}, 95)
    found = windows.as_it_stands(plan, lambda _: new, ["training"])
    assert found["training"] == [{**planned[0], "digests": new.digests, "labelled": 95}]
    assert (found["training_rows"], found["validation"], found["seed"]) == (95, planned[1:], 7)


def test_a_day_that_cannot_be_used_any_more_stays_as_it_was_planned() -> None:
    planned = [{"day": "2026-01-01", "name": "small", "digests": {"labels": "l"}, "labelled": 90}]
    gone = Taken("small", {}, 0, "no snapshot of labels was taken", is_gone=True)
    found = windows.as_it_stands({"training": planned}, lambda _: gone, ["training"])
    assert found["training"] == planned
