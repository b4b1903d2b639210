"""Telling: what becomes of an action, on its incident, in its thread and in the audit log.

Within the transaction in which it happens. An action without an incident is told by the audit log,
and by the watchdog's alarms where somebody has to do something.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from monitoring_dagster.incidents.desk import Desk
from monitoring_dagster.incidents.incident import SYSTEM, Event, EventKind
from monitoring_dagster.retraining.action import Action, Status
from monitoring_dagster.retraining.rows import action_of
from monitoring_dagster.store import actions

NOTHING: Mapping[str, str] = {}

MOST_LINES = 8
"""Of the end of a log, as many as a reply shows; `retraining show` has more."""


def tell(
    desk: Desk,
    action: Action,
    text: str,
    *,
    step: str = "",
    lines: Sequence[str] = (),
    by: str = SYSTEM,
) -> None:
    """Say on the action's incident where it stands.

    Args:
        desk: of the action's monitor.
        action: the action.
        text: where it stands, in a sentence.
        step: what has happened, as part of the reply's key; no reply is owed where it is empty.
        lines: what else the reply says.
        by: who did it.
    """
    handled = None if action.incident_id is None else desk.by_id(action.incident_id)
    if handled is None:
        return
    before = handled.incident
    after = replace(before, retraining=text, updated_at=desk.now, revision=before.revision + 1)
    desk.change(handled, after, [Event(desk.now, EventKind.RETRAINING, by, text)])
    if step:
        changed = handled._replace(incident=after)
        desk.reply(changed, f"{action.ref}:{step}", text, lines)


def fail(desk: Desk, action: Action, because: str, log: str = "") -> Action:
    """End the action as failed; `log` is the end of what its process said."""
    text, lines = f"failed: {because}", log.splitlines()[-MOST_LINES:]
    plan = {**action.plan, "log": log} if log else action.plan
    return end(desk, action, Status.FAILED, because, text, lines=lines, plan=plan)


def end(
    desk: Desk,
    action: Action,
    status: Status,
    because: str,
    text: str,
    *,
    lines: Sequence[str] = (),
    facts: Mapping[str, str] = NOTHING,
    by: str = SYSTEM,
    **values: Any,
) -> Action:
    """End the action, if it still stands where it was seen; returns it as it is then.

    Args:
        desk: of the action's monitor.
        action: as it was seen.
        status: how it ends.
        because: why, in a sentence.
        text: both, in a sentence.
        lines: what else the reply in the thread says.
        facts: what else the audit log has to tell.
        by: who ended it.
        values: what else becomes of it, as the store takes it.
    """
    moved = actions.move(
        desk.connection,
        action.id,
        [action.status.value],
        attempt=action.attempt,
        status=status.value,
        because=because,
        ended_at=desk.written_at,
        **values,
    )
    if moved:
        about = {"monitor": action.monitor, "kind": action.kind.value, "because": because, **facts}
        desk.note(f"action.{status}", action.ref, by, about, kind="action")
        tell(desk, action, f"{action.ref} {text}", step=status.value, lines=lines, by=by)
    return _as_it_stands(desk, action)


def move_on(
    desk: Desk,
    action: Action,
    text: str,
    step: str,
    lines: Sequence[str] = (),
    facts: Mapping[str, str] = NOTHING,
    **values: Any,
) -> Action:
    """Bring the action on, if it still stands where it was seen; returns it as it is then.

    Args:
        desk: of the action's monitor.
        action: as it was seen.
        text: what has happened, in a sentence.
        step: the same in a word, for the audit log and as part of the reply's key.
        lines: what else the reply in the thread says.
        facts: what else the audit log has to tell.
        values: what becomes of it, as the store takes it.
    """
    moved = actions.move(
        desk.connection, action.id, [action.status.value], attempt=action.attempt, **values
    )
    after = _as_it_stands(desk, action)
    if moved:
        about = {"monitor": action.monitor, "status": after.status.value, "because": text, **facts}
        desk.note(f"action.{step}", action.ref, SYSTEM, about, kind="action")
        tell(desk, action, f"{action.ref} {text}", step=step, lines=lines)
    return after


def put_off(desk: Desk, action: Action, because: str, until: dt.datetime) -> Action:
    """Owe the action again from an instant on, as if it had not been launched.

    Said once: what it waits for may not answer for hours, and is asked again and again.
    """
    values = {
        "status": Status.REQUESTED.value,
        "not_before": until,
        "tries": max(0, action.tries - 1),
        "because": because,
    }
    if action.not_before is None:
        text = f"waits for the model registry: {because}"
        return move_on(desk, action, text, "postponed", **values)
    actions.move(
        desk.connection, action.id, [action.status.value], attempt=action.attempt, **values
    )
    return _as_it_stands(desk, action)


def _as_it_stands(desk: Desk, action: Action) -> Action:
    row = actions.by_id(desk.connection, action.id)
    return action if row is None else action_of(row)
