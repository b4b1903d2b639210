"""Evaluations and rows as stages produce them, and writers for processes of their own.

Imported by this room's tests only; a process that is started needs functions it can import.
"""

from __future__ import annotations

import datetime as dt
import os
import signal
from typing import Any

from sqlalchemy import event

from monitoring_dagster.store import EvaluationInput, Store

DAY = dt.date(2026, 1, 5)
MORNING = dt.datetime(2026, 1, 6, 6, tzinfo=dt.UTC)


def evaluation(
    fingerprint: str = "first",
    *,
    day: dt.date = DAY,
    stage: str = "drift",
    monitor: str = "flights",
    config_hash: str = "cfg",
    algorithm_version: str = "1",
) -> EvaluationInput:
    return EvaluationInput(
        monitor=monitor,
        day=day,
        stage=stage,
        config_hash=config_hash,
        algorithm_version=algorithm_version,
        input_fingerprint=fingerprint,
        as_of=MORNING,
        run_id="run-1",
        computed_at=MORNING,
    )


def row(metric: str = "psi", column: str = "distance", **changes: Any) -> dict[str, Any]:
    return {
        "metric": metric,
        "column": column,
        "segment": "all",
        "model_version": "all",
        "value": 0.25,
        "ci_low": 0.2,
        "ci_high": 0.3,
        "reference_value": 0.01,
        "n": 900,
        "status": "ok",
        "reason": "computed",
        "detail": "",
        "coverage": None,
        "maturity": None,
    } | changes


def rows(count: int, value: float = 0.25) -> list[dict[str, Any]]:
    return [row(column=f"column_{i}", value=value) for i in range(count)]


def upgrade(url: str) -> str | None:
    """Bring the database up to date in this process."""
    store = Store(url)
    store.upgrade()
    store.check()
    return store.revision()


def write_days(url: str, writer: int) -> None:
    """Write ten days of a monitor of one's own, and one day that all writers share."""
    store = Store(url)
    for i in range(10):
        day = DAY + dt.timedelta(days=i)
        store.record(evaluation(day=day, monitor=f"monitor_{writer}"), rows(20))
    store.record(evaluation(f"writer {writer}"), rows(20, value=writer))


def write_and_die(url: str, statement: int) -> None:
    """Replace the day's measurements, killed like by the OOM killer before statement n."""
    store = Store(url)
    done = 0

    def die_at_the_statement(*_: Any) -> None:
        nonlocal done
        done += 1
        if done == statement:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(store._database.engine, "before_cursor_execute", die_at_the_statement)
    event.listen(store._database.engine, "commit", die_at_the_statement)
    store.record(evaluation("second"), rows(30, value=2.0))
