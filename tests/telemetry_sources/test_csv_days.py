"""CSV sources: everything is text, nothing is guessed, broken lines are kept apart."""

from __future__ import annotations

import gzip

import pyarrow as pa
import pytest

from monitoring_dagster.errors import SourceRefused, SourceUnreadable
from monitoring_dagster.telemetry.sources import Unparsable
from monitoring_dagster.telemetry.sources import csv as csv_files
from tests.telemetry_sources.conftest import DAY, monitor_of

FILE = f"{DAY}.csv"
NAME = "telemetry/{date}.csv"


@pytest.fixture
def write(room):
    def written(content: str | bytes, name: str = FILE) -> None:
        data = content if isinstance(content, bytes) else content.encode()
        (room.folder / name).write_bytes(data)

    return written


def test_everything_is_text(room, csv, write):
    write("id,at,x\n007,2026-03-04,1e-3\n08,NO,TRUE\n")
    table = room.read(csv())
    assert set(table.schema.types) == {pa.string()}
    assert table.to_pylist() == [
        {"id": "007", "at": "2026-03-04", "x": "1e-3"},
        {"id": "08", "at": "NO", "x": "TRUE"},
    ]


def test_an_empty_field_is_null_and_a_quoted_one_is_the_empty_text(room, csv, write):
    write('id,x\n,""\n"",\nNA,null\n')
    assert room.read(csv()).to_pydict() == {"id": [None, "", "NA"], "x": ["", None, "null"]}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param('id,x\n"a\nb",1\n', ["a\nb"], id="a line break within quotes"),
        pytest.param('id,x\n"a ""b""",1\n', ['a "b"'], id="doubled quotes"),
        pytest.param('id,x\n5" pipe,1\n', ['5" pipe'], id="a quotation mark within a field"),
        pytest.param("\ufeffid,x\na,1\n", ["a"], id="a byte order mark"),
        pytest.param("id,x\r\na,1\r\n", ["a"], id="line ends of Windows"),
        pytest.param("id,x\na,1", ["a"], id="no line end at the end"),
        pytest.param("\n\nid,x\n\na,1\n\n", ["a"], id="empty lines"),
        pytest.param('"id","x"\na,1\n', ["a"], id="a quoted header"),
        pytest.param('id,"x",a long\tname\na,1,2\n', ["a"], id="undeclared columns"),
        pytest.param("z,id,z\n1,a,2\n", ["a"], id="an undeclared name twice"),
        pytest.param("id,x\nñ€\U0001f600,1\n", ["ñ€\U0001f600"], id="characters of any length"),
    ],
)
def test_the_usual_dialects_are_read(content, expected, room, csv, write):
    write(content)
    assert room.read(csv())["id"].to_pylist() == expected


def test_another_delimiter_is_declared(room, csv, write):
    write("id;x\na,b;1\n")
    assert room.read(csv(delimiter=";")).to_pydict() == {"id": ["a,b"], "x": ["1"]}


def test_lines_of_the_wrong_length_are_kept_apart_with_their_number(room, csv, write):
    long = "z" * 300
    write(f"id,x\na,1\nb\nc,2\nd,3,4,{long}\ne,5\n")
    reading = room.open(csv())
    assert [b["id"].to_pylist() for b in reading.batches] == [["a", "c", "e"]]
    cut = f"d,3,4,{long}"[:200]
    assert reading.unparsable == [Unparsable(FILE, 3, "b"), Unparsable(FILE, 5, cut)]
    assert reading.unparsable.total == 2


def test_a_line_of_the_wrong_length_may_be_anywhere_and_in_any_encoding(
    room, csv, write, monkeypatch
):
    monkeypatch.setattr(csv_files, "_BLOCK", 64)
    lines = [b"%d,1" % i if i % 7 else b"%d,caf\xe9,1" % i for i in range(1, 100)]
    write(b"id,x\n" + b"\n".join(lines) + b"\n")
    reading = room.open(csv())
    ids = [value for batch in reading.batches for value in batch["id"].to_pylist()]
    assert ids == [str(i) for i in range(1, 100) if i % 7]
    assert [u.line for u in reading.unparsable] == [i + 1 for i in range(7, 100, 7)]
    assert reading.unparsable[0].text == "7,caf\\xe9,1"


def test_endless_broken_lines_do_not_fill_the_memory(room, csv, write):
    write("id,x\n" + "broken\n" * 12_345 + "a,1\n")
    reading = room.open(csv())
    assert sum(b.num_rows for b in reading.batches) == 1
    assert len(reading.unparsable) == 10_000
    assert reading.unparsable.total == 12_345


def test_bytes_that_are_no_utf8_stay_different_and_fail_nothing(room, csv, write):
    write(b"id,x\ncaf\xe9,1\ncaf\xe8,2\ncaf\xc3\xa9,3\n")
    assert room.read(csv())["id"].to_pylist() == ["caf\\xe9", "caf\\xe8", "café"]


