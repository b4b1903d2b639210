"""Export: measurements as CSV, JSON or Parquet, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
import math

import pyarrow as pa

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def as_bytes(table: pa.Table, kind: str) -> bytes:
    """The table as `csv`, `json` or `parquet`.

    CSV: RFC 4180, full precision, empty for no value; text that a spreadsheet would run as a
    formula is prefixed with an apostrophe. JSON: one array of objects, null for no value.
    """
    return {"csv": _csv, "json": _json, "parquet": _parquet}[kind](table)


def _json(table: pa.Table) -> bytes:
    rows = [{k: _jsonable(v) for k, v in row.items()} for row in table.to_pylist()]
    return (json.dumps(rows, indent=1, ensure_ascii=False) + "\n").encode()


def _parquet(table: pa.Table) -> bytes:
    import pyarrow.parquet as pq

    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd", write_page_checksum=True)
    return sink.getvalue()


def _csv(table: pa.Table) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table.column_names)
    for row in table.to_pylist():
        writer.writerow([_cell(value) for value in row.values()])
    return text.getvalue().encode()


def _cell(value: object) -> object:
    """A value that no spreadsheet executes.

    >>> _cell("=1+1"), _cell(-0.5)
    ("'=1+1", -0.5)
    """
    if value is None:
        return ""
    if isinstance(value, str) and value.startswith(_FORMULA_STARTS):
        return f"'{value}"
    return value


def _jsonable(value: object) -> object:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, str | int | bool) or value is None else str(value)
