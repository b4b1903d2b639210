from __future__ import annotations

import csv
import io
import json
import math

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from monitoring_dagster.reports.export import as_bytes


def read(table: pa.Table) -> list[list[str]]:
    return read_bytes(as_bytes(table, "csv"))


def read_bytes(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode(), newline="")))


TABLE = pa.table(
    {"column": ["=HYPERLINK(1)", "plain, with comma", "+x"], "value": [-0.5, math.nan, None]}
)


def test_a_spreadsheet_executes_no_name_and_numbers_stay_numbers() -> None:
    rows = list(csv.reader(io.StringIO(as_bytes(TABLE, "csv").decode())))
    assert rows[1:] == [["'=HYPERLINK(1)", "-0.5"], ["plain, with comma", "nan"], ["'+x", ""]]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", " =", "\u200b=", "＝"])
def test_a_formula_is_text_as_a_value_and_as_a_columns_name(start: str) -> None:
    formula = f"{start}1+1"
    header, row = read(pa.table({formula: [formula]}))
    assert (header, row) == ([f"'{formula}"], [f"'{formula}"])


@pytest.mark.parametrize("evil", ["a\rb", "a\nb", "a\r\nb", "\r=1+1", 'a"\r=1+1,b', "a,\r"])
def test_a_line_end_within_a_value_begins_no_line(evil: str) -> None:
    content = as_bytes(pa.table({"name": [evil, "next"], "value": [1.5, 2.5]}), "csv")
    lines = content.decode().replace('""', "").split('"')
    assert "\r" not in "".join(lines[::2]), "outside of quotes"
    held = evil if evil[0] != "\r" else f"'{evil}"
    assert read_bytes(content) == [["name", "value"], [held, "1.5"], ["next", "2.5"]]


def test_a_line_ends_in_a_line_feed_alone() -> None:
    assert as_bytes(pa.table({"a": [1], "b": ["x"]}), "csv") == b"a,b\n1,x\n"


def test_json_is_valid_without_a_value() -> None:
    assert [row["value"] for row in json.loads(as_bytes(TABLE, "json"))] == [-0.5, None, None]


def test_parquet_holds_the_same_table() -> None:
    assert pq.read_table(io.BytesIO(as_bytes(TABLE, "parquet"))).column_names == TABLE.column_names
