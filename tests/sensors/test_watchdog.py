from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pytest
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._daemon.types import DaemonHeartbeat

from monitoring_dagster.definitions import build_definitions
from monitoring_dagster.errors import StoreError
from monitoring_dagster.incidents import rows
from monitoring_dagster.incidents.incident import Incident
from monitoring_dagster.monitors.loader import load_folder
from monitoring_dagster.resources import Workplace
from monitoring_dagster.store import Store, incidents, outbox
from sensors import watchdog as sensor_module
from sensors.watchdog import is_ours
from tests.slack.clock import HandClock
from tests.slack.sink import Sink, running_sink
from tests.small_world import SmallWorld, days_from

pytestmark = pytest.mark.filterwarnings("ignore")  # Dagster's own, not ours


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SmallWorld:
    """A deployment that was just made, and watches from today on."""
    today = dt.datetime.now(dt.UTC).date()
    small = SmallWorld(
        tmp_path,
        reference=days_from(today - dt.timedelta(days=12), 2),
        days=days_from(today - dt.timedelta(days=5), 1),
        rows=5,
    )
    for name, value in small.env.items():
        monkeypatch.setenv(name, value)
    return small


@pytest.fixture
def signs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sink]:
    """What waits outside for signs of life."""
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.setenv(name, "127.0.0.1,localhost")
    with running_sink() as sink:
        monkeypatch.setenv("MONITORING_DAGSTER_HEARTBEAT_URL", sink.url)
        monkeypatch.setenv("MONITORING_DAGSTER_WEBHOOK_ALLOW_INSECURE", "1")
        yield sink


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def look(world: SmallWorld, instance: dg.DagsterInstance, cursor: str = "") -> str:
    """A tick; what it says in the end."""
    definitions = build_definitions(load_folder(world.monitors))
    sensor = definitions.resolve_sensor_def("watchdog")
    with dg.build_sensor_context(
        instance=instance,
        definitions=definitions,
        resources={"workplace": Workplace()},
        cursor=cursor,
    ) as context:
        return str(sensor.evaluate_tick(context).skip_message)


def found(world: SmallWorld) -> list[Incident]:
    store = Store(f"sqlite:///{world.home / 'store.db'}")
    return [rows.incident_of(kept) for kept in store.read(incidents.listed)]


def origin(name: str) -> RegisteredCodeLocationOrigin:
    return RegisteredCodeLocationOrigin(name)


def queued(location: str = "monitoring") -> dg.DagsterRun:
    """A run of the monitor that waits, asked for in a location."""
    repository = RemoteRepositoryOrigin(origin(location), "__repository__")
    return dg.DagsterRun(
        job_name="small_daily",
        tags={"monitor": "small"},
        status=dg.DagsterRunStatus.QUEUED,
        remote_job_origin=RemoteJobOrigin(repository, "small_daily"),
    )


def add(instance: dg.DagsterInstance, run: dg.DagsterRun, minutes: float) -> None:
    """The run was made so long ago."""
    at = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=minutes)
    instance.run_storage.add_historical_run(run, at)


def test_the_sensor_runs_by_default_and_not_too_often(world: SmallWorld) -> None:
    sensor = build_definitions(load_folder(world.monitors)).resolve_sensor_def("watchdog")
    assert sensor.default_status is dg.DefaultSensorStatus.RUNNING
    assert sensor.minimum_interval_seconds == 60


def test_while_all_is_well_a_sign_of_life_is_given(
    world: SmallWorld, instance: dg.DagsterInstance, signs: Sink
) -> None:
    assert look(world, instance) == "all is well; heartbeat ok"
    assert len(signs.requests) == 1
    assert found(world) == []


def test_a_broken_document_is_an_incident_of_the_location_and_a_sign_of_life_still_given(
    world: SmallWorld, instance: dg.DagsterInstance, signs: Sink
) -> None:
    world.write_monitor("other").write_text("name: other\n", encoding="utf-8")
    said = look(world, instance)
    (incident,) = found(world)
    assert said.startswith("location: other.yaml cannot be used; opened ")
    assert said.endswith("; heartbeat ok")
    assert (incident.monitor, incident.title) == ("location", "other.yaml cannot be used")
    (world.monitors / "other.yaml").unlink()
    assert look(world, instance) == f"all is well; resolved {incident.ref}; heartbeat ok"


def test_nobody_is_told_that_all_is_well_while_messages_do_not_arrive(
    world: SmallWorld, instance: dg.DagsterInstance, signs: Sink
) -> None:
    look(world, instance)
    at = dt.datetime.now(dt.UTC) - dt.timedelta(hours=1)
    row = {
        "key": "escalation:MD-1:0:1",
        "kind": "escalation",
        "incident_id": None,
        "digest_id": None,
        "destination": "",
        "priority": "P2",
        "payload": "{}",
        "created_at": at,
        "next_at": at,
    }
    store = Store(f"sqlite:///{world.home / 'store.db'}")
    store.write(lambda connection: outbox.enqueue(connection, [row]))
    assert look(world, instance).endswith("; heartbeat withheld")
    assert len(signs.requests) == 1


def test_a_run_that_is_queued_for_too_long_is_an_incident_of_its_monitor(
    world: SmallWorld, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MONITORING_DAGSTER_DAGSTER_URL", "https://dagster.example.org")
    add(instance, queued(), minutes=50)
    assert look(world, instance) == "all is well"
    run = queued()
    add(instance, run, minutes=70)
    look(world, instance)
    (incident,) = found(world)
    assert incident.monitor == "small"
    assert incident.title.startswith(f"run {run.run_id[:8]} of small_daily is queued since ")
    (link,) = incident.context.links
    assert link.url == f"https://dagster.example.org/runs/{run.run_id}"


def test_a_run_of_another_location_is_nobodys_business() -> None:
    here: Any = SimpleNamespace(code_location_origin=origin("monitoring"))
    runs = [queued("monitoring"), queued("theirs")]
    assert [is_ours(here, run) for run in runs] == [True, False]


def test_daemons_that_take_turns_are_noticed(
    world: SmallWorld, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = HandClock(dt.datetime.now(dt.UTC).timestamp())
    monkeypatch.setattr(sensor_module, "wall_clock", clock.now)
    said = []
    for daemon in ("a", "b", "a", "b", "a"):
        instance.add_daemon_heartbeat(DaemonHeartbeat(clock(), "SENSOR", daemon))
        said.append(look(world, instance))
        clock.advance(60)
    assert said[:2] == ["all is well"] * 2
    assert said[-1].startswith("location: two Dagster daemons run at once")


def test_a_cursor_that_means_nothing_is_a_cursor_to_the_beginning(
    world: SmallWorld, instance: dg.DagsterInstance
) -> None:
    assert look(world, instance, cursor="a monitor that is gone") == "all is well"


def test_a_store_that_is_gone_is_a_failed_tick(
    world: SmallWorld, instance: dg.DagsterInstance
) -> None:
    look(world, instance)
    (world.home / "lake").mkdir(exist_ok=True)
    (world.home / "lake" / "file").write_text("x")
    (world.home / "store.db").unlink()
    with pytest.raises(StoreError, match="there is no such file"):
        look(world, instance)
