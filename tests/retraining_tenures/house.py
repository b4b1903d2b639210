"""Days of the small deployment, and how its champions change."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitoring_dagster.incidents.desk import Desk
from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.retraining import promotion
from monitoring_dagster.retraining.action import Action, ActionKind, Phase, Why
from monitoring_dagster.retraining.rows import action_of, row_of
from monitoring_dagster.retraining.succession import Window
from monitoring_dagster.store import Docket, Store, actions
from tests.faults.deployment import Deployment
from tests.small_world import days_from

REFERENCE = days_from(dt.date(2026, 1, 2), 4)
DAYS = days_from(dt.date(2026, 1, 6), 6)
TOOK_OVER = DAYS[3]
NOW = dt.datetime(2026, 1, 20, 6, tzinfo=dt.UTC)
WINDOW = Window(DAYS[0], DAYS[1])


def ages(rows: pa.Table) -> NDArray[np.float64]:
    """A model that knows nothing but age."""
    age = rows.column("age").to_numpy().astype(np.float64)
    return 1 / (1 + np.exp(-0.1 * (age - 50)))


def claimed(store: Store, monitor: str, ref: str, **changes: Any) -> Action:
    """A new action that a run has claimed, in the phase in which a model takes over."""
    told: dict[str, Any] = {
        "kind": ActionKind.RETRAINING,
        "why": Why.BY_HAND,
        "evidence": "ann asked for it",
        "requested_at": NOW,
        "requested_by": "ann",
        "written_at": NOW,
        "phase": Phase.PROMOTE,
        "champion": "1",
    }
    row = row_of(Action(ref=ref, monitor=monitor, **(told | changes)))

    def claim(connection: Any) -> Action:
        number = actions.add(connection, row)
        assert number is not None
        launched = actions.launch(connection, number, NOW)
        assert launched is not None
        return action_of(actions.claim(connection, number, launched.attempt, "run", NOW))

    return store.write(claim)


def promoted(
    store: Store,
    monitor: Monitor,
    action: Action,
    *,
    today: dt.date,
    version: str = "2",
    window: Window = WINDOW,
    now: dt.datetime = NOW,
) -> int | None:
    """The version of an action takes over."""

    def work(docket: Docket) -> int | None:
        desk = Desk(docket, monitor, now, now)
        number = promotion.promote(
            desk, action, version=version, window=window, threshold=0.6, today=today
        )
        desk.close()
        return number

    return store.decide(monitor.name, work)


def change(deployment: Deployment, today: dt.date = TOOK_OVER) -> None:
    """Another champion takes over in a deployment."""
    deployment.day(NOW).freeze_successor("2", WINDOW, 0.6, ages)
    action = claimed(deployment.store, "small", "RT-000001")
    promoted(deployment.store, deployment.monitor, action, today=today)


def rolled_back(
    store: Store, monitor: Monitor, action: Action, *, today: dt.date, now: dt.datetime = NOW
) -> int | None:
    """The former champion comes back."""

    def work(docket: Docket) -> int | None:
        desk = Desk(docket, monitor, now, now)
        former = promotion.former_champion(docket.connection, monitor)
        number = promotion.rollback(desk, action, former=former, today=today)
        desk.close()
        return number

    return store.decide(monitor.name, work)
