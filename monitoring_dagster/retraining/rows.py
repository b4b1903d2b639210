"""How actions are written as rows of the store, and read back.

What a field means is said in `action`; the tables are `store.action_tables`.
"""

from __future__ import annotations

import json
from typing import Any

from monitoring_dagster.retraining.action import Action, ActionKind, Phase, Status, Why

_PLAIN = (
    "ref",
    "monitor",
    "evidence",
    "incident_id",
    "requested_at",
    "requested_by",
    "written_at",
    "since",
    "clock",
    "config_hash",
    "attempt",
    "tries",
    "not_before",
    "run_id",
    "alive_at",
    "champion",
    "challenger",
    "mlflow_run",
    "because",
    "shadow_until",
    "decided_at",
    "seconds_to_decision",
    "ended_at",
)
"""Columns that hold what the action holds."""


def row_of(action: Action) -> dict[str, Any]:
    """The action as the store takes it, which gives it its id."""
    return {
        **{name: getattr(action, name) for name in _PLAIN},
        "kind": action.kind.value,
        "why": action.why.value,
        "phase": action.phase.value,
        "status": action.status.value,
        "plan": dict(action.plan),
        "decision": dict(action.decision),
    }


def action_of(row: Any) -> Action:
    """The action that a row holds."""
    return Action(
        id=row.id,
        kind=ActionKind(row.kind),
        why=Why(row.why),
        phase=Phase(row.phase),
        status=Status(row.status),
        plan=json.loads(row.plan),
        decision=json.loads(row.decision),
        **{name: getattr(row, name) for name in _PLAIN},
    )
