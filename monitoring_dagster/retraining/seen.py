"""What the watchdog sees of a monitor's actions and of its champion.

What it makes of them is `incidents.action_alarms`.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from monitoring_dagster.incidents.action_alarms import ActionFacts
from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.profiles.profile import ALL
from monitoring_dagster.retraining.acting import approvals_needed
from monitoring_dagster.retraining.gate.measures.registry import PRIMARY
from monitoring_dagster.retraining.promotion import RECORD_DAYS, offered
from monitoring_dagster.retraining.rows import action_of
from monitoring_dagster.retraining.succession import Succession
from monitoring_dagster.store import Docket, actions, tenures

if TYPE_CHECKING:
    import sqlalchemy as sa

PROBATION_DAYS = 60
"""For how long a new champion is held against the one before."""


def latest(
    connection: sa.Connection, monitor: Monitor, registry_url: str | None
) -> ActionFacts | None:
    """The monitor's last action; None where it never had one."""
    rows = actions.listed(connection, monitor=monitor.name, most=1)
    if not rows:
        return None
    action = action_of(rows[0])
    needed = approvals_needed(monitor, action.kind)
    has_run = registry_url and action.mlflow_run
    return ActionFacts(
        ref=action.ref,
        kind=action.kind.value,
        status=action.status.value,
        evidence=action.evidence,
        because=action.because or str(action.decision.get("because", "")),
        version=action.challenger,
        asked_at=action.written_at,
        ended_at=action.ended_at,
        is_decided=action.decided_at is not None,
        missing=needed - len(actions.approvals(connection, action.id)),
        report=f"{registry_url}/#/runs/{action.mlflow_run}" if has_run else "",
    )


def worse(connection: sa.Connection, monitor: Monitor, now: dt.datetime) -> str:
    """That the champion does worse than its predecessor did, in a sentence; empty if not.

    Of the champion's first days only: later ones are judged by their own reference.
    """
    rows = tenures.of_monitor(connection, monitor.name)
    if not rows:
        return ""
    succession = Succession.of(monitor, rows)
    today = now.astimezone(monitor.zone).date()
    since, former = succession.began(today), succession.former()
    if former is None or (today - since).days > PROBATION_DAYS:
        return ""
    metric = monitor.retraining.gate.primary or PRIMARY[monitor.model.task]
    first = since - dt.timedelta(days=RECORD_DAYS)
    trend = Docket(connection, monitor.name).trend(metric, "", ALL, first, today)
    before = succession.began(since - dt.timedelta(days=1))
    return offered(monitor, metric, trend, since=since, former_since=before, now=now)
