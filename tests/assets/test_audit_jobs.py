"""The audit log is signed every hour and verified every night, and what is wrong is an incident."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as sa

from monitoring_dagster.definitions import build_definitions
from monitoring_dagster.incidents import rows
from monitoring_dagster.incidents.incident import Incident, Priority
from monitoring_dagster.monitors.loader import load_folder
from monitoring_dagster.resources import Workplace
from monitoring_dagster.store import Store, incidents
from monitoring_dagster.store.audit import Entry, append
from tests.small_world import SmallWorld, days_from

pytestmark = pytest.mark.filterwarnings("ignore")  # Dagster's own, not ours


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SmallWorld:
    """A deployment whose audit log has a row."""
    today = dt.datetime.now(dt.UTC).date()
    ahead = today + dt.timedelta(days=9)  # nothing is due, so that nothing else is wrong
    small = SmallWorld(tmp_path, reference=days_from(today, 1), days=[ahead], rows=3)
    for name, value in small.env.items():
        monkeypatch.setenv(name, value)
    at = dt.datetime(2026, 1, 2, tzinfo=dt.UTC)
    entry = Entry("user:ann", "silence.created", "silence", "1")
    Workplace().store().write(lambda connection: append(connection, [entry], at))
    return small


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def run(world: SmallWorld, instance: dg.DagsterInstance, job: str) -> dg.ExecuteInProcessResult:
    definitions = build_definitions(load_folder(world.monitors))
    return definitions.resolve_job_def(job).execute_in_process(instance=instance)


def verify(world: SmallWorld, instance: dg.DagsterInstance) -> dg.AssetCheckEvaluation:
    (evaluation,) = run(world, instance, "audit_verify").get_asset_check_evaluations()
    return evaluation


def look(world: SmallWorld, instance: dg.DagsterInstance) -> list[Incident]:
    """The incidents that are open after a look of the watchdog."""
    definitions = build_definitions(load_folder(world.monitors))
    sensor = definitions.resolve_sensor_def("watchdog")
    resources = {"workplace": Workplace()}
    with dg.build_sensor_context(
        instance=instance, definitions=definitions, resources=resources
    ) as context:
        sensor.evaluate_tick(context)
    store = Workplace().store()
    found = store.read(lambda connection: incidents.listed(connection, is_open=True))
    return [rows.incident_of(kept) for kept in found]


def say_by(store: Store, actor: str) -> None:
    """Change who did it, as somebody does who may do anything to the database."""

    def work(connection: sa.Connection) -> None:
        names = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        for name in connection.execute(sa.text(names)).scalars().all():
            connection.exec_driver_sql(f"DROP TRIGGER {name}")
        connection.execute(
            sa.text("UPDATE audit SET actor = :actor WHERE seq = 1"), {"actor": actor}
        )

    store.write(work)


@pytest.mark.parametrize(
    ("name", "when"), [("audit_anchor", "7 * * * *"), ("audit_verify", "20 4 * * *")]
)
def test_it_is_done_by_itself(world: SmallWorld, name: str, when: str) -> None:
    schedule = build_definitions(load_folder(world.monitors)).resolve_schedule_def(
        f"{name}_schedule"
    )
    assert schedule.cron_schedule == when
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING


def test_anchoring_adds_a_checkpoint_only_when_something_was_logged(
    world: SmallWorld, instance: dg.DagsterInstance
) -> None:
    file = world.home / "audit/checkpoints.txt"
    assert run(world, instance, "audit_anchor").success
    signed = file.read_text(encoding="utf-8")
    assert run(world, instance, "audit_anchor").success
    assert file.read_text(encoding="utf-8") == signed


def test_an_intact_log_passes_and_alarms_nobody(
    world: SmallWorld, instance: dg.DagsterInstance
) -> None:
    run(world, instance, "audit_anchor")
    evaluation = verify(world, instance)
    assert evaluation.passed
    assert evaluation.metadata["signed up to row"].value == 2
    assert look(world, instance) == []


def test_a_changed_log_fails_its_check_and_is_an_incident_until_it_is_restored(
    world: SmallWorld, instance: dg.DagsterInstance
) -> None:
    say_by(Workplace().store(), "user:eve")
    assert not verify(world, instance).passed
    (incident,) = look(world, instance)
    assert (str(incident.cause), incident.priority) == ("monitoring:audit_log", Priority.P1)
    assert "row 1 was changed" in incident.context.what
    assert [i.ref for i in look(world, instance)] == [incident.ref]
    say_by(Workplace().store(), "user:ann")
    assert verify(world, instance).passed
    assert look(world, instance) == []


def test_a_verification_that_is_under_way_changes_nothing(
    world: SmallWorld, instance: dg.DagsterInstance
) -> None:
    say_by(Workplace().store(), "user:eve")
    verify(world, instance)
    definitions = build_definitions(load_folder(world.monitors))
    instance.create_run_for_job(definitions.resolve_job_def("audit_verify"))
    assert len(look(world, instance)) == 1
