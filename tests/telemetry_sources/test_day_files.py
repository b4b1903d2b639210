"""The files of a day: in order, complete, unchanged; local and in an object store alike."""

from __future__ import annotations

import os

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from monitoring_dagster.errors import (
    SourceGrowing,
    SourceMissing,
    SourceRefused,
    SourceUnreadable,
)
from tests.telemetry_sources.conftest import DAY

BUCKET = "memory://lake/telemetry"


def put(room, name: str, data: dict[str, object]) -> None:
    path = room.folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(data), path)


def test_files_are_read_in_the_order_of_their_names(room, parquet):
    for part in ("part-2", "part-10", "part-1"):
        put(room, f"{DAY}/{part}.parquet", {"id": [part]})
    ids = room.read(parquet("telemetry/{date}/*.parquet"))["id"].to_pylist()
    assert ids == ["part-1", "part-10", "part-2"]


def test_a_wildcard_stands_for_any_part_of_one_name(room, csv):
    for name in ("eu/a", "us/b", "us/deep/c"):
        path = room.folder / f"{name}-{DAY}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"id\n{name}\n")
    (room.folder / "us" / "_SUCCESS-2026-03-04.csv").write_text("")
    (room.folder / "us" / f".b-{DAY}.csv").write_text("not data")
    assert room.read(csv("telemetry/*/*-{date}.csv"))["id"].to_pylist() == ["eu/a", "us/b"]


def test_other_characters_of_patterns_are_ordinary(room, csv):
    (room.folder / f"[a-z]?{DAY}.csv").write_text("id\nright\n")
    (room.folder / f"bx{DAY}.csv").write_text("id\nwrong\n")
    assert room.read(csv("telemetry/[a-z]?*.csv"))["id"].to_pylist() == ["right"]
    assert room.read(csv("telemetry/[a-z]?{date}.csv"))["id"].to_pylist() == ["right"]


def test_columns_of_several_files_meet_by_name_in_the_wider_type(room, parquet):
    put(room, "a.parquet", {"id": pa.array([1], pa.int32()), "x": [1]})
    put(room, "b.parquet", {"x": [0.5], "new": [1]})
    put(room, "c.parquet", {"x": pa.nulls(1), "id": pa.array([2**40])})
    reading = room.open(parquet("telemetry/*.parquet"))
    table = pa.Table.from_batches(list(reading.batches))
    assert table.to_pydict() == {"id": [1, None, 2**40], "x": [1.0, 0.5, None]}
    assert table.schema.types == [pa.int64(), pa.float64()]
    assert reading.undeclared == ("new",)


def test_categories_and_texts_meet_as_text(room, parquet):
    put(room, "a.parquet", {"id": pa.array(["a"]).dictionary_encode()})
    put(room, "b.parquet", {"id": ["b"]})
    assert room.read(parquet("telemetry/*.parquet"))["id"].to_pylist() == ["a", "b"]


def test_types_that_nothing_covers_name_both_files(room, parquet):
    put(room, "a.parquet", {"id": ["a"], "x": [1]})
    put(room, "b.parquet", {"id": ["b"], "x": ["one"]})
    with pytest.raises(
        SourceUnreadable, match=r"'x' is int64 in .*a.parquet and string in .*b.par"
    ):
        room.open(parquet("telemetry/*.parquet"))


def test_types_of_columns_that_nobody_declared_may_differ(room, parquet):
    put(room, "a.parquet", {"id": ["a"], "other": [1]})
    put(room, "b.parquet", {"id": ["b"], "other": ["one"]})
    assert room.read(parquet("telemetry/*.parquet"))["id"].to_pylist() == ["a", "b"]


def test_a_value_that_the_wider_type_cannot_hold_is_not_rounded(room, parquet):
    put(room, "a.parquet", {"id": ["a"], "x": [2**53 + 1]})
    put(room, "b.parquet", {"id": ["b"], "x": [0.5]})
    with pytest.raises(SourceUnreadable, match=r"'x' of .*a.parquet is int64"):
        room.read(parquet("telemetry/*.parquet"))


