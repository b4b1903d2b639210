"""Snapshots: what a day's source becomes, whatever it looks like."""

from __future__ import annotations

import datetime as dt
import math
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from monitoring_dagster.errors import SnapshotCorrupt, SnapshotMissing
from monitoring_dagster.monitors.contract import Kind
from monitoring_dagster.telemetry import snapshots
from monitoring_dagster.telemetry.lake import Lake
from tests.telemetry.world import DAY, World, noon


def stamps(*instants: dt.datetime | None) -> pa.Array:
    return pa.array(instants, pa.timestamp("us", "UTC"))


def test_a_day_is_stored_as_declared(world: World) -> None:
    world.write_features(3)
    manifest = world.take()
    assert (manifest.status, manifest.rows, manifest.quarantined) == ("ok", 3, {})
    assert world.rows(manifest) == {
        "id": ["r0", "r1", "r2"],
        "at": [noon()] * 3,
        "age": [20, 21, 22],
        "income": [1000.5, 1001.5, 1002.5],
        "region": ["north", "south", "north"],
    }
    assert manifest.source_version
    assert manifest.config_hash == world.monitor.config_hash
    assert snapshots.manifest(world.lake, "loans", Kind.FEATURES, DAY) == manifest
    assert list(world.files()) == [
        f"loans/snapshots/features/2026-01-05/{manifest.file}",
        "loans/snapshots/features/2026-01-05/manifest.json",
    ]


def test_the_stored_types_are_those_of_the_contract(world: World) -> None:
    world.write_features(2, age=pa.array([1.0, None]), income=pa.array([1, 2], pa.uint8()))
    with snapshots.data(world.lake, world.take()) as path:
        schema = pq.read_schema(path)
    assert schema == pa.schema(
        {
            "id": pa.string(),
            "at": pa.timestamp("us", "UTC"),
            "age": pa.int64(),
            "income": pa.float64(),
            "region": pa.string(),
        }
    )


def test_the_same_input_gives_the_same_bytes_in_another_lake_at_another_time(
    world: World, tmp_path: Path
) -> None:
    world.write_features(500, id=[f"r{i % 400}" for i in range(500)])
    first = world.take()
    other = Lake(str(tmp_path / "other"))
    second = world.take(lake=other, as_of=world.as_of + dt.timedelta(days=3))
    assert first.conflicts == 100
    for name in (first.file, first.quarantine_file):
        assert name is not None
    mine = {p: b for p, b in world.files().items() if p.endswith(".parquet")}
    assert mine == {p: other.read(p) for p in other.list() if p.endswith(".parquet")}
    assert len(mine) == 2
    assert first == second.model_copy(update={"as_of": first.as_of})


def test_how_the_source_is_cut_into_row_groups_leaves_no_trace(world: World) -> None:
    table = pq.read_table(world.write_features(1_000))
    pq.write_table(table, world.path(Kind.FEATURES), row_group_size=7)
    first = world.take()
    pq.write_table(table, world.path(Kind.FEATURES), row_group_size=333)
    assert world.take().sha256 == first.sha256


def test_taking_an_unchanged_day_again_writes_nothing(world: World) -> None:
    world.write_features()
    first = world.take()
    before = {p: p.stat().st_mtime_ns for p in (world.home / "lake").rglob("*") if p.is_file()}
    assert world.take(as_of=world.as_of + dt.timedelta(days=1)) == first
    after = {p: p.stat().st_mtime_ns for p in (world.home / "lake").rglob("*") if p.is_file()}
    assert before == after


def test_a_change_of_the_document_that_shapes_no_snapshot_takes_nothing_anew(
    world: World,
) -> None:
    world.write_features()
    first = world.take()
    world.changes = {"description": "now with a description"}
    assert world.take() == first


def test_a_changed_source_replaces_the_snapshot_and_its_file(world: World) -> None:
    world.write_features(3)
    first = world.take()
    world.write_features(5)
    second = world.take()
    assert (first.rows, second.rows) == (3, 5)
    assert [p for p in world.lake.list() if p.endswith(".parquet")] == [
        f"loans/snapshots/features/2026-01-05/{second.file}"
    ]


