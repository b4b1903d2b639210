"""Delivery: sends what people are owed, attends to incidents, and hears people.

State lives in the store: a tick may die anywhere, and two may run at once. The cursor only holds
hints: where to go on listening, and what the check of the messages said last.
"""

import datetime as dt
import json
from collections.abc import Sequence
from typing import Any

import dagster as dg

from assets.metadata import as_metadata
from monitoring_dagster.errors import MonitoringError
from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.notifications.delivered import Delivered
from monitoring_dagster.resources import Workplace
from monitoring_dagster.settings import Settings
from sensors.broken_monitors import LOCATION

CHECK = "alerts_delivered"

BUDGET = dt.timedelta(seconds=20)
"""Dagster gives a tick 60 seconds; what is left is sent by the next one."""


def delivery(monitors: Sequence[Monitor]) -> dg.Definitions:
    """One sensor over all monitors, and the check that says whether people are reached."""

    @dg.asset_check(
        asset=LOCATION,
        name=CHECK,
        description="What people are owed reaches them where it is meant to.",
    )
    def _check(workplace: Workplace) -> dg.AssetCheckResult:
        delivered = workplace.upkeep(monitors).deliver(BUDGET)
        return dg.AssetCheckResult(
            passed=not delivered.is_failing, metadata=as_metadata(_figures(delivered))
        )

    @dg.sensor(
        name="delivery",
        minimum_interval_seconds=Settings.from_environment().sensor_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Sends what people are owed, escalates, reminds, and hears reactions.",
    )
    def _sensor(
        context: dg.SensorEvaluationContext, workplace: Workplace
    ) -> dg.SensorResult | dg.SkipReason:
        hints = _hints(context.cursor)
        done = workplace.upkeep(monitors).tick(BUDGET, hints["heard"])
        delivered, heard = done.delivered, done.heard
        told = {"heard": heard.next_from, "failing": delivered.is_failing}
        if done.failures:
            raise MonitoringError("; ".join(done.failures))
        figures = _figures(delivered) | {"reactions heard": heard.new}
        if delivered.is_failing == hints["failing"]:
            context.update_cursor(json.dumps(told))
            return dg.SkipReason(", ".join(f"{name}: {value}" for name, value in figures.items()))
        return dg.SensorResult(
            cursor=json.dumps(told),
            asset_events=[
                dg.AssetCheckEvaluation(
                    asset_key=LOCATION,
                    check_name=CHECK,
                    passed=not delivered.is_failing,
                    metadata=as_metadata(figures),
                )
            ],
        )

    return dg.Definitions(asset_checks=[_check], sensors=[_sensor])


def _hints(cursor: str | None) -> dict[str, Any]:
    """What the cursor says, as far as it can be read."""
    nothing = {"heard": 0, "failing": None}
    try:
        found = json.loads(cursor or "{}")
    except ValueError:
        return nothing
    return nothing | found if isinstance(found, dict) else nothing


def _figures(delivered: Delivered) -> dict[str, object]:
    figures: dict[str, object] = {
        "sent": delivered.sent,
        "edited": delivered.edited,
        "by a fallback": delivered.relayed,
        "in a digest": delivered.digested,
        "waiting": delivered.waiting,
        "overdue": delivered.overdue,
        "refused": delivered.quarantined,
    }
    why = "; ".join(f"{reason} ({count})" for reason, count in delivered.reasons.items())
    return figures | ({"because": why} if why else {})
