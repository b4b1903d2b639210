"""The watchdog: notices when the monitoring itself stands still, and says so as incidents.

Its own failure is a failed tick. While all is well it calls the deployment's heartbeat URL, so that
somebody outside notices when nothing here runs at all.
"""

import datetime as dt
import os
import time
from collections.abc import Iterator, Sequence

import dagster as dg

from assets.audit import CHECK, FOUND
from monitoring_dagster.errors import MonitoringError
from monitoring_dagster.incidents.alarms import Task, TaskKind
from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.monitors.loader import Problem
from monitoring_dagster.notifications.configuration import Channels, channels_from_environment
from monitoring_dagster.resources import Workplace, wall_clock
from monitoring_dagster.settings import Settings
from monitoring_dagster.watch import Seen, Watched, watch
from sensors.broken_monitors import LOCATION

EVERY_SECONDS = 60

BUDGET_SECONDS = 20.0
"""Dagster gives a tick 60 seconds; what is left is looked at first by the next one."""

DAEMON = "SENSOR"
"""The part of the daemon that evaluates sensors."""

MOST_RUNS = 1_000

MOST_VERIFICATIONS = 50
"""Of the latest, those that did not end are passed over."""

UNDER_WAY = {
    dg.DagsterRunStatus.QUEUED: TaskKind.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED: TaskKind.QUEUED,
    dg.DagsterRunStatus.STARTING: TaskKind.QUEUED,
    dg.DagsterRunStatus.STARTED: TaskKind.RUNNING,
    dg.DagsterRunStatus.CANCELING: TaskKind.RUNNING,
}


def watchdog(monitors: Sequence[Monitor], problems: Sequence[Problem]) -> dg.SensorDefinition:
    """One sensor over the whole location; `problems` are of documents that cannot be used."""

    @dg.sensor(
        name="watchdog",
        minimum_interval_seconds=EVERY_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Opens incidents about the monitoring itself: days not run, sources that are "
        "silent, messages that do not arrive, runs that are stuck.",
    )
    def _sensor(context: dg.SensorEvaluationContext, workplace: Workplace) -> dg.SkipReason:
        channels, office = _channels(), workplace.office()
        names = {monitor.name for monitor in monitors}
        deadline = time.monotonic() + BUDGET_SECONDS
        now = wall_clock()
        watched = watch(
            workplace.store(),
            _from(monitors, context.cursor),
            Seen(
                channel=channels.primary.name,
                problems=problems,
                tasks=list(_tasks(context, names, office.pages.dagster)),
                daemon=_daemon(context.instance),
                audit=_audit(context.instance),
            ),
            now=now,
            written_at=now,
            office=office,
            has_time=lambda: time.monotonic() < deadline,
        )
        context.update_cursor(watched.left[0] if watched.left else "")
        for alarm in watched.alarms:
            context.log.warning(f"{alarm.level}: {alarm.monitor}: {alarm.title}")
        if watched.failed:
            raise MonitoringError(
                "the watchdog could not look at "
                + "; ".join(f"{name} ({why})" for name, why in watched.failed.items())
            )
        return dg.SkipReason(_said(watched, channels))

    return _sensor


def _channels() -> Channels:
    settings = Settings.from_environment()
    return channels_from_environment(os.environ, settings.home, wall_clock)


def _from(monitors: Sequence[Monitor], cursor: str | None) -> Sequence[Monitor]:
    """The same monitors, beginning with the one that the last tick had no time for."""
    names = [monitor.name for monitor in monitors]
    start = names.index(cursor) if cursor in names else 0
    return [*monitors[start:], *monitors[:start]]


def _daemon(instance: dg.DagsterInstance) -> str:
    heartbeat = instance.get_daemon_heartbeats().get(DAEMON)
    return (heartbeat.daemon_id or "") if heartbeat is not None else ""


def _audit(instance: dg.DagsterInstance) -> str:
    """What the last finished verification of the audit log found wrong."""
    check = dg.AssetCheckKey(LOCATION, CHECK)
    for record in instance.event_log_storage.get_asset_check_execution_history(
        check, limit=MOST_VERIFICATIONS
    ):
        evaluation = record.evaluation
        if isinstance(evaluation, dg.AssetCheckEvaluation):  # else it is under way, or was killed
            found = evaluation.metadata.get(FOUND)
            return "" if evaluation.passed or found is None else str(found.value)
    return ""


def _tasks(
    context: dg.SensorEvaluationContext, names: set[str], pages: str | None
) -> Iterator[Task]:
    """This location's runs that are not finished."""
    unfinished = dg.RunsFilter(statuses=list(UNDER_WAY))
    for record in context.instance.get_run_records(unfinished, limit=MOST_RUNS):
        run = record.dagster_run
        if not is_ours(context, run):
            continue
        kind = UNDER_WAY[run.status]
        began = record.start_time if kind is TaskKind.RUNNING else None
        since = record.create_timestamp.timestamp() if began is None else began
        yield Task(
            kind,
            f"run {run.run_id[:8]} of {_job(run)}",
            dt.datetime.fromtimestamp(since, dt.UTC),
            monitor=_monitor(run, names),
            url=f"{pages}/runs/{run.run_id}" if pages else "",
        )


def is_ours(context: dg.SensorEvaluationContext, run: dg.DagsterRun) -> bool:
    """Whether it was asked for in this location: an instance may be shared with others."""
    here, there = context.code_location_origin, run.remote_job_origin
    return here is None or there is None or there.location_name == here.location_name


def _monitor(run: dg.DagsterRun, names: set[str]) -> str:
    """Whose run it is, by its tag or by what it materialises; empty where it is of several."""
    selected = {key.path[0] for key in run.asset_selection or ()}
    tagged = {run.tags["monitor"]} if "monitor" in run.tags else selected
    return next(iter(tagged)) if len(tagged) == 1 and tagged <= names else ""


def _job(run: dg.DagsterRun) -> str:
    return "a materialisation" if run.job_name.startswith("__") else run.job_name


def _said(watched: Watched, channels: Channels) -> str:
    """What a tick has come to, in a line."""
    heartbeat = channels.heartbeat() if watched.can_tell else "withheld"
    parts = [
        "; ".join(f"{alarm.monitor}: {alarm.title}" for alarm in watched.alarms) or "all is well",
        f"opened {', '.join(watched.opened)}" if watched.opened else "",
        f"resolved {', '.join(watched.resolved)}" if watched.resolved else "",
        f"left for the next tick: {', '.join(watched.left)}" if watched.left else "",
        f"heartbeat {heartbeat}" if heartbeat != "off" else "",
    ]
    return "; ".join(filter(None, parts))
