"""Acting: what people do about an action: agree that the model takes over, or call it off.

Each act is written down with who did it. Doing one twice is doing it once. Who asks for an action
by hand does so in `requesting`; how many have to agree is for the caller to say.
"""

from __future__ import annotations

from monitoring_dagster.errors import ActionNotWaiting, ActionUnknown
from monitoring_dagster.incidents.desk import Desk
from monitoring_dagster.monitors.contract import Materiality, Monitor
from monitoring_dagster.retraining import telling
from monitoring_dagster.retraining.action import Action, ActionKind, Phase, Status
from monitoring_dagster.retraining.rows import action_of
from monitoring_dagster.store import actions


def approvals_needed(monitor: Monitor | None, kind: ActionKind) -> int:
    """How many people have to agree; a rollback overrules the gate, which may take two.

    Args:
        monitor: its document; None where it is gone.
        kind: of the action.
    """
    is_high = monitor is not None and monitor.materiality is Materiality.HIGH
    return 2 if is_high and kind is ActionKind.ROLLBACK else 1


def approve(desk: Desk, ref: str, by: str, because: str, needed: int = 1) -> Action:
    """Somebody agrees; the action goes on as soon as `needed` persons have agreed.

    Returns:
        The action as it stands then: `requested` in the phase `promote`, or still waiting.

    Raises:
        ActionUnknown: the monitor has no action of that name.
        ActionNotWaiting: it does not wait for an approval.
    """
    action = _named(desk, ref)
    if action.status is not Status.AWAITING_APPROVAL:
        if _was_let_go_on(desk, action, by):
            return action
        raise ActionNotWaiting(_not_waiting(action))
    if actions.approve(desk.connection, action.id, by, desk.now, because):
        agreed = len(actions.approvals(desk.connection, action.id))
        about = {
            "monitor": action.monitor,
            "kind": action.kind.value,
            "at": desk.now.isoformat(),
            "because": because,
            "agreed": f"{agreed} of {needed}",
        }
        desk.note("action.approved", action.ref, by, about, kind="action")
        if agreed < needed:
            text = f"{action.ref} is approved {_by(by)}, {agreed} of the {needed} that are needed"
            telling.tell(desk, action, text, by=by)
    return _gone_on(desk, action, by, needed)


def reject(desk: Desk, ref: str, by: str, because: str) -> Action:
    """Somebody calls the action off, wherever it stands before the model begins to take over.

    A run that trains or compares loses its hold at once: it can write nothing any more, and ends
    when it notices. To end it sooner, terminate it in Dagster.

    Returns:
        The action as it stands then: `rejected`.

    Raises:
        ActionUnknown: the monitor has no action of that name.
        ActionNotWaiting: it is over, or the model is taking over.
    """
    action = _named(desk, ref)
    if action.status is Status.REJECTED:
        return action
    if action.status.is_over:
        raise ActionNotWaiting(
            f"{action.ref} is {action.status} already; only what is under way can be called off"
        )
    if _is_taking_over(action):
        raise ActionNotWaiting(_taking_over(action))
    said = f"rejected {_by(by)}: {because}" if because else f"rejected {_by(by)}"
    return telling.end(desk, action, Status.REJECTED, because or said, said, by=by)


def _named(desk: Desk, ref: str) -> Action:
    """The monitor's action that people call `ref`; nobody else changes it meanwhile."""
    row = actions.by_ref(desk.connection, ref)
    kept = None if row is None else actions.held(desk.connection, row.id)
    if kept is None or kept.monitor != desk.monitor.name:
        raise ActionUnknown(
            f"{desk.monitor.name} has no action {ref}; "
            "`monitoring-dagster retraining list` names them"
        )
    return action_of(kept)


def _gone_on(desk: Desk, action: Action, by: str, needed: int) -> Action:
    """The action, let go on where enough have agreed."""
    if len(actions.approvals(desk.connection, action.id)) >= needed:
        moved = actions.move(
            desk.connection,
            action.id,
            [Status.AWAITING_APPROVAL.value],
            status=Status.REQUESTED.value,
            phase=Phase.PROMOTE.value,
            tries=0,
            not_before=None,
        )
        if moved:
            text = f"{action.ref} is approved {_by(by)}: it takes over with the next run"
            telling.tell(desk, action, text, by=by)
    return _as_it_stands(desk, action)


def _as_it_stands(desk: Desk, action: Action) -> Action:
    row = actions.by_id(desk.connection, action.id)
    return action if row is None else action_of(row)


def _was_let_go_on(desk: Desk, action: Action, by: str) -> bool:
    """Whether they agreed before, and it came to what they agreed to."""
    if action.phase is not Phase.PROMOTE or action.status in (Status.REJECTED, Status.FAILED):
        return False
    return any(one.person == by for one in actions.approvals(desk.connection, action.id))


def _is_taking_over(action: Action) -> bool:
    """Whether a run may have moved the registry's alias: then it has to be brought to an end.

    A run that was postponed, or died, may have done so before.
    """
    if action.phase is not Phase.PROMOTE or action.status is Status.AWAITING_APPROVAL:
        return False
    was_tried = action.tries > 0 or action.not_before is not None
    return action.status is not Status.REQUESTED or was_tried


def _not_waiting(action: Action) -> str:
    status = action.status.replace("_", " ")
    if action.status.is_over:
        return f"{action.ref} is {status}: it is over, and waits for nobody's approval"
    return (
        f"{action.ref} is {status} in the phase {action.phase}, and does not wait for an approval; "
        "it can be approved as soon as it does"
    )


def _taking_over(action: Action) -> str:
    held = f", in the Dagster run {action.run_id}" if action.run_id else ""
    return (
        f"{action.ref} is taking over{held}, which is not stopped half way: wait until it is done, "
        "and roll back to the former champion"
    )


def _by(person: str) -> str:
    """Who it was; whoever reacted is seen below the message, by name."""
    return "by a reaction" if person.startswith("slack:") else f"by {person}"