def test_a_column_declared_later_takes_the_day_anew(world: World) -> None:
    world.write_features(2, job=["a", "b"])
    assert world.take().undeclared == ["job"]
    world.columns["job"] = {"role": "feature", "type": "category"}
    again = world.take()
    assert again.undeclared == []
    assert world.rows(again)["job"] == ["a", "b"]


# --- rows that repeat an id (rows 5 and 6) -------------------------------------------------


def test_exact_copies_of_a_row_are_dropped_and_counted(world: World) -> None:
    world.write_features(
        4,
        id=["a", "b", "a", "a"],
        age=[1, 2, 1, 1],
        income=[math.nan] * 4,
        region=["x", None, "x", "x"],
    )
    manifest = world.take()
    assert (manifest.rows, manifest.duplicates, manifest.conflicts) == (2, 2, 0)
    assert world.rows(manifest)["id"] == ["a", "b"]
    assert manifest.quarantined == {}


def test_of_rows_that_share_an_id_the_first_is_kept_and_the_others_are_quarantined(
    world: World,
) -> None:
    world.write_features(
        5, id=["a", "b", "a", "a", "a"], age=[1, 2, 3, 1, 4], region=["x"] * 5, income=[1.0] * 5
    )
    manifest = world.take()
    assert (manifest.rows, manifest.duplicates, manifest.conflicts) == (2, 1, 2)
    assert manifest.quarantined == {"conflicting_id": 2}
    assert world.rows(manifest)["age"] == [1, 2]
    assert [(row["id"], row["age"], row["@row"]) for row in world.quarantined(manifest)] == [
        ("a", "3", 2),
        ("a", "4", 4),
    ]


