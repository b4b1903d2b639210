"""Whatever is done with actions in whichever order: one under way, one holder, no way back."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from monitoring_dagster.retraining.action import UNDER_WAY, Status
from monitoring_dagster.store import Store, actions
from tests.store_actions.builders import NOW, add

MONITORS = ("flights", "credit")
STATUSES = st.sampled_from(Status)
WHICH = st.integers(0, 4)
ATTEMPTS = st.integers(0, 3)
CALLS = st.one_of(
    st.tuples(st.just("add"), st.sampled_from(MONITORS), STATUSES),
    st.tuples(st.just("launch"), WHICH),
    st.tuples(st.just("claim"), WHICH, ATTEMPTS),
    st.tuples(st.just("note"), WHICH, ATTEMPTS, STATUSES),
    st.tuples(st.just("move"), WHICH, st.sets(STATUSES), st.none() | ATTEMPTS, STATUSES),
)


class Undone(Exception):
    """Takes back what an example did."""


@pytest.fixture(scope="module")
def lasting(migrated_url: str) -> Iterator[Store]:
    with contextlib.closing(Store(migrated_url)) as store:
        yield store


@settings(max_examples=60)
@given(calls=st.lists(CALLS, min_size=3, max_size=25))
def test_any_order_of_calls_leaves_one_action_under_way_with_one_holder(
    lasting: Store, calls: list[tuple[Any, ...]]
) -> None:
    def work(connection: sa.Connection) -> None:
        claimed = Counter[tuple[int, int]]()
        before: dict[int, Any] = {}
        for number, (what, *rest) in enumerate(calls):
            done = call(connection, number, what, *rest)
            if what == "claim" and done is not None:
                claimed[done.id, done.attempt] += 1
            after = {row.id: row for row in everything(connection)}
            check(before, after)
            before = after
        assert set(claimed.values()) <= {1}
        raise Undone

    with contextlib.suppress(Undone):
        lasting.write(work)


def call(connection: sa.Connection, number: int, what: str, *rest: Any) -> Any:
    """Make the call; whom it is about is one of the newest actions."""
    if what == "add":
        monitor, status = rest
        return add(connection, f"RT-{number:06}", monitor=monitor, status=status)
    newest = actions.listed(connection, most=5)
    if not newest:
        return None
    action_id = newest[rest[0] % len(newest)].id
    match what, *rest[1:]:
        case "launch", *_:
            return actions.launch(connection, action_id, NOW)
        case "claim", attempt:
            return actions.claim(connection, action_id, attempt, f"run-{number}", NOW)
        case "note", attempt, status:
            return actions.note(connection, action_id, attempt, status=status)
        case "move", was, attempt, status:
            return actions.move(connection, action_id, was, attempt=attempt, status=status)
    raise AssertionError(what)


def everything(connection: sa.Connection) -> list[sa.Row[Any]]:
    return [row for monitor in MONITORS for row in actions.of_monitor(connection, monitor)]


def check(before: dict[int, Any], after: dict[int, Any]) -> None:
    standing = Counter(row.monitor for row in after.values() if row.status in UNDER_WAY)
    assert set(standing.values()) <= {1}, standing
    for action_id, was in before.items():
        assert after[action_id].attempt >= was.attempt
        if was.status not in UNDER_WAY:
            assert after[action_id] == was
