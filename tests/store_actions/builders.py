"""Actions as the system owes them, and what processes of their own do with them."""

from __future__ import annotations

import datetime as dt
from typing import Any

import sqlalchemy as sa

from monitoring_dagster.retraining.action import Action, ActionKind, Phase, Status, Why
from monitoring_dagster.retraining.rows import row_of
from monitoring_dagster.store import Store, actions

NOW = dt.datetime(2026, 2, 4, 6, tzinfo=dt.UTC)
LATER = NOW + dt.timedelta(minutes=10)


def action(ref: str = "RT-000001", **changes: Any) -> Action:
    values: dict[str, Any] = {
        "ref": ref,
        "monitor": "flights",
        "kind": ActionKind.RETRAINING,
        "why": Why.HARM,
        "evidence": "roc_auc is 0.12 below its reference on 3 days, inputs do not explain it",
        "requested_at": NOW,
        "requested_by": "monitoring-dagster",
        "written_at": NOW,
    }
    return Action(**(values | changes))


def add(connection: sa.Connection, ref: str = "RT-000001", **changes: Any) -> int | None:
    return actions.add(connection, row_of(action(ref, **changes)))


def added(store: Store, ref: str = "RT-000001", **changes: Any) -> int:
    found = store.write(lambda connection: add(connection, ref, **changes))
    assert found is not None
    return found


def row(store: Store, action_id: int) -> sa.Row[Any]:
    found = store.read(lambda connection: actions.by_id(connection, action_id))
    assert found is not None
    return found


def running(store: Store, action_id: int, run_id: str = "run") -> int:
    """Launch the action, and claim it; returns the attempt."""

    def work(connection: sa.Connection) -> int:
        launched = actions.launch(connection, action_id, NOW)
        assert launched is not None
        assert actions.claim(connection, action_id, launched.attempt, run_id, NOW)
        return launched.attempt

    return store.write(work)


def waiting(store: Store, **changes: Any) -> int:
    """An action that the gate let pass, and that waits for somebody."""
    values = {"status": Status.AWAITING_APPROVAL, "phase": Phase.SHADOW, "tries": 2}
    return added(store, **(values | changes))


def race(url: str, what: str, racer: int) -> bool:
    """Try what many try at once, in this process; whether it was had."""
    store = Store(url)
    try:
        return store.write(lambda connection: _has(connection, what, racer))
    finally:
        store.close()


def _has(connection: sa.Connection, what: str, racer: int) -> bool:
    if what == "add":
        return add(connection, f"RT-00000{racer}") is not None
    (only,) = actions.of_monitor(connection, "flights")
    if what == "launch":
        return actions.launch(connection, only.id, NOW) is not None
    return actions.claim(connection, only.id, 1, f"run-{racer}", NOW) is not None
