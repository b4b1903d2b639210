"""Telling: what becomes of an action, on its incident, in its thread and in the audit log.

Within the transaction in which it happens. An action without an incident is told by the audit log,
and by the watchdog's alarms where somebody has to do something.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from monitoring_dagster.incidents.desk import Desk
from monitoring_dagster.incidents.incident import SYSTEM, Event, EventKind
from monitoring_dagster.retraining.action import Action, Status
from monitoring_dagster.retraining.rows import action_of
from monitoring_dagster.store import actions


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
    return end(desk, action, Status.FAILED, because, f"failed: {because}", lines=log.splitlines())


def end(
    desk: Desk,
    action: Action,
    status: Status,
    because: str,
    text: str,
    *,
    lines: Sequence[str] = (),
    by: str = SYSTEM,
    **values: Any,
) -> Action:
    """End the action, if it still stands where it was seen; returns it as it is then."""
    moved = actions.move(
        desk.connection,
        action.id,
        [action.status.value],
        attempt=action.attempt,
        status=status.value,
        because=because,
        ended_at=desk.now,
        **values,
    )
    if moved:
        about = {"monitor": action.monitor, "kind": action.kind.value, "because": because}
        desk.note(f"action.{status}", action.ref, by, about, kind="action")
        tell(desk, action, f"{action.ref} {text}", step=status.value, lines=lines, by=by)
    row = actions.by_id(desk.connection, action.id)
    return action if row is None else action_of(row)


def move_on(
    desk: Desk,
    action: Action,
    text: str,
    step: str = "",
    lines: Sequence[str] = (),
    **values: Any,
) -> Action:
    """Bring the action on, if it still stands where it was seen; returns it as it is then.

    Args:
        desk: of the action's monitor.
        action: as it was seen.
        text: what has happened, in a sentence.
        step: the same as part of a reply's key; nobody is told in the thread where it is empty.
        lines: what else the reply says.
        values: what becomes of it, as the store takes it.
    """
    moved = actions.move(
        desk.connection, action.id, [action.status.value], attempt=action.attempt, **values
    )
    row = actions.by_id(desk.connection, action.id)
    after = action if row is None else action_of(row)
    if moved:
        about = {"monitor": action.monitor, "status": after.status.value, "because": text}
        desk.note(f"action.{step or after.status}", action.ref, SYSTEM, about, kind="action")
        tell(desk, action, f"{action.ref} {text}", step=step, lines=lines)
    return after
