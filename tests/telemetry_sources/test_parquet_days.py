"""Parquet sources: types pass through, memory is bounded, broken files say what they are."""

from __future__ import annotations

import datetime as dt
import decimal
import io
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from monitoring_dagster.errors import SourceMissing, SourceRefused, SourceUnreadable
from monitoring_dagster.monitors.contract import Kind
from monitoring_dagster.telemetry.sources import parquet as parquet_files
from tests.telemetry_sources.conftest import DAY, monitor_of

FILE = f"{DAY}.parquet"


def bytes_of(table: pa.Table, **options: Any) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, **options)
    return sink.getvalue()


def test_only_declared_columns_are_read_in_the_order_of_the_document(room, parquet):
    table = pa.table({"secret": ["s"], "x": [1.5], "y": [1], "id": ["a"], "score": [0.5]})
    pq.write_table(table, room.folder / FILE)
    reading = room.open(parquet())
    assert [b.schema.names for b in reading.batches] == [["id", "x"]]
    assert reading.schema.names == ["secret", "x", "y", "id", "score"]
    # `y` and `score` belong to other kinds of telemetry: declared, so nothing to wonder about.
    assert reading.undeclared == ("secret",)


def test_columns_are_found_by_their_name_in_the_source(room, parquet):
    columns = {
        "id": {"role": "id", "source_name": "Request ID"},
        "x": {"role": "feature", "type": "number", "source_name": "x.value"},
    }
    columns |= {"score": {"role": "score"}, "y": {"role": "label", "type": "integer"}}
    table = pa.table({"x": [9.0], "x.value": [1.0], "Request ID": ["a"]})
    pq.write_table(table, room.folder / FILE)
    reading = room.but(monitor=monitor_of(columns)).open(parquet())
    assert [b.to_pydict() for b in reading.batches] == [{"Request ID": ["a"], "x.value": [1.0]}]
    assert reading.undeclared == ("x",)


def test_a_name_with_a_dot_is_not_taken_for_a_part_of_another(room, parquet):
    pq.write_table(pa.table({"x": [1.0], "x.y": [2.0], "id": ["a"]}), room.folder / FILE)
    assert room.read(parquet()).to_pydict() == {"id": ["a"], "x": [1.0]}


def test_a_day_without_declared_columns_still_has_its_rows(room, parquet):
    pq.write_table(pa.table({"other": [1, 2, 3]}), room.folder / FILE)
    assert [b.num_rows for b in room.open(parquet()).batches] == [3]


@pytest.mark.parametrize(
    "values",
    [
        pytest.param(pd.array([1, None, 3], dtype="Int64"), id="nullable integers"),
        pytest.param(pd.array([1, 2, 2**64 - 1], dtype="UInt64"), id="unsigned integers"),
        pytest.param(pd.array([True, None, False], dtype="boolean"), id="nullable booleans"),
        pytest.param(pd.Categorical(["a", None, "b"]), id="categories"),
        pytest.param(pd.array([0.5, None, np.inf], dtype="Float32"), id="nullable floats"),
        pytest.param([decimal.Decimal("1.50"), None, decimal.Decimal("-2.25")], id="decimals"),
        pytest.param(pd.array(["a", None, ""], dtype="string"), id="texts"),
        pytest.param(
            pd.to_datetime(["2026-03-04T01:00Z", None, "2026-03-04T02:00Z"], utc=True),
            id="instants",
        ),
        pytest.param(
            pd.to_datetime(["2026-03-04 01:00", None, "2026-03-04 02:00"]), id="naive times"
        ),
        pytest.param([dt.date(2026, 3, 4), None, dt.date(2026, 3, 5)], id="dates"),
        pytest.param([None, None, None], id="nothing at all"),
        pytest.param([[1, 2], None, []], id="lists"),
    ],
)
# pyarrow still asks pandas for values in a way that pandas 3.1 announces to change.
@pytest.mark.filterwarnings("ignore:Series.values returning")
def test_what_pandas_writes_arrives_unchanged(values, room, parquet):
    frame = pd.DataFrame({"id": ["a", "b", "c"], "x": values})
    frame.to_parquet(room.folder / FILE)
    expected = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    table = room.read(parquet())
    assert table.to_pylist() == expected.to_pylist()
    assert [t.id for t in table.schema.types] == [t.id for t in expected.schema.types]


