"""Killed at any point, a day holds the old snapshot or the new one; running again heals it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from monitoring_dagster.failpoints import VARIABLE
from monitoring_dagster.monitors.contract import Kind
from monitoring_dagster.telemetry import retention, snapshots
from monitoring_dagster.telemetry.lake import STALE_AFTER, Lake
from tests.telemetry.world import DAY, World

ROOT = Path(__file__).parents[2]

POINTS = [
    "ingest.batch",
    "snapshot.written",
    "lake.written.parquet",
    "snapshot.adopted",
    "lake.written.json",
    "snapshot.committed",
]
BEFORE_COMMIT = POINTS[:-1]

TAKE = """
import sys
from pathlib import Path
from tests.telemetry.world import World
from monitoring_dagster.monitors.contract import Kind
world = World(Path(sys.argv[1]), filed_under=sys.argv[3])
world.take(Kind(sys.argv[2]))
"""


def killed(world: World, point: str, kind: Kind = Kind.FEATURES) -> None:
    """Take the day in a process of its own that is killed at `point`."""
    done = subprocess.run(
        [sys.executable, "-c", TAKE, str(world.home), kind, world.filed_under],
        env={**os.environ, VARIABLE: f"{point}=kill", "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        check=False,
        capture_output=True,
        timeout=120,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()


def undisturbed(world: World, tmp_path: Path, kind: Kind = Kind.FEATURES) -> dict[str, bytes]:
    """What the lake holds when nothing went wrong and nothing came before."""
    lake = Lake(str(tmp_path / "undisturbed"))
    if kind is Kind.LABELS:
        world.take(Kind.PREDICTIONS, lake=lake)
    world.take(kind, lake=lake)
    return {path: lake.read(path) for path in lake.list()}


@pytest.mark.parametrize("point", POINTS)
def test_a_first_snapshot_that_is_killed_is_whole_or_absent_and_is_healed(
    world: World, tmp_path: Path, point: str
) -> None:
    """Rows 1 and 2."""
    world.write_features(6, id=["a", "b", None, "d", "a", "a"], age=[1, 2, 3, 4, 5, 1])
    killed(world, point)
    found = snapshots.manifest(world.lake, "loans", Kind.FEATURES, DAY)
    assert (found is None) == (point in BEFORE_COMMIT)
    if found is not None:
        assert len(world.rows(found)["id"]) == found.rows
    world.take()
    assert world.files() == undisturbed(world, tmp_path)


@pytest.mark.parametrize(
    "point", ["ingest.batch", "snapshot.adopted", "lake.written.json", "snapshot.committed"]
)
def test_a_snapshot_that_is_killed_while_it_is_replaced_is_the_old_or_the_new(
    world: World, tmp_path: Path, point: str
) -> None:
    world.write_features(3, id=["a", "b", None])
    old = world.take()
    world.write_features(6, id=["a", "b", "c", "d", "e", None])
    killed(world, point)
    found = snapshots.manifest(world.lake, "loans", Kind.FEATURES, DAY)
    assert found is not None
    assert found.rows == (2 if point in BEFORE_COMMIT else 5)
    assert (found == old) == (point in BEFORE_COMMIT)
    assert len(world.rows(found)["id"]) == found.rows
    world.take()
    assert world.files() == undisturbed(world, tmp_path)


@pytest.mark.parametrize("point", ["ingest.batch", "lake.written.parquet", "snapshot.adopted"])
def test_labels_by_arrival_that_are_killed_are_healed(
    world: World, tmp_path: Path, point: str
) -> None:
    world.filed_under = "arrival_day"
    world.write_predictions(["a", "b"])
    world.write_labels([("a", 1), ("x", 0)])
    world.take(Kind.PREDICTIONS)
    killed(world, point, Kind.LABELS)
    assert snapshots.manifest(world.lake, "loans", Kind.LABELS, DAY) is None
    assert world.take(Kind.LABELS).rows == 1
    assert world.files() == undisturbed(world, tmp_path, Kind.LABELS)


def test_an_orphan_of_a_crash_is_gone_when_the_source_changed_since(world: World) -> None:
    world.write_features(3)
    killed(world, "snapshot.adopted")
    (orphan,) = world.lake.list()
    world.write_features(4)
    manifest = world.take()
    assert orphan not in world.lake.list()
    assert len(world.lake.list()) == 2
    assert manifest.rows == 4


def test_what_a_killed_process_leaves_behind_is_swept_by_age(world: World) -> None:
    world.write_features(3)
    killed(world, "ingest.batch")
    scratch = world.home / "lake/.scratch"
    (left,) = scratch.iterdir()
    made = left.stat().st_mtime
    os.utime(left, (world.as_of.timestamp(), world.as_of.timestamp()))
    assert made > 0
    assert world.lake.sweep(world.as_of + STALE_AFTER * 0.9) == []
    assert world.lake.sweep(world.as_of + STALE_AFTER * 1.1) == [f".scratch/{left.name}"]


def test_a_partition_whose_deletion_was_killed_is_gone_at_once_and_swept_later(
    world: World,
) -> None:
    world.write_features(3)
    world.take()
    script = (
        "import sys, datetime as dt; from pathlib import Path\n"
        "from tests.telemetry.world import World\n"
        "from monitoring_dagster.telemetry import retention\n"
        "world = World(Path(sys.argv[1]))\n"
        "retention.sweep(world.lake, world.monitor, dt.date(2028, 1, 1))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(world.home)],
        env={**os.environ, VARIABLE: "lake.in_trash=kill", "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        check=False,
        timeout=120,
    )
    assert done.returncode == -signal.SIGKILL
    assert world.lake.list() == []
    (grave,) = (world.home / "lake/.trash").iterdir()
    os.utime(grave, (world.as_of.timestamp(), world.as_of.timestamp()))
    assert world.lake.sweep(world.as_of + STALE_AFTER * 1.1) == [f".trash/{grave.name}"]
    assert retention.expired(world.lake, world.monitor, DAY) == []


def test_every_failpoint_of_the_room_is_killed_in_a_test() -> None:
    source = "\n".join(
        path.read_text() for path in (ROOT / "monitoring_dagster/telemetry").glob("*.py")
    )
    named = set(re.findall(r'failpoint\("([^"]+)"\)', source))
    assert named == {p for p in POINTS if not p.startswith("lake.written")} | {"lake.in_trash"}
    assert re.findall(r'failpoint\(f"([^"]+)"\)', source) == ["lake.written{target.suffix}"]


def test_what_was_stored_reads_as_parquet_with_checksums_on(world: World) -> None:
    world.write_features(3)
    with snapshots.data(world.lake, world.take()) as path:
        assert pq.read_table(path, page_checksum_verification=True).num_rows == 3
