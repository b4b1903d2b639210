"""What the sensor `actions` sees of runs, and what has to be done about it."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import dagster as dg
import pytest
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)

from assets.retraining import retraining
from monitoring_dagster.resources import Workplace
from monitoring_dagster.retraining.action import Action, ActionKind, Status, Why
from monitoring_dagster.retraining.reconciling import CLAIMED_WITHIN, Instants, Move, Seen, move
from sensors.actions import look, request

pytestmark = pytest.mark.filterwarnings("ignore")  # Dagster's own, not ours

Run = dg.DagsterRunStatus

JOB_ORIGIN = RemoteJobOrigin(
    RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("monitoring"), "__repository__"),
    "retraining",
)

ACTION = Action(
    ref="RT-7F3A9C",
    monitor="flights",
    kind=ActionKind.RETRAINING,
    why=Why.HARM,
    evidence="errors have risen",
    requested_at=dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
    requested_by="user:ann",
    written_at=dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
    status=Status.LAUNCHING,
    id=1,
    attempt=2,
    tries=1,
)


def make_run(instance: dg.DagsterInstance, action: Action, status: Run) -> None:
    """What the daemon makes of what the sensor asks for."""
    definitions = dg.Definitions(jobs=[retraining([])], resources={"workplace": Workplace()})
    asked = request(action)
    instance.create_run_for_job(
        definitions.resolve_job_def("retraining"),
        run_config=asked.run_config,
        tags=dict(asked.tags),
        status=status,
        remote_job_origin=JOB_ORIGIN,
    )


@pytest.mark.parametrize(
    ("status", "is_long", "seen", "wanted"),
    [
        pytest.param(None, True, Seen.ABSENT, Move.AGAIN, id="the daemon died before it made one"),
        pytest.param(None, False, Seen.ABSENT, Move.NOTHING, id="the daemon is about to make one"),
        pytest.param(Run.QUEUED, True, Seen.UNDER_WAY, Move.NOTHING, id="others are before it"),
        pytest.param(Run.STARTING, False, Seen.UNDER_WAY, Move.NOTHING, id="it starts"),
        pytest.param(
            Run.NOT_STARTED, True, Seen.LONG_UNDER_WAY, Move.AGAIN, id="it was never queued"
        ),
        pytest.param(
            Run.STARTING, True, Seen.LONG_UNDER_WAY, Move.AGAIN, id="nobody starts it any more"
        ),
        pytest.param(
            Run.STARTED, True, Seen.LONG_UNDER_WAY, Move.AGAIN, id="it was killed before it claimed"
        ),
        pytest.param(Run.FAILURE, False, Seen.ENDED, Move.AGAIN, id="it failed before it claimed"),
        pytest.param(Run.CANCELED, False, Seen.ENDED, Move.AGAIN, id="somebody ended it"),
    ],
)
def test_an_action_that_no_run_has_claimed_is_launched_again_once_its_run_is_lost(
    status: Run | None, is_long: bool, seen: Seen, wanted: Move
) -> None:
    launched_at = dt.datetime.now(dt.UTC)
    # Dagster notes by its own clock when a run's status changed.
    now = launched_at + dt.timedelta(minutes=1) + (CLAIMED_WITHIN if is_long else dt.timedelta())
    with dg.DagsterInstance.ephemeral() as instance:
        if status is not None:
            make_run(instance, ACTION, status)
        found = look(instance, ACTION, now)
    assert found is seen
    assert move(ACTION, found, Instants(now, launched_at)) is wanted


def test_a_run_of_another_attempt_is_not_looked_at() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        make_run(instance, replace(ACTION, attempt=1), Run.STARTED)
        assert look(instance, ACTION, dt.datetime.now(dt.UTC)) is Seen.ABSENT