def test_a_large_file_comes_in_small_batches(room, parquet):
    rows = 200_000
    table = pa.table({"id": np.arange(rows).astype(str), "x": np.arange(rows, dtype="float64")})
    pq.write_table(table, room.folder / FILE, row_group_size=rows)
    sizes = [b.num_rows for b in room.open(parquet()).batches]
    assert sum(sizes) == rows
    assert max(sizes) == 65_536


def test_long_rows_come_in_shorter_batches(room, parquet, monkeypatch):
    monkeypatch.setattr(parquet_files, "BATCH_BYTES", 1_000_000)
    text = np.random.default_rng(1).bytes(5_000).hex()
    pq.write_table(pa.table({"id": [text[i:] for i in range(300)]}), room.folder / FILE)
    sizes = [b.num_rows for b in room.open(parquet()).batches]
    assert sum(sizes) == 300
    assert 90 < max(sizes) <= 110


@pytest.mark.parametrize("as_categories", [True, False], ids=["as categories", "as texts"])
def test_a_dictionary_bomb_comes_in_small_pieces_and_is_refused(
    as_categories, room, parquet, monkeypatch
):
    monkeypatch.setattr(parquet_files, "BATCH_BYTES", 10_000_000)
    # 50 kB of file that stand for 100 GB of text.
    indices = pa.array(np.zeros(100_000, dtype=np.int32))
    bomb = pa.DictionaryArray.from_arrays(indices, pa.array(["a" * 1_000_000]))
    pq.write_table(pa.table({"id": bomb}), room.folder / FILE, store_schema=as_categories)
    assert (room.folder / FILE).stat().st_size < 50_000
    assert next(room.open(parquet()).batches).num_rows == 10
    with pytest.raises(SourceRefused, match="bytes uncompressed"):
        list(room.limited(max_bytes=15_000_000).open(parquet()).batches)


def test_too_many_rows_are_refused_from_the_footer_alone(room, parquet):
    data = bytes_of(pa.table({"id": ["a"] * 1_001}), compression="none")
    footer = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    # Without its pages the file cannot be read, only its footer.
    (room.folder / FILE).write_bytes(data[:4] + b"\0" * (footer - 4) + data[footer:])
    with pytest.raises(SourceRefused, match=r"holds 1,001 rows .* at most 1,000"):
        room.limited(max_rows=1_000).open(parquet())


def test_a_bomb_is_refused_by_its_uncompressed_size(room, parquet):
    zeros = pa.table({"id": ["a"] * 1_000_000, "x": np.zeros(1_000_000)})
    pq.write_table(zeros, room.folder / FILE, compression="zstd", use_dictionary=False)
    assert (room.folder / FILE).stat().st_size < 100_000
    with pytest.raises(SourceRefused, match="bytes uncompressed"):
        room.limited(max_bytes=1_000_000).open(parquet())


def test_columns_that_are_not_read_do_not_count_against_the_budget(room, parquet):
    table = pa.table({"id": ["a"] * 1_000, "other": np.random.default_rng(1).random(1_000)})
    pq.write_table(table, room.folder / FILE)
    assert room.limited(max_bytes=7_900).read(parquet()).num_rows == 1_000


def test_the_budget_is_of_a_day_and_not_of_a_file(room, parquet):
    for part in "abc":
        pq.write_table(pa.table({"id": ["a"] * 10}), room.folder / f"{part}.parquet")
    with pytest.raises(SourceRefused, match="30 rows"):
        room.limited(max_rows=29).open(parquet("telemetry/*.parquet"))


GOOD = bytes_of(pa.table({"id": ["a"] * 100, "x": np.arange(100.0)}), write_page_checksum=True)