def test_repeated_ids_are_found_across_row_groups(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitoring_dagster.telemetry.parquet_file.ROW_GROUP", 8)
    monkeypatch.setattr("monitoring_dagster.telemetry.duplicates.ROW_GROUP", 8)
    ids = [f"r{i}" for i in range(30)] + ["r3", "r29"]
    world.write_features(32, id=ids, age=[*range(30), 3, 99], region=["x"] * 32, income=[0.0] * 32)
    manifest = world.take()
    assert (manifest.rows, manifest.duplicates, manifest.conflicts) == (30, 1, 1)
    assert world.rows(manifest)["age"] == list(range(30))


# --- time (rows 10 and 11) -----------------------------------------------------------------


def test_events_that_are_not_of_the_day_are_quarantined_with_the_reason(world: World) -> None:
    as_of = noon(hour=18)
    times = stamps(
        noon(),
        noon(hour=18, minute=5),
        noon(hour=18, minute=6),
        noon(DAY - dt.timedelta(days=1)),
        dt.datetime(1969, 12, 31, tzinfo=dt.UTC),
        dt.datetime(9999, 12, 31, tzinfo=dt.UTC),
        None,
    )
    world.write_features(7, at=times)
    manifest = world.take(as_of=as_of)
    assert manifest.quarantined == {
        "in_future": 1,
        "outside_day": 1,
        "timestamp_out_of_bounds": 2,
    }
    assert world.rows(manifest)["id"] == ["r0", "r1", "r6"]
    assert manifest.columns["at"].nulls == 1


def test_an_event_that_was_in_the_future_is_taken_once_it_is_not(world: World) -> None:
    world.write_features(2, at=stamps(noon(), noon(hour=20)))
    assert world.take(as_of=noon(hour=18)).rows == 1
    assert world.take().rows == 2


def test_a_day_has_23_hours_when_the_clock_changes(world: World) -> None:
    world.changes = {"time_zone": "America/New_York"}
    day = dt.date(2026, 3, 8)
    start = dt.datetime(2026, 3, 8, 5, tzinfo=dt.UTC)
    last = start + dt.timedelta(hours=23, microseconds=-1)
    times = stamps(start, last, last + dt.timedelta(microseconds=1))
    world.write_features(3, day=day, at=times)
    manifest = world.take(day=day, as_of=start + dt.timedelta(days=2))
    assert world.rows(manifest)["id"] == ["r0", "r1"]
    assert manifest.quarantined == {"outside_day": 1}


def test_local_times_are_read_in_the_zone_of_their_column_and_doubts_are_recorded(
    world: World,
) -> None:
    world.changes = {"time_zone": "America/New_York"}
    world.columns["at"] = {**world.columns["at"], "time_zone": "Europe/Paris"}
    day = dt.date(2026, 10, 25)  # Paris has 2:30 twice
    once = dt.datetime(2026, 10, 25, 14)  # noqa: DTZ001
    naive = pa.array([once, None], pa.timestamp("ms"))
    twice = pa.array([once, once.replace(hour=2, minute=30)], pa.timestamp("ms"))
    late = dt.datetime(2026, 10, 27, tzinfo=dt.UTC)
    world.write_features(2, day=day, at=naive)
    manifest = world.take(day=day, as_of=late)
    assert world.rows(manifest)["at"] == [dt.datetime(2026, 10, 25, 13, tzinfo=dt.UTC), None]
    world.write_features(2, day=day, at=twice)
    manifest = world.take(day=day, as_of=late)
    assert manifest.columns["at"].detail == "1 ambiguous local times taken as the earlier"
    assert manifest.quarantined == {"outside_day": 1}  # 0:30 UTC is the day before in New York


def test_of_a_source_that_is_not_filed_by_day_only_the_rows_of_the_day_are_taken(
    world: World,
) -> None:
    world.changes = {
        "telemetry": {"features": {"kind": "csv", "path": "events.csv"}},
    }
    world.columns = {n: world.columns[n] for n in ("id", "at", "age")}
    world.columns["id"] = {"role": "id", "in": ["features"]}
    world.columns["at"] = {"role": "timestamp", "in": ["features"]}
    lines = [
        "id,at,age",
        "a,2026-01-04T23:59:59Z,1",
        "b,2026-01-05T00:00:00Z,2",
        "c,2026-01-05T12:00:00Z,x",
        "d,2026-01-06T00:00:00Z,x",
        "e,soon,5",
    ]
    path = world.home / "source/events.csv"
    path.parent.mkdir(parents=True)
    path.write_text("\n".join(lines) + "\n")
    manifest = world.take()
    assert world.rows(manifest) == {"id": ["b"], "at": [noon(hour=0)], "age": [2]}
    assert manifest.quarantined == {"unparsable_value": 2}
    assert [(q["@column"], q["@row"]) for q in world.quarantined(manifest)] == [
        ("age", 2),
        ("at", 4),
    ]


# --- columns (rows 13, 14, 15, 18, 22, 23) -------------------------------------------------


def test_a_column_that_is_not_declared_is_counted_and_not_stored(world: World) -> None:
    world.write_features(2, surprise=["secret-value-1", "secret-value-2"])
    manifest = world.take()
    assert (manifest.undeclared, manifest.undeclared_count) == (["surprise"], 1)
    assert "surprise" not in world.rows(manifest)
    assert not any(b"secret-value" in content for content in world.files().values())


def test_of_ten_thousand_undeclared_columns_a_hundred_are_named(world: World) -> None:
    world.write_features(2, **{f"extra_{i}": [0.5, 0.5] for i in range(10_000)})
    manifest = world.take()
    assert manifest.status == "ok"
    assert (len(manifest.undeclared), manifest.undeclared_count) == (100, 10_000)


def test_a_column_that_was_removed_is_null_and_flagged_and_the_others_go_on(world: World) -> None:
    world.write_features(3, income=None)
    manifest = world.take()
    assert manifest.status == "ok"
    assert world.rows(manifest)["income"] == [None] * 3
    state = manifest.columns["income"]
    assert (state.status, state.reason, state.nulls) == ("missing", "column_missing", 3)
    assert manifest.missing_columns == ["income"]


def test_a_renamed_column_is_found_under_its_source_name(world: World) -> None:
    world.columns["income"] = {**world.columns["income"], "source_name": "income_eur"}
    world.write_features(2, income=None, income_eur=[1.0, 2.0])
    manifest = world.take()
    assert world.rows(manifest)["income"] == [1.0, 2.0]
    assert manifest.undeclared == []


def test_without_the_id_column_the_day_is_an_error(world: World) -> None:
    world.write_features(3, id=None)
    manifest = world.take()
    assert (manifest.status, manifest.reason, manifest.file) == ("error", "column_missing", None)
    assert "'id' of role id is not in the source" in manifest.detail


def test_a_type_that_changed_without_loss_goes_unnoticed(world: World) -> None:
    world.write_features(3)
    first = world.take()
    world.write_features(
        3,
        age=["20", "21", "22"],
        income=pa.array([1000.5, 1001.5, 1002.5]).cast(pa.decimal128(9, 2)),
    )
    assert world.take().sha256 == first.sha256


def test_a_column_whose_type_changed_is_unreadable_and_no_row_is_lost(world: World) -> None:
    world.write_features(4, age=["young", "old", "old", "44"], income=[[1.0]] * 4)
    manifest = world.take()
    assert (manifest.status, manifest.rows, manifest.quarantined) == ("ok", 4, {})
    assert world.rows(manifest)["age"] == [None] * 4
    assert {n: s.status for n, s in manifest.columns.items() if s.status != "ok"} == {
        "age": "unreadable",
        "income": "unreadable",
    }
    assert manifest.columns["age"].detail == (
        "3 of 4 values (type string, such as 'aaaaa') are not integers"
    )
    assert (
        manifest.columns["income"].detail == "values of type list<element: double> are not numbers"
    )


def test_a_few_values_that_cannot_be_cast_cost_their_rows_only(world: World) -> None:
    world.write_features(4, age=["20", "21", "x7", None])
    manifest = world.take()
    assert manifest.quarantined == {"unparsable_value": 1}
    assert world.rows(manifest)["age"] == [20, 21, None]
    (refused,) = world.quarantined(manifest)
    assert (refused["@column"], refused["@row"], refused["id"], refused["age"]) == (
        "age",
        2,
        "r2",
        "a9",
    )
    assert manifest.columns["age"].detail.startswith("1 of 3 values (type string, such as 'a9')")


def test_rows_without_an_id_are_quarantined(world: World) -> None:
    world.write_features(4, id=["a", None, "", " "])
    manifest = world.take()
    assert (manifest.rows, manifest.quarantined) == (1, {"no_id": 3})


def test_a_column_of_nulls_is_stored_and_counted(world: World) -> None:
    world.write_features(3, income=pa.nulls(3), region=pa.nulls(3, pa.string()))
    manifest = world.take()
    assert manifest.columns["income"].status == "ok"
    assert manifest.columns["income"].nulls == manifest.columns["region"].nulls == 3


def test_predictions_of_nothing_but_nan_are_stored_as_nan(world: World) -> None:
    world.write_predictions(["a", "b"], score=[math.nan, math.nan])
    manifest = world.take(Kind.PREDICTIONS)
    assert manifest.status == "ok"
    assert all(math.isnan(score) for score in world.rows(manifest)["score"])


def test_extreme_numbers_are_stored_as_they_are(world: World) -> None:
    values = [math.inf, -math.inf, -0.0, 5e-324, 1.7e308]
    world.write_features(5, income=values)
    stored = world.rows(world.take())["income"]
    assert stored == values
    assert math.copysign(1, stored[2]) == -1


def test_hostile_category_names_stay_apart_and_words_that_look_missing_stay(world: World) -> None:
    names = [
        "x" * 1_000_000,
        "x" * 999_999,
        "a\0b",
        "ab",
        "nan",
        "None",
        "",
        "👩‍👧",
        "\u202eabc",
        None,
    ]
    world.write_features(10, region=names)
    manifest = world.take()
    stored = world.rows(manifest)["region"]
    assert len(set(stored)) == 10
    assert stored[3:] == names[3:]
    assert all(len(name) <= 256 and "\0" not in name for name in stored[:-1])


def test_a_row_of_a_hundred_megabytes_is_cut_not_fatal(world: World) -> None:
    world.write_features(2, region=["y" * 100_000_000, "north"])
    manifest = world.take()
    assert manifest.status == "ok"
    assert manifest.bytes < 10_000


# --- days without data (rows 16 and 24) ----------------------------------------------------


def test_a_day_without_a_source_is_no_data(world: World) -> None:
    manifest = world.take()
    assert (manifest.status, manifest.reason) == ("no_data", "source_missing")
    with pytest.raises(SnapshotMissing, match="no snapshot of the features of loans on 2026-01-05"):
        snapshots.data(world.lake, manifest).__enter__()


def test_a_day_without_rows_is_no_data(world: World) -> None:
    world.write_features(0)
    manifest = world.take()
    assert (manifest.status, manifest.reason, manifest.rows) == ("no_data", "no_rows", 0)


def test_a_day_whose_rows_are_all_refused_says_so(world: World) -> None:
    world.write_features(3, at=stamps(*[noon(dt.date(2025, 1, 1))] * 3))
    manifest = world.take()
    assert (manifest.status, manifest.reason) == ("no_data", "no_rows")
    assert manifest.detail == "all 3 rows of the source are in quarantine"


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="an empty file"),
        pytest.param(b"id,at\n1,2\n", id="csv named parquet"),
        pytest.param(b"PAR1" + b"\0" * 64, id="a wrong magic at the end"),
        pytest.param(None, id="a truncated file"),
    ],
)
def test_a_corrupt_source_is_an_error_and_other_days_go_on(
    world: World, content: bytes | None
) -> None:
    path = world.write_features(100)
    path.write_bytes(path.read_bytes()[:-200] if content is None else content)
    manifest = world.take()
    assert (manifest.status, manifest.reason) == ("error", "source_unreadable")
    tomorrow = DAY + dt.timedelta(days=1)
    world.write_features(2, day=tomorrow, at=stamps(noon(tomorrow), noon(tomorrow)))
    assert world.take(day=tomorrow, as_of=noon(tomorrow + dt.timedelta(days=1))).status == "ok"


