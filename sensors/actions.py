"""Actions: launches the jobs that are owed because of incidents, and again where one was lost.

State lives in the store: a tick may die anywhere, and two may run at once. A run key is never used
twice, since Dagster takes a failed launch for done.
"""

import datetime as dt
from collections.abc import Mapping, Sequence

import dagster as dg

from assets.retraining import ACTION_TAG, ATTEMPT_TAG, JOB, run_config
from monitoring_dagster.errors import MonitoringError
from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.resources import CLOCK_TAG, Workplace, wall_clock
from monitoring_dagster.retraining.action import Action
from monitoring_dagster.retraining.reconciling import CLAIMED_WITHIN, Seen
from monitoring_dagster.settings import Settings

ENDED = {
    dg.DagsterRunStatus.SUCCESS,
    dg.DagsterRunStatus.FAILURE,
    dg.DagsterRunStatus.CANCELED,
}


def actions(monitors: Sequence[Monitor], job: dg.JobDefinition) -> dg.SensorDefinition:
    """One sensor over all monitors."""

    @dg.sensor(
        name="actions",
        job=job,
        minimum_interval_seconds=Settings.from_environment().sensor_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Launches retrainings, promotions and rollbacks that are owed, each in a run "
        "of its own, and launches again what was lost.",
    )
    def _sensor(
        context: dg.SensorEvaluationContext, workplace: Workplace
    ) -> dg.SensorResult | dg.SkipReason:
        launched = workplace.launching(monitors).launch(
            lambda action: look(context.instance, action, wall_clock())
        )
        for failure in launched.failures:
            context.log.error(failure)
        if launched.asked:
            return dg.SensorResult(run_requests=[request(action) for action in launched.asked])
        if launched.failures:
            raise MonitoringError("; ".join(launched.failures))
        said = [*launched.waiting, *(f"{ref} given up" for ref in launched.given_up)]
        return dg.SkipReason("; ".join(said) or "no action is owed")

    return _sensor


def request(action: Action) -> dg.RunRequest:
    """The run of an action's present attempt."""
    return dg.RunRequest(
        job_name=JOB,
        run_key=f"{action.ref}:{action.attempt}",
        run_config=run_config(action),
        tags=tags(action),
    )


def tags(action: Action) -> Mapping[str, str]:
    """By which the run is found again, and by which clock it lives."""
    named = {
        "monitor": action.monitor,
        ACTION_TAG: action.ref,
        ATTEMPT_TAG: str(action.attempt),
    }
    return named | ({CLOCK_TAG: action.clock} if action.clock else {})


def look(instance: dg.DagsterInstance, action: Action, now: dt.datetime) -> Seen:
    """What is to be seen of the run of an action's present attempt.

    Without its monitoring of runs, Dagster itself never ends a run whose processes were killed.
    """
    wanted = {ACTION_TAG: action.ref, ATTEMPT_TAG: str(action.attempt)}
    records = instance.get_run_records(dg.RunsFilter(tags=wanted))
    going_on = [record for record in records if record.dagster_run.status not in ENDED]
    if not going_on:
        return Seen.ENDED if records else Seen.ABSENT
    is_long = all(
        record.dagster_run.status is not dg.DagsterRunStatus.QUEUED
        and record.update_timestamp <= now - CLAIMED_WITHIN
        for record in going_on
    )
    return Seen.LONG_UNDER_WAY if is_long else Seen.UNDER_WAY
