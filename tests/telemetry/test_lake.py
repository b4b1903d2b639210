"""The lake: whole files or none, below the root, for their owner only."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path

import pytest

from monitoring_dagster.errors import SettingInvalid
from monitoring_dagster.failpoints import VARIABLE, FailpointReached
from monitoring_dagster.telemetry.lake import Lake

NOW = dt.datetime(2026, 1, 10, tzinfo=dt.UTC)


@pytest.fixture(params=["a local folder", "an object store"])
def lake(request: pytest.FixtureRequest, tmp_path: Path) -> Lake:
    if request.param == "a local folder":
        return Lake(str(tmp_path / "lake"))
    return Lake(f"memory://{tmp_path.name}/lake")


def test_what_was_written_is_read_back_and_replaced_as_a_whole(lake: Lake) -> None:
    lake.write("loans/a.json", b"old")
    lake.write("loans/a.json", b"new")
    assert lake.read("loans/a.json") == b"new"
    assert lake.exists("loans/a.json")


def test_an_adopted_file_is_moved(lake: Lake, tmp_path: Path) -> None:
    with lake.scratch() as scratch:
        made = scratch / "made"
        made.write_bytes(b"rows")
        lake.adopt(made, "loans/day/rows.parquet")
        assert not made.exists()
    assert not scratch.exists()
    with lake.local("loans/day/rows.parquet") as path:
        assert path.read_bytes() == b"rows"


def test_files_are_listed_in_order_at_any_depth(lake: Lake) -> None:
    for name in ("b/2", "b/1/x", "a"):
        lake.write(name, b"")
    assert lake.list() == ["a", "b/1/x", "b/2"]
    assert lake.list("b") == ["b/1/x", "b/2"]
    assert lake.list("nothing") == []


def test_what_is_gone_may_be_deleted_again(lake: Lake) -> None:
    lake.write("a/b", b"")
    lake.delete("a/b")
    lake.delete("a/b")
    assert not lake.exists("a/b")
    with pytest.raises(FileNotFoundError):
        lake.read("a/b")
    with pytest.raises(FileNotFoundError), lake.local("a/b"):
        pass


def test_a_dropped_folder_takes_its_files_and_nothing_else_with_it(lake: Lake) -> None:
    lake.write("a/x/1", b"")
    lake.write("a/xy/1", b"")
    lake.drop("a/x")
    lake.drop("a/x")
    assert lake.list() == ["a/xy/1"]


@pytest.mark.parametrize(
    "path",
    ["../x", "a/../../x", "/etc/passwd", "a//b", "", "a/./b", ".scratch/x", "a\\b", "a\0b", "a/"],
)
def test_no_path_leaves_the_root(lake: Lake, path: str) -> None:
    for call in (lake.read, lake.exists, lake.delete, lambda p: lake.write(p, b"")):
        with pytest.raises(ValueError, match="is not a path of the lake"):
            call(path)


def test_a_link_out_of_the_root_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/secret").write_bytes(b"secret")
    lake = Lake(str(tmp_path / "lake"))
    (tmp_path / "lake/link").symlink_to(tmp_path / "outside")
    with pytest.raises(ValueError, match="through a symbolic link"):
        lake.read("link/secret")
    with pytest.raises(ValueError, match="through a symbolic link"):
        lake.write("link/new", b"")
    assert sorted(p.name for p in (tmp_path / "outside").iterdir()) == ["secret"]


def test_files_are_for_their_owner_only(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        lake = Lake(str(tmp_path / "lake"))
        lake.write("loans/day/manifest.json", b"")
        with lake.scratch() as scratch:
            (scratch / "made").write_bytes(b"")
            lake.adopt(scratch / "made", "loans/day/rows")
    finally:
        os.umask(before)
    root = tmp_path / "lake"
    for folder in (root, root / "loans", root / "loans/day"):
        assert folder.stat().st_mode & 0o777 == 0o700
    for file in ("manifest.json", "rows"):
        assert (root / "loans/day" / file).stat().st_mode & 0o777 == 0o600


def test_what_a_dead_process_left_is_swept_once_it_is_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = Lake(str(tmp_path / "lake"))
    monkeypatch.setenv(VARIABLE, "lake.written.json=raise")
    with pytest.raises(FailpointReached):
        lake.write("loans/a.json", b"half")
    scratch = tmp_path / "lake/.scratch/dead"
    scratch.mkdir(parents=True)
    leftovers = [scratch, *(tmp_path / "lake/loans").iterdir()]
    assert len(leftovers) == 2
    for leftover in leftovers:
        os.utime(leftover, (NOW.timestamp(), NOW.timestamp()))
    assert lake.list() == []
    assert lake.sweep(NOW + dt.timedelta(hours=23)) == []
    assert len(lake.sweep(NOW + dt.timedelta(hours=25))) == 2
    assert not any(leftover.exists() for leftover in leftovers)


def test_chained_file_systems_are_refused() -> None:
    with pytest.raises(SettingInvalid, match="chains file systems"):
        Lake("simplecache::s3://bucket/lake")


def test_a_file_system_that_is_not_installed_is_named() -> None:
    with pytest.raises(SettingInvalid, match="lake 'nowhere://bucket/lake' cannot be opened: "):
        Lake("nowhere://bucket/lake")
