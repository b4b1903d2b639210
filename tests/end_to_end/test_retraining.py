"""A model that errs is replaced once: real daemon, PostgreSQL, MLflow and Slack, and SIGKILL.

From the breach to the resolution of its incident, through Dagster's own processes. What each part
does is tested with its room; here, that nothing is lost and nothing done twice between them.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitoring_dagster.monitors.loader import load_file
from monitoring_dagster.profiles import reference
from monitoring_dagster.retraining.action import Action
from monitoring_dagster.retraining.registering import ModelRegistry
from monitoring_dagster.retraining.rows import action_of
from monitoring_dagster.retraining.succession import Succession
from monitoring_dagster.store import actions, tenures
from monitoring_dagster.store.audit import entries, verify
from monitoring_dagster.telemetry.lake import Lake
from tests.end_to_end.changing_world import ChangingWorld
from tests.end_to_end.office import Office, open_office, rows
from tests.end_to_end.processes import Dagster, running_dagster
from tests.mlflow_server import running_mlflow
from tests.slack.seeing import Seen
from tests.small_world import days_from

JOB = "retraining"

KILLED_AT = "promotion.alias_moved"
"""The registry says already that the new model is in production, the store not yet."""

IDENTIFIER = "@example.org"
"""Part of every raw identifier in the telemetry."""


@pytest.fixture
def office(postgres_server: str) -> Iterator[Office]:
    with open_office(postgres_server) as opened:
        yield opened


def test_a_model_that_errs_is_replaced_once_whatever_is_killed(
    tmp_path: Path, office: Office
) -> None:
    world = _world(tmp_path)
    office.store.upgrade()
    with contextlib.ExitStack() as running:
        mlflow_url = running.enter_context(running_mlflow(_made(tmp_path / "mlflow")))
        registry = ModelRegistry.at(mlflow_url)
        env = {
            **world.env,
            **office.env,
            "MLFLOW_TRACKING_URI": mlflow_url,
            "MONITORING_DAGSTER_FAILPOINTS": f"{KILLED_AT}=kill",
        }
        dagster = running.enter_context(running_dagster(tmp_path, office.dagster_url, env))
        errors_are_told_and_a_training_begins(dagster, office, world)
        the_run_is_killed_while_it_trains(dagster, office, world)
        the_daemon_is_killed_before_the_next_run_claims_the_action(dagster, office)
        that_run_is_killed_while_its_model_takes_over(dagster, office, registry)
        what_was_begun_is_brought_to_its_end(dagster, office)
        whoever_executes_an_old_run_again_changes_nothing(dagster, office)
        one_model_was_registered_and_reigns(office, registry, world)
        new_days_have_a_reference_of_their_own(office, world)
    people_were_told_of_each_step_once(office)
    everything_is_in_the_audit_log(office)
    nothing_secret_is_told(tmp_path, office)


def _world(home: Path) -> ChangingWorld:
    """Ten days of reference; of sixteen days until yesterday the third brings another world."""
    yesterday = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=1)
    first = yesterday - dt.timedelta(days=15)
    return ChangingWorld(
        home,
        reference=days_from(first - dt.timedelta(days=10), 10),
        days=days_from(first, 16),
        changes_on=first + dt.timedelta(days=2),
    )


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


# --- what happens, in order -----------------------------------------------------------------------


def errors_are_told_and_a_training_begins(
    dagster: Dagster, office: Office, world: ChangingWorld
) -> None:
    world.hold()
    dagster.launch("small_daily", world.days[0], last=world.days[-1])
    dagster.until("the training", lambda: True if world.trainings_begun else None)
    action = _action(office)
    assert (action.status, action.phase, action.attempt) == ("running", "train", 1)
    root = dagster.until("the message about the errors", lambda: _root(office, action.ref))
    assert "P2 open · small: Errors have risen" in root.blocks_text


def the_run_is_killed_while_it_trains(
    dagster: Dagster, office: Office, world: ChangingWorld
) -> None:
    (run,) = dagster.runs(JOB)
    (trainer,) = world.trainings_begun
    pid = dagster.pid(run["runId"])
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    dagster.until("the end of the killed run's trainer", lambda: _is_gone(trainer))
    world.let_go()
    assert not world.trainings_ended
    assert _action(office).challenger == ""


def the_daemon_is_killed_before_the_next_run_claims_the_action(
    dagster: Dagster, office: Office
) -> None:
    # Until it claims the action that process has to load the code location: some seconds.
    dagster.until(
        "the process of the second run",
        lambda: dagster.processes.workers() or None,
        every_seconds=0.1,
    )
    dagster.processes.kill("daemon-0")
    action = _action(office)
    assert (action.status, action.attempt) == ("launching", 2)


def that_run_is_killed_while_its_model_takes_over(
    dagster: Dagster, office: Office, registry: ModelRegistry
) -> None:
    dagster.until("the end of the second run", lambda: dagster.finished(JOB, 2))
    action = _action(office)
    assert (action.status, action.phase, action.attempt) == ("running", "promote", 2)
    assert registry.version_of("small", "champion") == action.challenger != ""
    assert not office.store.read(lambda c: tenures.of_monitor(c, "small"))
    dagster.processes.kill("code")


def what_was_begun_is_brought_to_its_end(dagster: Dagster, office: Office) -> None:
    dagster.processes.start("code", MONITORING_DAGSTER_FAILPOINTS="")
    dagster.processes.start("daemon-0")
    dagster.until("the promotion", lambda: True if _action(office).status.is_over else None)
    action = _action(office)
    assert (action.status, action.attempt) == ("done", 3), action.because
    dagster.until("the resolution", lambda: True if _replies(office, "Resolved") else None)
    runs = dagster.until("the end of the third run", lambda: dagster.finished(JOB, 3))
    assert [run["status"] for run in runs] == ["SUCCESS", "FAILURE", "FAILURE"]


def whoever_executes_an_old_run_again_changes_nothing(dagster: Dagster, office: Office) -> None:
    before = _action(office)
    asked = {"action": before.id, "attempt": 2}
    dagster.launch(JOB, config={"ops": {"act": {"config": asked}}})
    newest, *_ = dagster.until("the end of the old run", lambda: dagster.finished(JOB, 4))
    assert newest["status"] == "SUCCESS"
    assert _action(office) == before


# --- what is left ---------------------------------------------------------------------------------


def one_model_was_registered_and_reigns(
    office: Office, registry: ModelRegistry, world: ChangingWorld
) -> None:
    assert len(world.trainings_begun) == 2
    assert len(world.trainings_ended) == 1
    versions = registry.client.search_model_versions("name='small'")
    assert [version.version for version in versions] == ["1"]
    aliases = registry.client.get_registered_model("small").aliases
    assert aliases == {"champion": "1"}
    (tenure,) = office.store.read(lambda c: tenures.of_monitor(c, "small"))
    action = _action(office)
    assert (tenure.model_version, tenure.action_id) == ("1", action.id)
    runs = registry.client.search_runs(
        [e.experiment_id for e in registry.client.search_experiments()]
    )
    assert [(run.info.run_id, run.info.status) for run in runs] == [(action.mlflow_run, "FINISHED")]


def new_days_have_a_reference_of_their_own(office: Office, world: ChangingWorld) -> None:
    monitor = load_file(world.monitors / "small.yaml")
    reigns = Succession.of(monitor, office.store.read(lambda c: tenures.of_monitor(c, "small")))
    lake = Lake(str(world.home / "lake"))
    former = reference.load(lake, reigns.on(world.days[-1]))
    frozen = reference.load(lake, reigns.on(dt.date.max))
    assert former.grid != frozen.grid
    validated = [day["day"] for day in _action(office).plan["validation"]]
    assert [str(day) for day in frozen.days] == validated


def people_were_told_of_each_step_once(office: Office) -> None:
    assert set(office.workspace.copies("key").values()) == {1}
    (root,) = office.workspace.visible()[office.channel]
    ref = _action(office).ref
    said = [
        [r for r in root.replies if phrase in r.blocks_text]
        for phrase in (
            f"{ref} is requested",
            f"{ref} passed the gate",
            f"{ref} is done",
            "Resolved",
        )
    ]
    assert [len(replies) for replies in said] == [1, 1, 1, 1]


def everything_is_in_the_audit_log(office: Office) -> None:
    verification = office.store.read(verify)
    assert verification.is_intact, verification.text
    logged = [entry.action for entry in office.store.read(lambda c: list(entries(c)))]
    for deed in ("action.requested", "action.passed", "action.done", "champion.promoted"):
        assert logged.count(deed) == 1, deed


def nothing_secret_is_told(home: Path, office: Office) -> None:
    told = [str(office.workspace.visible()), str(office.workspace.landed)]
    folders = (home / "dagster", home / "mlflow", home / "workshop")
    written = [p for folder in folders for p in folder.rglob("*") if p.is_file()]
    told += [path.read_text(errors="replace") for path in (*written, *home.glob("*.log"))]
    told += [*rows(office.dagster_url), *rows(office.store_url)]
    for secret in (office.token, IDENTIFIER):
        assert not [text[:500] for text in told if secret in text]


# --- what is to be seen ---------------------------------------------------------------------------


def _action(office: Office) -> Action:
    """The only one."""
    (row,) = office.store.read(lambda connection: actions.of_monitor(connection, "small"))
    return action_of(row)


def _is_gone(pid: int) -> bool | None:
    return None if Path(f"/proc/{pid}").exists() else True


def _root(office: Office, phrase: str) -> Seen | None:
    roots = office.workspace.visible()[office.channel]
    return next((root for root in roots if phrase in root.blocks_text), None)


def _replies(office: Office, phrase: str) -> list[Seen]:
    roots = office.workspace.visible()[office.channel]
    return [r for root in roots for r in root.replies if phrase in r.blocks_text]
