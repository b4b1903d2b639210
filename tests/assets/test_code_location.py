from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import dagster as dg
import pytest

from monitoring_dagster.definitions import build_definitions
from monitoring_dagster.monitors.contract import NAME_PATTERN
from monitoring_dagster.monitors.loader import load_folder
from tests.small_world import SmallWorld, days_from

pytestmark = pytest.mark.filterwarnings("ignore")  # Dagster's beta and supersession notes

STAGES = {
    "reference", "features", "predictions", "labels", "profile", "outcomes", "drift",
    "performance", "estimated_performance", "operations", "evaluation",
}  # fmt: skip


@pytest.fixture
def world(tmp_path: Path) -> SmallWorld:
    return SmallWorld(
        tmp_path,
        reference=days_from(dt.date(2026, 1, 1), 7),
        days=days_from(dt.date(2026, 1, 8), 4),
    )


def located(world: SmallWorld) -> dg.Definitions:
    return build_definitions(load_folder(world.monitors))


def test_every_asset_key_is_a_monitor_and_a_stage(world: SmallWorld) -> None:
    keys = {key for key in located(world).resolve_all_asset_keys() if key.path[0] != "location"}
    assert {key.path[-1] for key in keys} == STAGES
    for key in keys:
        monitor, stage = key.path
        assert re.match(NAME_PATTERN, monitor)
        assert stage in STAGES


def test_the_lineage_is_the_days(world: SmallWorld) -> None:
    graph = located(world).resolve_asset_graph()
    upstream = {
        key.path[-1]: {parent.path[-1] for parent in graph.get(key).parent_keys}
        for key in graph.get_all_asset_keys()
        if key.path[0] == "small"
    }
    assert upstream["labels"] == {"predictions"}
    assert upstream["profile"] == {"reference", "features", "predictions"}
    assert upstream["outcomes"] == {"reference", "predictions", "labels"}
    assert upstream["drift"] == upstream["operations"] == {"profile"}
    assert upstream["performance"] == {"outcomes"}
    assert upstream["estimated_performance"] == {"profile", "outcomes"}
    assert upstream["evaluation"] == {
        "profile", "drift", "operations", "outcomes", "performance", "estimated_performance",
    }  # fmt: skip


def test_a_monitor_without_labels_has_no_stage_that_needs_them(world: SmallWorld) -> None:
    text = (world.monitors / "small.yaml").read_text()
    without = re.sub(r"  labels:\n(    .*\n)+", "", text).replace(
        "  outcome: {role: label, type: integer}\n", ""
    )
    (world.monitors / "small.yaml").write_text(without)
    stages = {key.path[-1] for key in located(world).resolve_all_asset_keys()}
    assert stages & STAGES == STAGES - {
        "labels",
        "outcomes",
        "performance",
        "estimated_performance",
    }


def tick(world: SmallWorld, at: str, taken: list[str]) -> list[str | None]:
    schedule = located(world).resolve_schedule_def("small_daily")
    with dg.instance_for_test() as instance:
        for day in taken:
            instance.report_runless_asset_event(
                dg.AssetMaterialization(["small", "profile"], partition=day)
            )
        with dg.build_schedule_context(
            instance=instance, scheduled_execution_time=dt.datetime.fromisoformat(at)
        ) as context:
            found = schedule(context)
    return [] if isinstance(found, dg.SkipReason) else [r.partition_key for r in found]


def test_the_schedule_takes_yesterday_and_the_days_that_were_missed(world: SmallWorld) -> None:
    assert tick(world, "2026-01-11T06:00:00+00:00", ["2026-01-08"]) == ["2026-01-09", "2026-01-10"]


def test_the_schedule_takes_yesterday_again_even_if_it_was_taken(world: SmallWorld) -> None:
    assert tick(world, "2026-01-09T06:00:00+00:00", ["2026-01-08"]) == ["2026-01-08"]


def test_the_schedule_of_a_retired_monitor_rests(world: SmallWorld) -> None:
    text = (world.monitors / "small.yaml").read_text()
    (world.monitors / "small.yaml").write_text(text + "last_day: 2026-01-09\n")
    assert tick(world, "2026-02-09T06:00:00+00:00", []) == []


def test_a_broken_document_shows_as_a_failing_check_of_the_location(world: SmallWorld) -> None:
    world.write_monitor("broken", **{"task: binary": "task: binry"})
    definitions = located(world)
    sensor = definitions.resolve_sensor_def("broken_monitors")
    with dg.build_sensor_context() as context:
        result = sensor(context)
    with dg.build_sensor_context(cursor=result.cursor) as context:
        again = sensor(context)
    (evaluation,) = result.asset_events
    assert isinstance(evaluation, dg.AssetCheckEvaluation)
    assert not evaluation.passed
    assert "broken.yaml:7: model.task" in str(evaluation.metadata["what to mend"].value)
    assert isinstance(again, dg.SkipReason)
    assert {key.path[0] for key in definitions.resolve_all_asset_keys()} == {"small", "location"}