@pytest.mark.parametrize("block", [7, 8, 9, 10, 11])
def test_a_character_cut_by_a_block_stays_whole(block, room, csv, write, monkeypatch):
    rows = ["€uro,1", "ñandú,2", "\U0001f600,3", "caf€,4"]
    write("id,x\n" + "\n".join(rows) + "\n")
    real = csv_files._Metered._next
    # Whatever Arrow asks for, the stream below gives a few bytes at a time.
    monkeypatch.setattr(csv_files._Metered, "_next", lambda self, _: real(self, block))
    assert room.read(csv())["id"].to_pylist() == [row.split(",")[0] for row in rows]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param('id,x\na,1\n"b,2\nc,3\nd,4\n', id="in a column that is not the last"),
        pytest.param('id,x\na,1\nb,"2\nc,3\nd,4\n', id="in the last column"),
        pytest.param('id,z\na,1\nb,"2\nc,3\nd,4\n', id="in a column that nobody declared"),
    ],
)
def test_a_quote_that_is_never_closed_does_not_swallow_the_rest_silently(content, room, csv, write):
    write(content)
    with pytest.raises(SourceUnreadable, match="never closed"):
        room.read(csv())


def test_a_row_longer_than_a_block_names_the_file(room, csv, write):
    write('id,x\na,"' + "y" * 9_000_000 + '"\n')
    with pytest.raises(SourceUnreadable, match=FILE):
        room.read(csv())


def test_many_rows_come_in_several_batches(room, csv, write):
    write("id,x\n" + "".join(f"{i},{i / 7}\n" for i in range(400_000)))
    batches = list(room.open(csv()).batches)
    assert len(batches) > 1
    assert sum(b.num_rows for b in batches) == 400_000


def test_a_header_without_rows_is_a_day_without_rows(room, csv, write):
    write("id,x\n")
    assert sum(b.num_rows for b in room.open(csv()).batches) == 0


def test_a_day_without_declared_columns_still_has_its_rows(room, csv, write):
    write("a,b\n1,2\n3,4\n")
    reading = room.open(csv())
    assert [(b.num_rows, b.num_columns) for b in reading.batches] == [(2, 0)]
    assert reading.undeclared == ("a", "b")


def test_a_declared_column_that_occurs_twice_is_left_out_and_reported_twice(room, csv, write):
    write("id,x,x\na,1,2\n")
    reading = room.open(csv())
    assert reading.schema.names == ["id", "x", "x"]
    assert [b.to_pydict() for b in reading.batches] == [{"id": ["a"]}]


def test_column_names_are_taken_literally(room, csv, write):
    name = 'weird "name", with\nbreak'
    columns = {
        "id": {"role": "id"},
        "score": {"role": "score"},
        "y": {"role": "label", "type": "integer"},
        "x": {"role": "feature", "type": "number", "source_name": name},
    }
    quoted = name.replace('"', '""')
    write(f'id,"{quoted}"\na,1\n')
    table = room.but(monitor=monitor_of(columns)).read(csv())
    assert table.to_pydict() == {"id": ["a"], name: ["1"]}


@pytest.mark.parametrize(
    ("content", "because"),
    [
        pytest.param(b"", "empty", id="an empty file"),
        pytest.param(b"\xef\xbb\xbf\n\n", "empty", id="only empty lines"),
        pytest.param(b"PAR1....PAR1", "kind: parquet", id="Parquet"),
        pytest.param(gzip.compress(b"id,x\n"), r"\.gz", id="a compressed file with a plain name"),
        pytest.param("id,x\na,1\n".encode("utf-16"), "UTF-16", id="UTF-16"),
        pytest.param(b"PK\x03\x04rest", "workbook", id="a workbook"),
        pytest.param(b"id\0x\n", "binary", id="zero bytes"),
    ],
)
def test_a_file_that_is_not_csv_says_what_it_is(content, because, room, csv, write):
    write(content)
    with pytest.raises(SourceUnreadable, match=because) as unreadable:
        room.open(csv())
    assert FILE in str(unreadable.value)


def test_a_compressed_file_is_read(room, csv, write):
    write(gzip.compress(b"id,x\na,1\n"), f"{FILE}.gz")
    assert room.read(csv(f"{NAME}.gz")).to_pydict() == {"id": ["a"], "x": ["1"]}


def test_a_truncated_compressed_file_is_unreadable(room, csv, write):
    write(gzip.compress(b"id,x\n" + b"a,1\n" * 1_000)[:-20], f"{FILE}.gz")
    with pytest.raises(SourceUnreadable, match=FILE):
        room.read(csv(f"{NAME}.gz"))


def test_a_compressed_bomb_is_refused_while_it_unpacks(room, csv, write):
    write(gzip.compress(b"id,x\n" + b"a,1\n" * 5_000_000), f"{FILE}.gz")
    assert (room.folder / f"{FILE}.gz").stat().st_size < 100_000
    with pytest.raises(SourceRefused, match="bytes uncompressed"):
        list(room.limited(max_bytes=1_000_000).open(csv(f"{NAME}.gz")).batches)


def test_too_large_a_file_is_refused_by_its_size(room, csv, write):
    write("id,x\n" + "a,1\n" * 1_000)
    with pytest.raises(SourceRefused, match="4,005 bytes"):
        room.limited(max_bytes=4_000).open(csv())


def test_too_many_rows_are_refused_while_they_come(room, csv, write):
    write("id,x\n" + "a,1\n" * 1_000)
    batches = room.limited(max_rows=999).open(csv()).batches
    with pytest.raises(SourceRefused, match="1,000 rows"):
        list(batches)
