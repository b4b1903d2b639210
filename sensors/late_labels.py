"""Late labels: days whose labels changed are materialised again, exactly those.

Level-triggered: what counts is the difference between the source and the stored snapshot, so a
failed run is asked for again, up to a limit per version of the labels.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import dagster as dg

from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.resources import Workplace
from monitoring_dagster.settings import Settings

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import (
        UnresolvedAssetJobDefinition,
    )

ATTEMPTS = 3
"""Runs that one version of a day's labels may cost before a person has to look."""

VERSION_TAG = "monitoring/labels"

FINISHED = {
    dg.DagsterRunStatus.SUCCESS,
    dg.DagsterRunStatus.FAILURE,
    dg.DagsterRunStatus.CANCELED,
}


def late_labels(
    monitors: Sequence[Monitor], jobs: "Mapping[str, UnresolvedAssetJobDefinition]"
) -> dg.SensorDefinition:
    """One sensor over all monitors with labels, since the daemon pays per sensor.

    `jobs` maps a monitor's name to the job that does its labels again.
    """

    @dg.sensor(
        name="late_labels",
        jobs=list(jobs.values()),
        minimum_interval_seconds=Settings.from_environment().sensor_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Materialises again the days whose labels changed.",
    )
    def _sensor(
        context: dg.SensorEvaluationContext, workplace: Workplace
    ) -> dg.SensorResult | dg.SkipReason:
        requests: list[dg.RunRequest] = []
        waiting: list[str] = []
        for monitor in monitors:
            job = jobs[monitor.name].name
            under_way = _under_way(context.instance, monitor)
            for day, version in workplace.day(monitor).changed_label_days().items():
                if any(_covers(run, day) for run in under_way):
                    waiting.append(f"{monitor.name} {day}: a run is under way")
                    continue
                request = _request(context.instance, job, monitor, day, version)
                if isinstance(request, str):
                    waiting.append(request)
                else:
                    requests.append(request)
        if requests:
            return dg.SensorResult(run_requests=requests)
        return dg.SkipReason("; ".join(waiting) or "no labels changed")

    return _sensor


def _under_way(instance: dg.DagsterInstance, monitor: Monitor) -> Sequence[dg.DagsterRun]:
    """The monitor's unfinished runs: what they are about to take has not changed."""
    unfinished = [status for status in dg.DagsterRunStatus if status not in FINISHED]
    return instance.get_runs(dg.RunsFilter(tags={"monitor": monitor.name}, statuses=unfinished))


def _covers(run: dg.DagsterRun, day: dt.date) -> bool:
    partition = run.tags.get("dagster/partition")
    first = run.tags.get("dagster/asset_partition_range_start", partition or "")
    last = run.tags.get("dagster/asset_partition_range_end", partition or "")
    return first <= day.isoformat() <= last


def _request(
    instance: dg.DagsterInstance, job: str, monitor: Monitor, day: dt.date, version: str
) -> dg.RunRequest | str:
    """The run that does the day again, or why none is asked for."""
    tags = {"dagster/partition": day.isoformat(), VERSION_TAG: version}
    earlier = instance.get_runs(dg.RunsFilter(job_name=job, tags=tags))
    if len(earlier) >= ATTEMPTS:
        return f"{monitor.name} {day}: {len(earlier)} runs did not take the labels, look at them"
    return dg.RunRequest(
        job_name=job,
        partition_key=day.isoformat(),
        run_key=f"{monitor.name}:{day}:{version}:{len(earlier)}",
        tags={VERSION_TAG: version},
    )