def test_csv_files_may_have_their_columns_in_any_order(room, csv):
    (room.folder / "a.csv").write_text("id,x\na,1\n")
    (room.folder / "b.csv").write_text("x,id\n2,b\n")
    (room.folder / "c.csv").write_text("id\nc\n")
    table = room.read(csv("telemetry/*.csv"))
    assert table.to_pydict() == {"id": ["a", "b", "c"], "x": ["1", "2", None]}


def test_a_broken_line_says_in_which_file_it_is(room, csv):
    (room.folder / "a.csv").write_text("id,x\na,1\n")
    (room.folder / "b.csv").write_text("id,x\nb\n")
    reading = room.open(csv("telemetry/*.csv"))
    list(reading.batches)
    assert [(u.file, u.line) for u in reading.unparsable] == [("b.csv", 2)]


@pytest.mark.parametrize("place", ["telemetry", BUCKET], ids=["in a folder", "in a bucket"])
def test_a_day_is_read_only_when_its_marker_is_there(place, room, parquet, bucket):
    store = bucket if "://" in place else None
    source = parquet(f"{place}/{{date}}/*.parquet", success_marker="_SUCCESS")

    def write(name: str, data: bytes) -> None:
        if store is not None:
            store.pipe_file(f"/lake/telemetry/{DAY}/{name}", data)
        else:
            path = room.folder / f"{DAY}" / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(data)

    with pytest.raises(SourceMissing):
        room.open(source)
    write("a.parquet", parquet_bytes({"id": ["a"]}))
    with pytest.raises(SourceGrowing, match="_SUCCESS"):
        room.open(source)
    assert room.version(source) is None
    write("_SUCCESS", b"")
    assert room.read(source)["id"].to_pylist() == ["a"]
    assert room.version(source) is not None


def parquet_bytes(data: dict[str, object]) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(data), sink)
    return sink.getvalue().to_pybytes()


def test_a_marker_may_carry_the_day(room, csv):
    (room.folder / f"{DAY}.csv").write_text("id\na\n")
    (room.folder / f"{DAY}.done").touch()
    assert room.read(csv(success_marker="{date}.done")).num_rows == 1


@pytest.mark.parametrize("change", ["appended to", "removed", "replaced", "joined by another"])
def test_a_file_that_changes_while_it_is_read_is_growing(change, room, csv):
    path = room.folder / f"a-{DAY}.csv"
    path.write_text("id,x\n" + "a,1\n" * 2_000_000)
    batches = room.open(csv("telemetry/*-{date}.csv")).batches
    next(batches)
    if change == "appended to":
        with path.open("a") as file:
            file.write("b,2\n")
    elif change == "removed":
        path.unlink()
    elif change == "replaced":
        other = path.with_suffix(".tmp")
        other.write_bytes(path.read_bytes())
        other.replace(path)
    else:
        (room.folder / f"b-{DAY}.csv").write_text("id,x\n")
    with pytest.raises(SourceGrowing, match=f"{DAY}"):
        list(batches)


def test_a_file_that_was_cut_between_opening_and_reading_is_growing_not_broken(room, parquet):
    put(room, f"{DAY}.parquet", {"id": ["a"] * 1_000})
    batches = room.open(parquet()).batches
    path = room.folder / f"{DAY}.parquet"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(SourceGrowing):
        list(batches)


def test_an_object_that_is_written_again_is_growing(room, csv, bucket):
    bucket.pipe_file(f"/lake/telemetry/{DAY}.csv", b"id,x\n" + b"a,1\n" * 2_000_000)
    batches = room.open(csv(f"{BUCKET}/{{date}}.csv")).batches
    next(batches)
    bucket.pipe_file(f"/lake/telemetry/{DAY}.csv", b"id,x\n" + b"a,1\n" * 2_000_001)
    with pytest.raises(SourceGrowing):
        list(batches)


def test_who_stops_early_hears_nothing_of_later_changes(room, csv):
    path = room.folder / f"{DAY}.csv"
    path.write_text("id,x\n" + "a,1\n" * 2_000_000)
    batches = room.open(csv()).batches
    next(batches)
    path.unlink()
    batches.close()


