from __future__ import annotations

import csv
import io
import json
import math

import pyarrow as pa
import pyarrow.parquet as pq

from monitoring_dagster.reports.export import as_bytes

TABLE = pa.table(
    {"column": ["=HYPERLINK(1)", "plain, with comma", "+x"], "value": [-0.5, math.nan, None]}
)


def test_a_spreadsheet_executes_no_name_and_numbers_stay_numbers() -> None:
    rows = list(csv.reader(io.StringIO(as_bytes(TABLE, "csv").decode())))
    assert rows[1:] == [["'=HYPERLINK(1)", "-0.5"], ["plain, with comma", "nan"], ["'+x", ""]]


def test_json_is_valid_without_a_value() -> None:
    assert [row["value"] for row in json.loads(as_bytes(TABLE, "json"))] == [-0.5, None, None]


def test_parquet_holds_the_same_table() -> None:
    assert pq.read_table(io.BytesIO(as_bytes(TABLE, "parquet"))).column_names == TABLE.column_names
