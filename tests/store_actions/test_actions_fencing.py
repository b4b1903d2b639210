"""Of many who want an action one has it, and who has lost it can write nothing."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.context import ForkServerContext
from typing import Any

import pytest
import sqlalchemy as sa

from monitoring_dagster.retraining.action import UNDER_WAY, Status
from monitoring_dagster.store import Store, actions
from tests.store_actions.builders import LATER, NOW, add, added, race, row, running

OVER = [status for status in Status if status.is_over]


@pytest.mark.parametrize("what", ["add", "launch", "claim"])
def test_of_processes_that_race_for_an_action_exactly_one_wins(
    store: Store, url: str, processes: ForkServerContext, what: str
) -> None:
    if what != "add":
        action_id = added(store)
        if what == "claim":
            store.write(lambda connection: actions.launch(connection, action_id, NOW))
    racers = range(1, 7)
    with ProcessPoolExecutor(3, mp_context=processes) as pool:
        won = list(pool.map(race, [url] * 6, [what] * 6, racers))
    assert sum(won) == 1
    (only,) = store.read(lambda connection: actions.of_monitor(connection, "flights"))
    winner = racers[won.index(True)]
    told = {
        "add": (f"RT-00000{winner}", "requested", 0, ""),
        "launch": ("RT-000001", "launching", 1, ""),
        "claim": ("RT-000001", "running", 1, f"run-{winner}"),
    }
    assert (only.ref, only.status, only.attempt, only.run_id) == told[what]


def test_a_transaction_that_fails_leaves_its_place_to_the_next(store: Store) -> None:
    def fail(connection: sa.Connection) -> None:
        add(connection)
        raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        store.write(fail)
    assert added(store, "RT-000002")


@pytest.mark.parametrize("status", UNDER_WAY)
def test_a_monitor_has_one_action_under_way(store: Store, status: Status) -> None:
    first = added(store, status=status)
    assert store.write(lambda connection: add(connection, "RT-000002")) is None
    assert added(store, "RT-000003", monitor="credit")
    found = store.read(lambda connection: actions.under_way(connection, "flights"))
    assert found is not None
    assert found.id == first


@pytest.mark.parametrize("status", OVER)
def test_an_action_that_is_over_makes_room_for_the_next(store: Store, status: Status) -> None:
    added(store, status=status)
    second = added(store, "RT-000002")
    found = store.read(lambda connection: actions.under_way(connection, "flights"))
    assert found is not None
    assert found.id == second


def test_a_launch_is_another_attempt_that_nobody_holds_yet(store: Store) -> None:
    action_id = added(store)
    running(store, action_id, "run-1")

    def again(connection: sa.Connection) -> sa.Row[tuple[object, ...]] | None:
        assert actions.move(connection, action_id, ["running"], attempt=1, status="requested")
        return actions.launch(connection, action_id, LATER)

    launched = store.write(again)
    assert launched is not None
    assert (launched.attempt, launched.tries, launched.launched_at) == (2, 2, LATER)
    assert (launched.run_id, launched.alive_at) == ("", None)


@pytest.mark.parametrize(
    "status", [s for s in Status if s is not Status.REQUESTED], ids=lambda s: s.value
)
def test_only_what_is_requested_is_launched(store: Store, status: Status) -> None:
    action_id = added(store, status=status)
    assert store.write(lambda connection: actions.launch(connection, action_id, NOW)) is None
    assert row(store, action_id).status == status


def test_a_run_that_comes_late_finds_itself_superseded(store: Store) -> None:
    action_id = added(store)

    def work(connection: sa.Connection) -> None:
        actions.launch(connection, action_id, NOW)
        actions.move(connection, action_id, ["launching"], status="requested")
        actions.launch(connection, action_id, LATER)
        assert actions.claim(connection, action_id, 1, "late", LATER) is None
        assert actions.claim(connection, action_id, 2, "second", LATER) is not None

    store.write(work)
    assert row(store, action_id).run_id == "second"


SUPERSEDED = {
    "it was requested anew": {"status": "requested"},
    "it was called off": {"status": "rejected"},
    "it has failed": {"status": "failed"},
}


@pytest.mark.parametrize("values", SUPERSEDED.values(), ids=SUPERSEDED)
def test_an_attempt_that_lost_its_action_can_write_nothing(
    store: Store, values: dict[str, Any]
) -> None:
    action_id = added(store)
    attempt = running(store, action_id)
    store.write(lambda connection: actions.move(connection, action_id, ["running"], **values))
    before = row(store, action_id)

    def write(connection: sa.Connection) -> list[bool]:
        return [
            actions.is_mine(connection, action_id, attempt),
            actions.alive(connection, action_id, attempt, LATER),
            actions.note(connection, action_id, attempt, challenger="7"),
            actions.note(connection, action_id, attempt, status="done", ended_at=LATER),
            actions.claim(connection, action_id, attempt, "again", LATER) is not None,
        ]

    assert store.write(write) == [False] * 5
    assert row(store, action_id) == before


def test_an_earlier_attempt_cannot_write_into_a_later_one(store: Store) -> None:
    action_id = added(store)
    first = running(store, action_id, "first")
    store.write(lambda c: actions.move(c, action_id, ["running"], status="requested"))
    second = running(store, action_id, "second")

    def write(connection: sa.Connection) -> list[bool]:
        return [
            actions.is_mine(connection, action_id, first),
            actions.note(connection, action_id, first, challenger="7"),
            actions.alive(connection, action_id, first, LATER),
            actions.is_mine(connection, action_id, second),
            actions.note(connection, action_id, second, challenger="8"),
            actions.alive(connection, action_id, second, LATER),
        ]

    assert store.write(write) == [False, False, False, True, True, True]
    found = row(store, action_id)
    assert (found.challenger, found.alive_at, found.run_id) == ("8", LATER, "second")


def test_a_later_run_is_not_taken_for_the_one_that_died(store: Store) -> None:
    action_id = added(store)
    first = running(store, action_id)
    store.write(lambda c: actions.move(c, action_id, ["running"], status="requested"))
    second = running(store, action_id)
    moved = store.write(
        lambda c: [
            actions.move(c, action_id, ["running"], attempt=attempt, status="requested")
            for attempt in (first, second)
        ]
    )
    assert moved == [False, True]


@pytest.mark.parametrize("status", OVER)
def test_what_is_over_stays_over(store: Store, status: Status) -> None:
    action_id = added(store, status=status)
    added(store, "RT-000002")
    everything = [one.value for one in Status]
    assert not store.write(lambda c: actions.move(c, action_id, everything, status="requested"))
    assert row(store, action_id).status == status


def test_a_move_from_another_status_changes_nothing(store: Store) -> None:
    action_id = added(store)
    was = ["shadowing", "awaiting_approval"]
    assert not store.write(lambda c: actions.move(c, action_id, was, status="done"))
    assert not store.write(lambda c: actions.move(c, action_id, [], status="done"))
    assert row(store, action_id).status == "requested"


def test_what_has_to_wait_is_due_when_its_time_has_come(store: Store) -> None:
    first = added(store)
    waits = added(store, "RT-000002", monitor="credit", not_before=LATER)
    added(store, "RT-000003", monitor="ads", status=Status.SHADOWING)

    def due(at: dt.datetime) -> list[int]:
        return [one.id for one in store.read(lambda connection: actions.due(connection, at))]

    assert due(LATER - dt.timedelta(microseconds=1)) == [first]
    assert due(LATER) == [first, waits]