def test_a_source_whose_marker_is_missing_is_still_growing(world: World) -> None:
    source = {
        "kind": "parquet",
        "path": "features/{date}/part-*.parquet",
        "success_marker": "_SUCCESS",
    }
    world.changes = {"telemetry": {"features": source}}
    world.columns = {"id": {"role": "id", "in": ["features"]}, "age": world.columns["age"]}
    folder = world.home / f"source/features/{DAY}"
    folder.mkdir(parents=True)
    pq.write_table(pa.table({"id": ["a"], "age": [1]}), folder / "part-0.parquet")
    manifest = world.take()
    assert (manifest.status, manifest.reason) == ("no_data", "source_growing")
    (folder / "_SUCCESS").touch()
    assert world.take().rows == 1


def test_a_source_outside_the_allowed_roots_is_refused(world: World) -> None:
    world.changes = {"telemetry": {"features": {"kind": "parquet", "path": "/etc/{date}.parquet"}}}
    world.columns = {"id": {"role": "id", "in": ["features"]}, "age": world.columns["age"]}
    manifest = world.take()
    assert (manifest.status, manifest.reason) == ("error", "source_refused")


@pytest.mark.parametrize("loss", ["the file is gone", "the file is empty", "the file is broken"])
def test_a_snapshot_outlives_the_source_that_it_was_taken_from(world: World, loss: str) -> None:
    path = world.write_features(3)
    first = world.take()
    before = world.files()
    if loss == "the file is gone":
        path.unlink()
    elif loss == "the file is empty":
        world.write_features(0)
    else:
        path.write_bytes(b"broken")
    again = world.take()
    assert again.detail.startswith(f"the snapshot as of {first.as_of} is kept: ")
    assert again.model_copy(update={"detail": ""}) == first
    assert world.files() == before


