"""Actions as rows: one under way per monitor, launched and claimed by one run at a time.

Every change names the state that it is a change of, so that of two who want it one has it. Who
wants what, and why, is decided in `retraining`. Every function works within the caller's
transaction.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Collection, Mapping
from typing import Any

import sqlalchemy as sa

from monitoring_dagster.store.action_tables import UNDER_WAY, action, approval
from monitoring_dagster.store.evaluations import DETAIL_BYTES, SHORT_KEY_BYTES
from monitoring_dagster.store.statements import inserting
from monitoring_dagster.store.values import free_text, key_text

Row = sa.Row[Any]

_KEYS = frozenset({"ref", "monitor"})

_NAMES = frozenset({"requested_by", "clock", "run_id", "champion", "challenger", "mlflow_run"})

_SENTENCES = frozenset({"evidence", "because"})

# As text, since SQLite compares it with the index's own and knows no bound value there.
_IS_UNDER_WAY = sa.text(f"status IN ({', '.join(map(repr, UNDER_WAY))})")


def add(connection: sa.Connection, row: Mapping[str, Any]) -> int | None:
    """Write a new action; None where the monitor has one under way.

    Of two who add one at once, the second waits for the first's transaction, and has nothing.
    """
    statement = (
        inserting(connection, action)
        .values(_storable(row))
        .on_conflict_do_nothing(index_elements=["monitor"], index_where=_IS_UNDER_WAY)
        .returning(action.c.id)
    )
    return connection.execute(statement).scalar_one_or_none()


# --- reading --------------------------------------------------------------------------------------


def by_id(connection: sa.Connection, action_id: int) -> Row | None:
    """The action of that id; None where there is none."""
    return connection.execute(sa.select(action).where(action.c.id == action_id)).one_or_none()


def by_ref(connection: sa.Connection, ref: str) -> Row | None:
    """The action that people call `ref`; None where there is none."""
    query = sa.select(action).where(action.c.ref == key_text(ref, max_bytes=SHORT_KEY_BYTES))
    return connection.execute(query).one_or_none()


def held(connection: sa.Connection, action_id: int) -> Row | None:
    """As `by_id`, and until the transaction ends nobody else changes it."""
    query = sa.select(action).where(action.c.id == action_id).with_for_update()
    return connection.execute(query).one_or_none()


def under_way(connection: sa.Connection, monitor: str) -> Row | None:
    """The monitor's action that is not over; None where there is none."""
    query = sa.select(action).where(_of(monitor), action.c.status.in_(UNDER_WAY))
    return connection.execute(query).one_or_none()


def of_monitor(connection: sa.Connection, monitor: str) -> list[Row]:
    """All actions of the monitor, the oldest first."""
    query = sa.select(action).where(_of(monitor)).order_by(action.c.id)
    return list(connection.execute(query))


def listed(
    connection: sa.Connection,
    *,
    monitor: str | None = None,
    is_over: bool | None = None,
    most: int = 100,
) -> list[Row]:
    """The last `most` actions, the newest first."""
    query = sa.select(action).order_by(action.c.id.desc()).limit(most)
    if monitor is not None:
        query = query.where(_of(monitor))
    if is_over is not None:
        status = action.c.status
        query = query.where(status.not_in(UNDER_WAY) if is_over else status.in_(UNDER_WAY))
    return list(connection.execute(query))


def standing(connection: sa.Connection, status: Collection[str]) -> list[Row]:
    """All actions, of whichever monitor, that stand there; the oldest first."""
    query = sa.select(action).where(action.c.status.in_(sorted(status))).order_by(action.c.id)
    return list(connection.execute(query))


def due(connection: sa.Connection, now: dt.datetime) -> list[Row]:
    """The actions that are to be launched by now, the oldest first."""
    c = action.c
    may = sa.or_(c.not_before.is_(None), c.not_before <= now)
    query = sa.select(action).where(c.status == "requested", may).order_by(c.id)
    return list(connection.execute(query))


# --- what a run holds -----------------------------------------------------------------------------


def launch(connection: sa.Connection, action_id: int, now: dt.datetime) -> Row | None:
    """A run is to be asked for, under the attempt that is returned; None of what is not requested.

    Whoever held an earlier attempt can change nothing from here on.
    """
    c = action.c
    values = {
        "status": "launching",
        "attempt": c.attempt + 1,
        "tries": c.tries + 1,
        "launched_at": now,
        "run_id": "",
        "alive_at": None,
    }
    return _changed(connection, sa.and_(c.id == action_id, c.status == "requested"), values)


