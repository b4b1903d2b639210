"""What the doctor finds about the daemon: whether it looks after every sensor of the location."""

from __future__ import annotations

import datetime as dt

import dagster as dg
import pytest
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    InstigatorType,
    TickData,
    TickStatus,
)
from dagster_shared.error import SerializableErrorInfo

from monitoring_dagster.definitions import build_definitions
from monitoring_dagster.monitors.loader import load_folder
from tests.doctor.conftest import Patient

pytestmark = pytest.mark.filterwarnings("ignore")  # Dagster's own, not ours


def names(patient: Patient) -> list[str]:
    repository = build_definitions(load_folder(patient.home / "monitors")).get_repository_def()
    return sorted(sensor.name for sensor in repository.sensor_defs)


def evaluated(
    patient: Patient,
    sensor: str,
    ago: dt.timedelta = dt.timedelta(seconds=30),
    failure: str = "",
) -> None:
    """The daemon evaluated the sensor so long ago."""
    home = patient.home / "dagster"
    home.mkdir(exist_ok=True)
    location = RegisteredCodeLocationOrigin("monitoring")
    origin = RemoteInstigatorOrigin(RemoteRepositoryOrigin(location, "__repository__"), sensor)
    state = InstigatorState(origin, InstigatorType.SENSOR, InstigatorStatus.DECLARED_IN_CODE)
    error = SerializableErrorInfo(failure, [], None) if failure else None
    with dg.DagsterInstance.from_config(str(home)) as instance:
        if not instance.get_instigator_state(state.instigator_origin_id, state.selector_id):
            instance.add_instigator_state(state)
        instance.create_tick(
            TickData(
                instigator_origin_id=state.instigator_origin_id,
                selector_id=state.selector_id,
                instigator_name=sensor,
                instigator_type=InstigatorType.SENSOR,
                status=TickStatus.FAILURE if failure else TickStatus.SKIPPED,
                timestamp=(patient.clock.now() - ago).timestamp(),
                error=error,
            )
        )


@pytest.fixture
def daemon(patient: Patient, monkeypatch: pytest.MonkeyPatch) -> Patient:
    """A deployment whose daemon has just evaluated every sensor."""
    for name, value in patient.env.items():
        monkeypatch.setenv(name, value)
    for sensor in names(patient):
        evaluated(patient, sensor)
    return patient


def test_before_the_daemon_was_ever_started_nothing_is_wrong(patient: Patient) -> None:
    finding = patient.findings()["sensors"]
    assert finding.is_well
    assert finding.text.startswith("none was evaluated yet; `dagster dev -w workspace.yaml`")


def test_sensors_that_are_evaluated_are_named(daemon: Patient) -> None:
    finding = daemon.findings()["sensors"]
    assert finding.is_well
    assert finding.text == f"{', '.join(names(daemon))}; the last at 02:39:30 UTC"
    assert "watchdog" in finding.text


def test_a_daemon_that_stands_still_is_told(daemon: Patient) -> None:
    daemon.wait(3600)
    finding = daemon.findings()["sensors"]
    assert not finding.is_well
    assert "none was evaluated since 2026-02-02 02:39 UTC" in finding.text
    assert "the daemon does not run" in finding.text


def test_a_sensor_that_was_turned_off_is_told(daemon: Patient) -> None:
    with dg.DagsterInstance.from_config(str(daemon.home / "dagster")) as instance:
        for state in instance.all_instigator_state():
            if state.instigator_name == "watchdog":
                instance.update_instigator_state(state.with_status(InstigatorStatus.STOPPED))
    assert daemon.findings()["sensors"].text == (
        "watchdog is turned off; turn it on in Dagster, under Automation"
    )


def test_a_sensor_that_fails_is_told_with_its_error(daemon: Patient) -> None:
    evaluated(daemon, "watchdog", dt.timedelta(), failure="the store is gone\n")
    assert daemon.findings()["sensors"].text == (
        "watchdog failed at 02:40:00 UTC: the store is gone"
    )


def test_an_instance_that_cannot_be_opened_is_told_without_what_it_holds(
    daemon: Patient,
) -> None:
    home = daemon.home / "dagster"
    (home / "dagster.yaml").write_text("storage:\n  nonsense: xoxb-SECRET\n", encoding="utf-8")
    finding = daemon.findings()["sensors"]
    assert not finding.is_well
    assert finding.text.startswith(f"Dagster's instance in {home} cannot be opened (")
    assert "SECRET" not in finding.text