def test_lines_that_are_no_rows_are_counted_without_their_text(world: World) -> None:
    world.changes = {"telemetry": {"features": {"kind": "csv", "path": "{date}.csv"}}}
    world.columns = {"id": {"role": "id", "in": ["features"]}, "age": world.columns["age"]}
    (world.home / "source").mkdir()
    (world.home / f"source/{DAY}.csv").write_text("id,age\na,1\nb,2,secret-value\nc,3\n")
    manifest = world.take()
    assert (manifest.rows, manifest.quarantined) == (2, {"unparsable_line": 1})
    assert [(q["@reason"], q["id"]) for q in world.quarantined(manifest)] == [
        ("unparsable_line", None)
    ]
    assert not any(b"secret-value" in content for content in world.files().values())


def test_refused_rows_beyond_the_limit_are_counted_and_not_written(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitoring_dagster.telemetry.quarantine.MAX_WRITTEN", 3)
    world.write_features(12, id=[None] * 7 + list("abcde"), age=["1"] * 10 + ["x", "y"])
    manifest = world.take()
    assert manifest.quarantined == {"no_id": 7, "unparsable_value": 2}
    assert [q["@row"] for q in world.quarantined(manifest)] == [0, 1, 2, 10, 11]


# --- damage (row 25) -----------------------------------------------------------------------


def test_a_flipped_byte_is_noticed_before_anything_is_read(world: World) -> None:
    world.write_features(50)
    manifest = world.take()
    path = world.home / f"lake/loans/snapshots/features/{DAY}/{manifest.file}"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(SnapshotCorrupt, match=r"is damaged: .* has SHA-256"):
        snapshots.data(world.lake, manifest).__enter__()


def test_the_pages_of_a_snapshot_carry_checksums(world: World) -> None:
    world.write_features(50)
    with snapshots.data(world.lake, world.take()) as path:
        content = bytearray(path.read_bytes())
    content[40] ^= 1
    with pytest.raises(OSError, match="CRC checksum"):
        pq.read_table(pa.BufferReader(bytes(content)), page_checksum_verification=True)


def test_a_lost_file_is_taken_again(world: World) -> None:
    world.write_features()
    manifest = world.take()
    world.lake.delete(f"loans/snapshots/features/{DAY}/{manifest.file}")
    with pytest.raises(SnapshotCorrupt, match="has lost its file"):
        snapshots.data(world.lake, manifest).__enter__()
    assert world.rows(world.take())["id"] == ["r0", "r1", "r2", "r3"]


# --- privacy -------------------------------------------------------------------------------


def test_a_planted_identifier_is_in_no_file_of_the_lake(world: World) -> None:
    world.columns |= {
        "id": {"role": "id", "privacy": "direct"},
        "email": {"role": "entity", "privacy": "direct"},
    }

    def canaries(*parts: Any) -> list[str]:
        return [f"canary-{p}@example.org" for p in parts]

    ids = canaries(0, 1, 2, 3, 4, 4, 5)
    world.write_features(
        7,
        id=ids,
        email=[*canaries("a", "b", "c", "d", "e", "f"), None],
        age=["1", "2", "canary-age@example.org", "4", "5", "6", "7"],
        at=stamps(*[noon()] * 6, noon(dt.date(2025, 1, 1))),
        surprise=canaries(*"stuvwxy"),
    )
    world.write_predictions(ids[:4])
    world.write_labels([(ids[0], 1), (ids[0], 0), ("canary-orphan@example.org", 1), (ids[2], 1)])
    world.filed_under = "arrival_day"
    taken = {kind: world.take(kind) for kind in Kind}
    assert taken[Kind.FEATURES].quarantined == {
        "conflicting_id": 1,
        "outside_day": 1,
        "unparsable_value": 1,
    }
    assert taken[Kind.LABELS].rows == 2
    files = world.files()
    assert len(files) == 9
    for path, content in files.items():
        assert b"canary" not in content, path
        if path.endswith(".parquet"):
            text = str(pq.read_table(pa.BufferReader(content)).to_pylist())
            assert "canary" not in text, path
            assert "pk1_" in text, path
    kept = world.rows(taken[Kind.FEATURES])
    assert kept["id"][0] == world.rows(taken[Kind.PREDICTIONS])["id"][0]
    assert kept["id"][0] != kept["email"][0]
