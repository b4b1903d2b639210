from __future__ import annotations

import datetime as dt
from pathlib import Path

import dagster as dg
import pytest

from monitoring_dagster.definitions import build_definitions
from monitoring_dagster.monitors.loader import load_folder
from monitoring_dagster.resources import Workplace
from monitoring_dagster.running import run_days
from sensors.late_labels import ATTEMPTS, VERSION_TAG
from tests.small_world import SmallWorld, days_from

pytestmark = pytest.mark.filterwarnings("ignore")  # Dagster's and GX's own, not ours


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SmallWorld:
    today = dt.datetime.now(dt.UTC).date()
    small = SmallWorld(
        tmp_path,
        reference=days_from(today - dt.timedelta(days=12), 7),
        days=days_from(today - dt.timedelta(days=5), 3),
    )
    for name, value in small.env.items():
        monkeypatch.setenv(name, value)
    (monitor,) = load_folder(small.monitors).monitors.values()
    assert run_days(monitor, small.days[0], small.days[-1], replay=False).failures == []
    return small


def look(world: SmallWorld, instance: dg.DagsterInstance) -> list[dg.RunRequest]:
    definitions = build_definitions(load_folder(world.monitors))
    sensor = definitions.resolve_sensor_def("late_labels")
    with dg.build_sensor_context(
        instance=instance, definitions=definitions, resources={"workplace": Workplace()}
    ) as context:
        return list(sensor.evaluate_tick(context).run_requests or [])


def end(instance: dg.DagsterInstance, request: dg.RunRequest, status: dg.DagsterRunStatus) -> None:
    tags = {**request.tags, "dagster/partition": str(request.partition_key), "monitor": "small"}
    instance.add_run(dg.DagsterRun(job_name="small_late_labels", tags=tags, status=status))


def test_exactly_the_days_whose_labels_changed_are_asked_for(world: SmallWorld) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        assert look(world, instance) == []
        world.write_labels(world.days[1], share=0.5)
        (request,) = look(world, instance)
    assert request.partition_key == str(world.days[1])
    assert request.job_name == "small_late_labels"


def test_a_failed_run_is_asked_for_again_under_a_new_key_and_not_for_ever(
    world: SmallWorld,
) -> None:
    world.write_labels(world.days[0])
    keys = []
    with dg.DagsterInstance.ephemeral() as instance:
        for _ in range(ATTEMPTS):
            (request,) = look(world, instance)
            keys.append(request.run_key)
            end(instance, request, dg.DagsterRunStatus.FAILURE)
        assert look(world, instance) == []
    assert len(set(keys)) == ATTEMPTS


def test_a_day_whose_run_is_under_way_is_not_asked_for_twice(world: SmallWorld) -> None:
    world.write_labels(world.days[0])
    with dg.DagsterInstance.ephemeral() as instance:
        (request,) = look(world, instance)
        end(instance, request, dg.DagsterRunStatus.STARTED)
        assert look(world, instance) == []


def test_a_day_that_a_backfill_is_about_to_take_is_left_to_it(world: SmallWorld) -> None:
    world.write_labels(world.days[0])
    first, last = str(world.days[0]), str(world.days[-1])
    tags = {
        "monitor": "small",
        "dagster/asset_partition_range_start": first,
        "dagster/asset_partition_range_end": last,
    }
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_run(
            dg.DagsterRun(job_name="small_daily", tags=tags, status=dg.DagsterRunStatus.STARTED)
        )
        assert look(world, instance) == []


def test_labels_that_changed_once_more_are_a_new_version(world: SmallWorld) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        world.write_labels(world.days[0], share=0.5)
        (half,) = look(world, instance)
        world.write_labels(world.days[0])
        (full,) = look(world, instance)
    assert half.tags[VERSION_TAG] != full.tags[VERSION_TAG]
