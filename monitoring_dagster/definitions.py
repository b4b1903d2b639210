"""The composition root: from monitors to Dagster definitions.

Loading it reads the YAML documents and nothing else: no database, no network, no heavy module.
"""

import datetime as dt
from typing import TYPE_CHECKING

import dagster as dg

from assets.audit import audit
from assets.evaluation import evaluation
from assets.incidents import incidents
from assets.metrics import drift, estimated_performance, operations, performance
from assets.profiles import outcomes, profile
from assets.quality import quality
from assets.reference import reference
from assets.retention import retention
from assets.retraining import deciding, retraining
from assets.snapshots import snapshots
from assets.stage import key, partitions
from monitoring_dagster import documents
from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.monitors.loader import Loaded
from monitoring_dagster.resources import Workplace
from monitoring_dagster.settings import Settings
from sensors.actions import actions
from sensors.broken_monitors import broken_monitors
from sensors.delivery import delivery
from sensors.late_labels import late_labels
from sensors.watchdog import watchdog

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import (
        UnresolvedAssetJobDefinition,
    )

CATCH_UP_DAYS = 7
"""Days back in which the schedule also asks for days that were never taken."""

LABELLED_STAGES = ("labels", "outcomes", "performance", "estimated_performance", "evaluation")
"""What has to be done again when more labels of a day are known."""


def monitor_definitions(monitor: Monitor) -> dg.Definitions:
    """Everything that Dagster runs for one monitor."""
    assets = [reference(monitor), *snapshots(monitor), profile(monitor), drift(monitor)]
    if monitor.telemetry.predictions is not None:
        assets.append(operations(monitor))
    if monitor.telemetry.labels is not None:
        assets += [outcomes(monitor), performance(monitor)]
    if monitor.reference_is_labelled:
        assets.append(estimated_performance(monitor))
    assets.append(evaluation(monitor))
    job = daily_job(monitor)
    return dg.Definitions(
        assets=assets,
        asset_checks=[quality(monitor)],
        jobs=[job],
        schedules=[daily_schedule(monitor, job)],
    )


def daily_job(monitor: Monitor) -> "UnresolvedAssetJobDefinition":
    """The spine: every stage of a day."""
    return dg.define_asset_job(
        f"{monitor.name}_daily",
        selection=dg.AssetSelection.groups(monitor.name),
        description="Every stage of a day, from telemetry to measurements.",
        tags={"monitor": monitor.name},
    )


def late_labels_job(monitor: Monitor) -> "UnresolvedAssetJobDefinition":
    """What has to be done again for a day when more of its labels are known."""
    left_out = () if monitor.reference_is_labelled else ("estimated_performance",)
    stages = [stage for stage in LABELLED_STAGES if stage not in left_out]
    return dg.define_asset_job(
        f"{monitor.name}_late_labels",
        selection=dg.AssetSelection.assets(*[key(monitor, stage) for stage in stages]),
        description="Everything that rests on the labels of a day, when these have changed.",
        tags={"monitor": monitor.name},
    )


def daily_schedule(monitor: Monitor, job: "UnresolvedAssetJobDefinition") -> dg.ScheduleDefinition:
    """Takes the day before, and the days of the last week that were never taken."""

    @dg.schedule(
        name=f"{monitor.name}_daily",
        job=job,
        cron_schedule=f"{monitor.schedule.minute} {monitor.schedule.hour} * * *",
        execution_timezone=monitor.time_zone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Takes the day before, and days of the last week that were missed.",
    )
    def _schedule(context: dg.ScheduleEvaluationContext) -> list[dg.RunRequest] | dg.SkipReason:
        local = context.scheduled_execution_time.astimezone(monitor.zone)
        yesterday = local.date() - dt.timedelta(days=1)
        recent = {(yesterday - dt.timedelta(days=i)).isoformat() for i in range(CATCH_UP_DAYS)}
        days = recent & set(partitions(monitor).get_partition_keys(current_time=local))
        taken = context.instance.get_materialized_partitions(key(monitor, "profile"))
        missing = sorted(days - (set(taken) - {yesterday.isoformat()}))
        if not missing:
            return dg.SkipReason(f"{monitor.name} watches no day up to {yesterday}")
        return [dg.RunRequest(partition_key=day) for day in missing]

    return _schedule


def build_definitions(loaded: Loaded) -> dg.Definitions:
    """The code location for a set of monitors; a broken document shows as a failing check."""
    monitors = list(loaded.monitors.values())
    labelled = [monitor for monitor in monitors if monitor.telemetry.labels is not None]
    again = {monitor.name: late_labels_job(monitor) for monitor in labelled}
    acting = retraining(monitors)
    return dg.Definitions.merge(
        *[monitor_definitions(monitor) for monitor in monitors],
        broken_monitors(loaded.problems),
        retention(monitors),
        incidents(monitors),
        deciding(monitors),
        audit(),
        delivery(monitors),
        dg.Definitions(
            jobs=[*again.values(), acting],
            sensors=[
                actions(monitors, acting),
                *([late_labels(labelled, again)] if again else []),
                watchdog(monitors, loaded.problems),
            ],
            resources={"workplace": Workplace()},
            executor=dg.in_process_executor,
        ),
    )


@dg.definitions
def defs() -> dg.Definitions:
    """The code location of this deployment."""
    return build_definitions(documents.load(Settings.from_environment().monitors))