@pytest.mark.parametrize(
    ("content", "because"),
    [
        pytest.param(b"", r"empty \(0 bytes\)", id="an empty file"),
        pytest.param(b"id,x\na,1\n", "kind: csv", id="CSV under a name of Parquet"),
        pytest.param(GOOD[: len(GOOD) // 2], "truncated", id="half a file"),
        pytest.param(GOOD[:-1], "truncated", id="all but the last byte"),
        pytest.param(b"PAR1", "cannot be read", id="only the first four bytes"),
        pytest.param(GOOD[:-8] + b"\xff\xff\xff\x7fPAR1", "cannot be read", id="a lying footer"),
        pytest.param(GOOD[4:], "begins with", id="a file without its beginning"),
    ],
)
def test_a_file_that_is_not_parquet_says_so_with_its_name(content, because, room, parquet):
    (room.folder / FILE).write_bytes(content)
    with pytest.raises(SourceUnreadable, match=because) as unreadable:
        room.open(parquet())
    assert FILE in str(unreadable.value)


def test_a_flipped_byte_in_a_page_is_noticed(room, parquet):
    damaged = bytearray(GOOD)
    damaged[40] ^= 1
    (room.folder / FILE).write_bytes(bytes(damaged))
    with pytest.raises(SourceUnreadable, match=FILE):
        room.read(parquet())


def test_a_flipped_byte_anywhere_never_raises_anything_else(room, parquet):
    outcomes = set()
    for position in range(0, len(GOOD), 7):
        damaged = bytearray(GOOD)
        damaged[position] ^= 0x10
        (room.folder / FILE).write_bytes(bytes(damaged))
        try:
            room.read(parquet())
            outcomes.add("read")
        except (SourceUnreadable, SourceRefused) as error:
            outcomes.add(type(error).__name__)
    assert "SourceUnreadable" in outcomes


def test_a_missing_day_is_missing(room, parquet):
    with pytest.raises(SourceMissing, match=rf"no file /.*/telemetry/{DAY}.parquet for {DAY}"):
        room.open(parquet())
    assert room.version(parquet()) is None


def test_a_folder_instead_of_a_file_says_what_to_add(room, parquet):
    (room.folder / FILE).mkdir()
    with pytest.raises(SourceUnreadable, match=r"add /\*"):
        room.open(parquet())


def test_a_column_that_occurs_twice_is_left_out_and_reported_twice(room, parquet):
    table = pa.Table.from_arrays([pa.array(v) for v in (["a"], [1.0], [2.0])], ["id", "x", "x"])
    pq.write_table(table, room.folder / FILE)
    reading = room.open(parquet())
    assert reading.schema.names == ["id", "x", "x"]
    assert [b.to_pydict() for b in reading.batches] == [{"id": ["a"]}]


def hours(*hours_of: float, zone: dt.timezone | None = dt.UTC) -> list[dt.datetime]:
    midnight = dt.datetime(2026, 3, 4, tzinfo=zone)
    return [midnight + dt.timedelta(hours=hour) for hour in hours_of]


def test_a_file_of_many_days_is_read_where_the_day_may_be(room, parquet):
    at = hours(*range(-72, 96))
    table = pa.table(
        {"id": [str(i) for i in range(len(at))], "at": pa.array(at, pa.timestamp("us", "UTC"))}
    )
    pq.write_table(table, room.folder / "all.parquet", row_group_size=24)
    got = room.read(parquet("telemetry/all.parquet"))
    assert got["at"].to_pylist() == hours(*range(24))
    # The budget is about what is read, not about the years in the file.
    assert room.limited(max_rows=24).read(parquet("telemetry/all.parquet")).num_rows == 24


def test_parts_of_a_file_with_naive_or_absent_times_are_not_skipped_lightly(room, parquet):
    at = [None, *hours(*range(-71, 96), zone=None)]
    table = pa.table(
        {"id": [str(i) for i in range(len(at))], "at": pa.array(at, pa.timestamp("us"))}
    )
    pq.write_table(table, room.folder / "all.parquet", row_group_size=24)
    got = room.read(parquet("telemetry/all.parquet"))
    # The day before and after could be this day in another zone; the first part has no times.
    assert got.num_rows == 24 * 4
    assert got["at"].null_count == 1


def test_labels_are_picked_by_id_so_no_part_of_their_file_is_skipped(room, parquet):
    columns = {
        "id": {"role": "id"},
        "x": {"role": "feature", "type": "number"},
        "score": {"role": "score"},
        "y": {"role": "label", "type": "integer"},
        "known": {"role": "timestamp", "in": ["labels"]},
    }
    at = hours(*range(-72, 96))
    table = pa.table(
        {"id": [str(i) for i in range(len(at))], "known": pa.array(at, pa.timestamp("us", "UTC"))}
    )
    pq.write_table(table, room.folder / "all.parquet", row_group_size=24)
    labels = room.but(monitor=monitor_of(columns), kind=Kind.LABELS)
    assert labels.read(parquet("telemetry/all.parquet")).num_rows == len(at)


def test_ten_thousand_columns_cost_only_their_names(room, parquet):
    wide = pa.table({f"c{i}": [1] for i in range(10_000)} | {"id": ["a"], "x": [1.0]})
    pq.write_table(wide, room.folder / FILE)
    reading = room.open(parquet())
    assert len(reading.undeclared) == 10_000
    assert [b.to_pydict() for b in reading.batches] == [{"id": ["a"], "x": [1.0]}]
