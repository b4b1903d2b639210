"""Retention: a daily job that drops what is past the days that a monitor keeps it."""

from collections.abc import Sequence

import dagster as dg

from monitoring_dagster.errors import MonitoringError
from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.resources import Workplace


def retention(monitors: Sequence[Monitor]) -> dg.Definitions:
    """The job `retention` over all monitors, and its schedule; one monitor stops no other."""

    @dg.op(description="Drops expired snapshots, quarantined rows and counts of every monitor.")
    def drop_expired(context: dg.OpExecutionContext, workplace: Workplace) -> None:
        failed: list[str] = []
        for monitor in monitors:
            try:
                dropped = workplace.day(monitor).drop_expired()
            except (MonitoringError, OSError) as error:
                failed.append(f"{monitor.name}: {error}")
            else:
                context.log.info(f"{monitor.name}: {len(dropped)} partitions dropped")
        if failed:
            raise dg.Failure("\n".join(failed))

    @dg.job(description="Drops what is past its retention, and what killed processes left over.")
    def retention() -> None:
        drop_expired()

    schedule = dg.ScheduleDefinition(
        job=retention,
        cron_schedule="30 3 * * *",
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )
    return dg.Definitions(jobs=[retention], schedules=[schedule])
