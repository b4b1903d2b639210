"""Reverting: a person wants the former champion back.

The rollback is an action like any other, so that a crash cannot leave half of it. That it is
offered where a champion does worse is `promotion`, how it is done `performing`.
"""

from __future__ import annotations

import hashlib

from monitoring_dagster.errors import ActionUnderWay, NoFormerChampion
from monitoring_dagster.incidents.desk import Desk
from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.retraining.action import Action, ActionKind, Phase, Status, Why
from monitoring_dagster.retraining.promotion import former_champion
from monitoring_dagster.retraining.rows import action_of, row_of
from monitoring_dagster.store import actions, tenures


def request(desk: Desk, monitor: Monitor, by: str, because: str, *, needed: int) -> Action:
    """Owe the rollback; whoever asks for it is the first of those who have to agree.

    Args:
        desk: of the monitor.
        monitor: its document.
        by: the person, as the audit log has them.
        because: why, in their words.
        needed: how many people have to agree.

    Raises:
        NoFormerChampion: no champion came before the present one, or its version is unknown.
        ActionUnderWay: another action is.
    """
    connection, name = desk.connection, monitor.name
    former = former_champion(connection, monitor)
    if not former.model_version:
        raise NoFormerChampion(
            f"the version of {name} that reigned before was not written down; move the alias in "
            "MLflow, and accept the day as a new normal with `monitoring-dagster accept`"
        )
    tenure = tenures.of_monitor(connection, name)[-1]
    number = len(actions.of_monitor(connection, name)) + 1
    digest = hashlib.sha256(f"{name}:rollback:{number}".encode()).hexdigest()
    is_agreed = needed <= 1
    action = Action(
        ref=f"RB-{digest[:6].upper()}",
        monitor=name,
        kind=ActionKind.ROLLBACK,
        why=Why.BY_HAND,
        evidence=because,
        requested_at=desk.now,
        requested_by=by,
        written_at=desk.written_at,
        phase=Phase.PROMOTE,
        status=Status.REQUESTED if is_agreed else Status.AWAITING_APPROVAL,
        config_hash=monitor.config_hash,
        champion=tenure.model_version,
        challenger=former.model_version,
        because="" if is_agreed else f"{needed - 1} more have to agree",
    )
    made = actions.add(connection, row_of(action))
    if made is None:
        going_on = actions.under_way(connection, name)
        what = "an action" if going_on is None else f"{going_on.ref} ({going_on.status})"
        raise ActionUnderWay(
            f"{what} of {name} is under way; reject it with `monitoring-dagster retraining reject` "
            "or wait for its end"
        )
    if needed:
        actions.approve(connection, made, by, desk.now, because)
    about = {"monitor": name, "version": former.model_version, "because": because}
    desk.note("action.requested", action.ref, by, about, kind="action")
    row = actions.by_id(connection, made)
    return action if row is None else action_of(row)