def test_an_object_store_is_read_like_a_folder(room, parquet, csv, bucket):
    for part in ("b", "a"):
        bucket.pipe_file(f"/lake/telemetry/{DAY}/{part}.parquet", parquet_bytes({"id": [part]}))
    bucket.pipe_file(f"/lake/telemetry/{DAY}/_SUCCESS", b"")
    bucket.pipe_file(f"/lake/telemetry/{DAY}/deep/c.parquet", parquet_bytes({"id": ["c"]}))
    bucket.pipe_file("/lake/telemetry/x.csv", b"id,x\na,\n")
    ids = room.read(parquet(f"{BUCKET}/{{date}}/*"))["id"].to_pylist()
    assert ids == ["a", "b"]
    assert room.read(csv(f"{BUCKET}/x.csv")).to_pydict() == {"id": ["a"], "x": [None]}
    with pytest.raises(SourceMissing):
        room.open(csv(f"{BUCKET}/y.csv"))
    with pytest.raises(SourceMissing):
        room.open(csv(f"{BUCKET}/nowhere/*.csv"))


def test_an_error_of_an_object_store_is_one_of_ours(room, parquet, bucket, monkeypatch):
    def broken(*args: object, **kwargs: object) -> None:
        raise RuntimeError("token expired")

    monkeypatch.setattr(type(bucket), "info", broken)
    with pytest.raises(SourceUnreadable, match="RuntimeError: token expired"):
        room.open(parquet(f"{BUCKET}/x.parquet"))


def test_a_file_that_must_not_be_read_is_refused(room, csv, monkeypatch):
    (room.folder / f"{DAY}.csv").write_text("id\na\n")

    def forbidden(*args: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(pa, "OSFile", forbidden)
    with pytest.raises(SourceRefused, match="right to read"):
        room.open(csv())


class TestTheVersion:
    def test_is_that_of_the_reading(self, room, csv):
        (room.folder / f"{DAY}.csv").write_text("id\na\n")
        assert room.open(csv()).version == room.version(csv())

    def test_stays_when_nothing_but_the_time_changes(self, room, csv):
        path = room.folder / f"{DAY}.csv"
        path.write_text("id\na\n")
        before = room.version(csv())
        os.utime(path, (1, 1))
        assert room.version(csv()) == before
        path.write_text("id\na\n")
        assert room.version(csv()) == before

    def test_changes_with_the_content_even_if_size_and_time_do_not(self, room, csv):
        path = room.folder / f"{DAY}.csv"
        path.write_text("id\na\n")
        os.utime(path, (1, 1))
        before = room.version(csv())
        path.write_text("id\nb\n")
        os.utime(path, (1, 1))
        assert room.version(csv()) != before

    def test_changes_when_a_file_comes_or_goes(self, room, csv):
        source = csv("telemetry/*.csv")
        (room.folder / "a.csv").write_text("id\na\n")
        before = room.version(source)
        (room.folder / "b.csv").write_text("id\n")
        assert room.version(source) != before
        (room.folder / "b.csv").unlink()
        assert room.version(source) == before

    def test_changes_when_a_large_file_is_written_again(self, room, csv):
        path = room.folder / f"{DAY}.csv"
        path.write_text("id\n" + "a\n" * 5_000_000)
        os.utime(path, (1, 1))
        before = room.version(csv())
        os.utime(path, (2, 2))
        assert room.version(csv()) != before

    def test_of_an_object_follows_its_content(self, room, csv, bucket):
        source = csv(f"{BUCKET}/x.csv")
        assert room.version(source) is None
        bucket.pipe_file("/lake/telemetry/x.csv", b"id\na\n")
        before = room.version(source)
        bucket.pipe_file("/lake/telemetry/x.csv", b"id\na\n")
        assert room.version(source) == before
        bucket.pipe_file("/lake/telemetry/x.csv", b"id\nb\n")
        assert room.version(source) != before

    def test_of_an_object_with_a_checksum_reads_no_content(self, room, csv, bucket, monkeypatch):
        bucket.pipe_file("/lake/telemetry/x.csv", b"id\na\n")
        real, etags = type(bucket).info, iter(["one", "one", "two"])
        monkeypatch.setattr(
            type(bucket), "info", lambda self, path, **_: real(self, path) | {"ETag": next(etags)}
        )
        monkeypatch.setattr(type(bucket), "_open", None)
        source = csv(f"{BUCKET}/x.csv")
        one, same, two = (room.version(source) for _ in range(3))
        assert one == same != two
