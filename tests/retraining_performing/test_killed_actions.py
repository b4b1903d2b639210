"""An action whose runs are killed, again and again, ends as if nobody had been."""

from __future__ import annotations

import datetime as dt
import multiprocessing as mp
import signal
from collections.abc import Callable, Sequence
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext
from typing import Any

import pytest

from monitoring_dagster.retraining.action import Action
from monitoring_dagster.store import actions
from tests.retraining_performing.dying import act_and_die, differing, remembered
from tests.retraining_performing.factory import Factory
from tests.retraining_performing.working import LIVED, Hands

pytestmark = pytest.mark.filterwarnings("ignore")  # MLflow's own, not ours

PRELOADED = [
    "tests.retraining_performing.dying",
    "mlflow.tracking",
    "mlflow.store.tracking.sqlalchemy_store",
    "mlflow.store.model_registry.sqlalchemy_store",
    "sklearn.compose",
    "sklearn.pipeline",
    "sklearn.inspection",
    "skops.io",
    "matplotlib.figure",
    "matplotlib.backends.backend_svg",
]

TRAINED = (
    *("action.claimed", "tracking.run_created", "training.started", "training.ended"),
    *("registry.version_created", "registry.alias_moved"),
)
COMPARED = ("retraining.gated", "tracking.files_kept", "tracking.run_ended", "retraining.concluded")
PROMOTED = (
    *("action.claimed", "rescoring.day_written", "promotion.reference_frozen"),
    *("promotion.alias_moved", "registry.alias_dropped", "promotion.incidents_ended"),
    *("promotion.tenure_begun", "audit.appended", "promotion.recorded"),
)
ROLLED_BACK = (
    *("action.claimed", "promotion.alias_moved", "promotion.incidents_ended"),
    *("promotion.tenure_begun", "audit.appended", "promotion.recorded"),
)
"""At every other point of MLflow `tests.retraining_tracking` kills."""

LATER = LIVED + dt.timedelta(days=4)


@pytest.fixture(scope="module")
def processes() -> ForkServerContext:
    """Starts processes that share nothing with this one, and quickly."""
    context = mp.get_context("forkserver")
    # One that other tests have started would import everything anew for each process.
    forkserver._forkserver._stop()  # type: ignore[attr-defined]
    context.set_forkserver_preload(PRELOADED)
    return context


def killed(processes: ForkServerContext, hands: Hands, failpoints: Sequence[str]) -> Hands:
    """Let each attempt die at the next of these points; the process after the last of them."""
    for failpoint in failpoints:
        hands = hands.later(minutes=4)
        _as_if_it_were_the_first(hands)
        (asked,) = hands.launch().asked
        assert ended(processes, hands, asked, failpoint) == -signal.SIGKILL, failpoint
    return hands.later(minutes=4)


def ended(processes: ForkServerContext, hands: Hands, asked: Action, failpoint: str = "") -> int:
    process = processes.Process(
        target=act_and_die, args=(hands.factory, hands.now, hands.lived, asked, failpoint)
    )
    process.start()
    process.join()
    assert process.exitcode is not None
    return process.exitcode


def _as_if_it_were_the_first(hands: Hands) -> None:
    """So that it is not given up: that it is after three is seen elsewhere."""
    number = hands.action().id
    hands.store.write(lambda c: actions.move(c, number, ["requested", "running"], tries=0))


@pytest.fixture(scope="module")
def promoted(done: Factory) -> dict[str, Any]:
    """What is remembered where nobody died."""
    return remembered(Hands(done))


def test_a_retraining_that_is_killed_and_launched_again_ends_in_the_same_tables(
    processes: ForkServerContext,
    asked: Factory,
    opened: Callable[[Factory], Hands],
    promoted: dict[str, Any],
) -> None:
    hands = killed(processes, opened(asked), (*TRAINED, *COMPARED, *PROMOTED))
    for last in hands.launch().asked:
        assert ended(processes, hands, last) == 0
    assert hands.later(hours=1).launch().asked == []
    assert hands.versions() == (["1", "2"], {"champion": "2"})
    assert len(hands.tenures()) == 1
    assert not differing(promoted, remembered(hands))


def test_a_rollback_that_is_killed_and_launched_again_ends_in_the_same_tables(
    processes: ForkServerContext, done: Factory, opened: Callable[[Factory], Hands]
) -> None:
    """In whichever order the alias and the tables are written."""
    found: list[dict[str, Any]] = []
    for failpoints in ((), ROLLED_BACK):
        hands = rolled_back(opened(done))
        hands = killed(processes, hands, failpoints)
        for last in hands.launch().asked:
            assert ended(processes, hands, last) == 0
        assert hands.later(hours=1).launch().asked == []
        assert hands.versions() == (["1", "2"], {"champion": "1"})
        assert [version for version, *_ in hands.tenures()] == ["2", "1"]
        found.append(remembered(hands))
    assert not differing(*found)


def test_an_alias_that_was_moved_before_the_crash_is_not_moved_again(
    processes: ForkServerContext, done: Factory, opened: Callable[[Factory], Hands]
) -> None:
    hands = killed(processes, rolled_back(opened(done)), ["registry.alias_moved"])
    (asked,) = hands.launch().asked
    assert ended(processes, hands, asked, "registry.alias_moved") == 0
    assert hands.action().status == "done"


def rolled_back(hands: Hands) -> Hands:
    """Somebody wants the former champion back, by a clock that stands."""
    asking = Hands(hands.factory, now=LATER, lived=LATER)
    asking.deciding.roll_back("small", "ann", "it is rude")
    return asking
