"""Rows 2 to 4: an evaluation that is killed anywhere and run again ends in the same tables."""

from __future__ import annotations

import contextlib
import datetime as dt
import signal
from multiprocessing.context import ForkServerContext
from typing import Any

import pytest

from monitoring_dagster.store import Store
from tests.crashes.databases import Fresh
from tests.crashes.days import DAYS, START, evaluate, monitors
from tests.crashes.evaluations import AFTER_COMMIT, evaluate_and_die
from tests.crashes.rounds import IN_EVALUATIONS
from tests.effects.tables import acted, differences, payloads, tables


def morning(number: int) -> dt.datetime:
    return START + number * dt.timedelta(days=1)


def evaluate_all(store: Store, number: int) -> None:
    for monitor in monitors().values():
        evaluate(store, monitor, number, morning(number))


def remembered(store: Store) -> dict[str, Any]:
    """What the tables say; the audit log's chain is whole."""
    return {**tables(store), "audit": acted(store), "payloads": payloads(store)}


@pytest.fixture(scope="session")
def undisturbed(fresh_sqlite: Fresh) -> dict[str, Any]:
    """What is remembered where nobody died."""
    with fresh_sqlite() as url, contextlib.closing(Store(url)) as store:
        for number in range(len(DAYS)):
            evaluate_all(store, number)
        return remembered(store)


@pytest.mark.parametrize("failpoint", [*IN_EVALUATIONS, AFTER_COMMIT])
def test_days_whose_evaluation_was_killed_are_made_up_for(
    processes: ForkServerContext, store_url: str, undisturbed: dict[str, Any], failpoint: str
) -> None:
    with contextlib.closing(Store(store_url)) as store:
        for number in range(len(DAYS)):
            dies = processes.Process(
                target=evaluate_and_die, args=(store_url, number, morning(number), failpoint)
            )
            dies.start()
            dies.join()
            assert dies.exitcode == -signal.SIGKILL
            evaluate_all(store, number)
            evaluate_all(store, number)
        assert not differences(undisturbed, remembered(store))


def test_what_is_compared_holds_incidents_that_came_ended_and_came_back(
    undisturbed: dict[str, Any],
) -> None:
    """So that the test above cannot pass by comparing nothing."""
    actions = {action for _, action, _ in undisturbed["audit"]}
    assert {f"incident.{kind}" for kind in ("opened", "resolved", "reopened")} <= actions
    assert len(undisturbed["outbox"]) > 10