def claim(
    connection: sa.Connection, action_id: int, attempt: int, run_id: str, now: dt.datetime
) -> Row | None:
    """A run takes on what it was launched for; None where another attempt superseded it."""
    c = action.c
    is_it = sa.and_(c.id == action_id, c.attempt == attempt, c.status == "launching")
    values = _storable({"status": "running", "run_id": run_id, "alive_at": now})
    return _changed(connection, is_it, values)


def is_mine(connection: sa.Connection, action_id: int, attempt: int) -> bool:
    """Whether the attempt still holds the action."""
    query = sa.select(action.c.id).where(_holds(action_id, attempt))
    return connection.scalar(query) is not None


def alive(connection: sa.Connection, action_id: int, attempt: int, now: dt.datetime) -> bool:
    """The run says that it is alive; False where another attempt superseded it."""
    return note(connection, action_id, attempt, alive_at=now)


def note(connection: sa.Connection, action_id: int, attempt: int, **values: Any) -> bool:
    """What the run that holds the action has to write down; False where it was superseded.

    A document is kept as JSON. With a `status` other than running the run lets go of it.

    Raises:
        ValueError: A document holds a NaN or an infinity.
    """
    return _changed(connection, _holds(action_id, attempt), _storable(values)) is not None


# --- what no run holds ----------------------------------------------------------------------------


def move(
    connection: sa.Connection,
    action_id: int,
    was: Collection[str],
    *,
    attempt: int | None = None,
    **values: Any,
) -> bool:
    """Change an action that stands where `was` says; False where it does not, or is over.

    Args:
        connection: the transaction.
        action_id: of the action.
        was: the statuses of which it must have one; what is over stays over.
        attempt: where given, the attempt that it must be at: to take an action from a run that
            died, lest a later run be taken for it.
        values: what it is from then on; a document is kept as JSON.
    """
    c = action.c
    is_it = sa.and_(c.id == action_id, c.status.in_(sorted(set(was) & set(UNDER_WAY))))
    if attempt is not None:
        is_it = sa.and_(is_it, c.attempt == attempt)
    return _changed(connection, is_it, _storable(values)) is not None


def approve(
    connection: sa.Connection, action_id: int, person: str, at: dt.datetime, because: str
) -> bool:
    """Somebody agrees; False where they had done so before."""
    row = {
        "action_id": action_id,
        "person": key_text(person, max_bytes=SHORT_KEY_BYTES),
        "at": at,
        "because": free_text(because, max_bytes=DETAIL_BYTES),
    }
    statement = inserting(connection, approval).values(row).on_conflict_do_nothing()
    return connection.execute(statement).rowcount == 1


def approvals(connection: sa.Connection, action_id: int) -> list[Row]:
    """Who agreed to the action, the first of them first."""
    c = approval.c
    query = sa.select(approval).where(c.action_id == action_id).order_by(c.at, c.person)
    return list(connection.execute(query))


# --- parts ----------------------------------------------------------------------------------------


def _of(monitor: str) -> sa.ColumnElement[bool]:
    return action.c.monitor == key_text(monitor, max_bytes=SHORT_KEY_BYTES)


def _holds(action_id: int, attempt: int) -> sa.ColumnElement[bool]:
    c = action.c
    return sa.and_(c.id == action_id, c.attempt == attempt, c.status == "running")


def _changed(
    connection: sa.Connection, is_it: sa.ColumnElement[bool], values: Mapping[str, Any]
) -> Row | None:
    statement = sa.update(action).where(is_it).values(values).returning(*action.c)
    return connection.execute(statement).one_or_none()


def _storable(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _as_kept(name, value) for name, value in values.items()}


def _as_kept(name: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        return json.dumps(dict(value), sort_keys=True, allow_nan=False)
    if name in _KEYS:
        return key_text(value, max_bytes=SHORT_KEY_BYTES)
    if name in _NAMES:
        return free_text(value, max_bytes=SHORT_KEY_BYTES)
    return free_text(value, max_bytes=DETAIL_BYTES) if name in _SENTENCES else value
