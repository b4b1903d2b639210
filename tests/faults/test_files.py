"""Rows 24 to 27: files that are broken, damaged, half there, or bombs."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from monitoring_dagster.errors import SnapshotCorrupt
from monitoring_dagster.monitors.contract import Kind
from tests.faults.deployment import DAY, EVENTS, NEXT, Deployment

pytestmark = pytest.mark.filterwarnings("ignore")  # Great Expectations' own, not ours


def flip(path: Path) -> bytes:
    """Flip one bit in the middle of a file; what it was."""
    content = path.read_bytes()
    changed = bytearray(content)
    changed[len(changed) // 2] ^= 1
    path.write_bytes(changed)
    return content


def test_a_damaged_snapshot_is_never_measured_and_measured_again_once_restored(
    deployment: Deployment, sound: Deployment
) -> None:
    deployment.take()
    name = deployment.manifest(Kind.FEATURES).file
    assert name is not None
    path = deployment.lake_folder / "small" / "snapshots" / "features" / str(DAY) / name
    content = flip(path)
    deployment.measure()
    for metric, column in (("wasserstein", "income"), ("null_rate", "age")):
        row = deployment.one(metric, column)
        assert (row["status"], row["reason"]) == ("no_data", "snapshot_corrupt")
    told = deployment.one("snapshot_rows", "@features")
    assert (told["status"], told["reason"]) == ("no_data", "snapshot_corrupt")
    assert "take the day again" in told["detail"]
    assert deployment.one("wasserstein", "probability")["status"] == "ok"
    assert deployment.told(NEXT) == sound.told(NEXT)

    path.write_bytes(content)
    deployment.measure()
    assert deployment.everything() == sound.everything()


@pytest.mark.parametrize(
    "damaged",
    [
        f"snapshots/features/{DAY}/manifest.json",
        f"profiles/{DAY}.parquet",
        f"outcomes/{DAY}.parquet",
        "reference/*/reference.json",
        "reference/*/grid.json",
        "reference/*/profile.parquet",
        "reference/*/outcomes.parquet",
    ],
)
def test_whatever_the_lake_holds_is_refused_by_name_when_it_is_cut(
    sound: Deployment, tmp_path: Path, damaged: str
) -> None:
    sound.store.close()
    deployment = Deployment(shutil.copytree(sound.home, tmp_path / "home"))
    (path,) = (deployment.lake_folder / deployment.name).glob(damaged)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(SnapshotCorrupt, match=rf"{path.name}.* damaged .*restore"):
        measure_what_is_stored(deployment)


@pytest.mark.parametrize("folder", ["profiles", "outcomes"])
def test_a_flipped_bit_in_stored_counts_is_noticed(
    sound: Deployment, tmp_path: Path, folder: str
) -> None:
    sound.store.close()
    deployment = Deployment(shutil.copytree(sound.home, tmp_path / "home"))
    path = deployment.lake_folder / "small" / folder / f"{DAY}.parquet"
    rows = pq.ParquetFile(path).metadata.row_group(0)
    content = bytearray(path.read_bytes())
    for column in range(rows.num_columns):
        part = rows.column(column)
        last = part.data_page_offset + part.total_compressed_size - 1
        content[min(last, len(content) - 1)] ^= 1
    path.write_bytes(content)
    with pytest.raises(SnapshotCorrupt, match=f"the counts in small/{folder}/{DAY}"):
        measure_what_is_stored(deployment)


def measure_what_is_stored(deployment: Deployment) -> None:
    run = deployment.day()
    run.manifests(DAY)
    run.measure_drift([DAY])
    run.measure_performance([DAY])


def test_a_day_that_is_still_written_is_said_to_grow_and_is_measured_once_it_is_whole(
    deployment: Deployment, sound: Deployment
) -> None:
    marked = {
        f"telemetry/{kind}/{{date}}.parquet": f"telemetry/{kind}/{{date}}/*.parquet\n"
        "    success_marker: _SUCCESS"
        for kind in EVENTS
    }
    deployment.write_monitor(**marked)
    for kind in EVENTS:
        for day in deployment.days:
            whole = deployment.source(kind, day)
            folder = whole.with_suffix("")
            folder.mkdir()
            whole.rename(folder / "part-0.parquet")
            if day != DAY:
                (folder / "_SUCCESS").touch()
    deployment.run()
    for metric in ("rows", "requests", "roc_auc", "psi"):
        rows = deployment.measured(metric=metric)
        assert {(row["status"], row["reason"]) for row in rows} == {("no_data", "source_growing")}
    assert deployment.one("rows", day=NEXT)["value"] == 200

    for kind in EVENTS:
        (deployment.source(kind, DAY).with_suffix("") / "_SUCCESS").touch()
    deployment.run()
    assert deployment.everything() == sound.everything()


def test_half_a_file_is_unreadable_and_measured_once_it_is_whole(
    deployment: Deployment, sound: Deployment
) -> None:
    path = deployment.source(Kind.FEATURES, DAY)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    deployment.run()
    row = deployment.one("psi", "income")
    assert (row["status"], row["reason"]) == ("no_data", "source_unreadable")
    assert deployment.one("snapshot_rows", "@features")["detail"].count(path.name) == 1
    path.write_bytes(whole)
    deployment.run()
    assert deployment.everything() == sound.everything()
    assert deployment.revisions("drift") == {DAY: 2, NEXT: 1}


def test_a_day_beyond_the_budget_is_refused_and_the_others_are_measured(
    deployment: Deployment, sound: Deployment
) -> None:
    deployment.limits = {"max_bytes": 10_000_000}
    bomb = np.zeros(5_000_000)  # 40 MB that are a few kB in the file
    ids = pa.DictionaryArray.from_arrays(pa.array(np.zeros(5_000_000, np.int32)), pa.array(["a"]))
    pq.write_table(pa.table({"request": ids, "income": bomb}), deployment.source("features", DAY))
    assert deployment.source("features", DAY).stat().st_size < 100_000
    deployment.run()
    row = deployment.one("psi", "income")
    assert (row["status"], row["reason"]) == ("no_data", "source_refused")
    assert deployment.manifest(Kind.FEATURES).status == "error"
    assert deployment.one("roc_auc")["status"] == "ok"
    assert deployment.told(NEXT) == sound.told(NEXT)
