"""Export: tables as CSV, JSON or Parquet, safe to open in a spreadsheet.

Which rows, and which of their columns, is the caller's.
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Iterable

import pyarrow as pa

# What a spreadsheet takes for a formula, in full width, too, and behind blanks and characters that
# nobody sees; a tab or a line end at the start moves what follows into a cell of its own.
_UNSEEN = r"\s\x00-\x1f\x7f-\x9f\xad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff"
_FORMULA = re.compile(rf"[\t\r\n]|[{_UNSEEN}]*[=+\-@＝＋－＠]")


def as_bytes(table: pa.Table, kind: str) -> bytes:
    """The table as `csv`, `json` or `parquet`.

    CSV: RFC 4180 with lines that end in a line feed, full precision, empty for no value; text that
    a spreadsheet would run as a formula, a column's name included, is prefixed with an
    apostrophe. JSON: one array of objects, null for no value.
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
    rows = (row.values() for row in table.to_pylist())
    return "".join(map(_line, [table.column_names, *rows])).encode()


def _line(values: Iterable[object]) -> str:
    """One line. With the line end that it writes, csv knows what has to be quoted: both halves."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerow(map(_cell, values))
    return text.getvalue().removesuffix("\r\n") + "\n"


def _cell(value: object) -> object:
    """A value that no spreadsheet executes.

    >>> _cell("=1+1"), _cell(-0.5)
    ("'=1+1", -0.5)
    """
    if value is None:
        return ""
    if isinstance(value, str) and _FORMULA.match(value):
        return f"'{value}"
    return value


def _jsonable(value: object) -> object:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, str | int | bool) or value is None else str(value)
