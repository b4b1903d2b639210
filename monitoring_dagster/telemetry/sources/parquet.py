"""Parquet files of a day: judged by their footer, then read in batches of bounded size."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from monitoring_dagster.errors import SourceUnreadable
from monitoring_dagster.monitors.calendar import Window
from monitoring_dagster.telemetry.sources.files import DayFile, readable
from monitoring_dagster.telemetry.sources.reading import BATCH_BYTES, BATCH_ROWS

_MAGIC = b"PAR1"
_ZONES = dt.timedelta(hours=15)
"""No zone is further from UTC, so a naive time is at most this far from its instant."""


@dataclass(frozen=True, slots=True)
class Footer:
    """What a file says of itself: every column, and what reading the declared ones means."""

    schema: pa.Schema
    rows: int
    bytes: int


def footer(file: DayFile, names: Sequence[str], window: Window | None, stamp: str | None) -> Footer:
    """Read the footer only; arguments as for `batches`.

    Raises:
        SourceUnreadable: it is not a complete Parquet file.
    """
    with _opened(file) as parquet:
        metadata = parquet.metadata
        _require_agreement(file, metadata)
        columns = _column_indices(metadata, names)
        groups = [metadata.row_group(g) for g in _groups(metadata, window, stamp)]
        return Footer(
            schema=parquet.schema_arrow.remove_metadata(),
            rows=sum(group.num_rows for group in groups),
            bytes=sum(g.column(c).total_uncompressed_size for g in groups for c in columns),
        )


def batches(
    file: DayFile, names: Sequence[str], window: Window | None, stamp: str | None
) -> Iterator[pa.RecordBatch]:
    """The columns `names` that the file has.

    Args:
        file: the file.
        names: columns to read; the others stay unread on disk.
        window: for files that hold more than a day: skip row groups that lie outside of it.
        stamp: the column that says when a row happened.

    Raises:
        SourceUnreadable: a page is damaged.
    """
    with _opened(file) as parquet:
        held = set(parquet.schema_arrow.names)
        present = [name for name in names if name in held]
        groups = _groups(parquet.metadata, window, stamp)
        rows = _rows_per_batch(file, parquet, groups, present)
        chunks = parquet.iter_batches(batch_size=rows, row_groups=groups, columns=present)
        while True:
            with readable(file):
                batch = next(chunks, None)
            if batch is None:
                return
            # Asking for `a` may bring `a.b` too: Parquet writes nested names that way.
            yield batch.select(present).replace_schema_metadata(None)


@contextmanager
def _opened(file: DayFile) -> Iterator[pq.ParquetFile]:
    if file.size == 0:
        raise SourceUnreadable(f"{file.shown} is empty (0 bytes); deliver the file again")
    with file.open() as opened:
        with readable(file):
            _require_magic(file, opened)
            # Without pre_buffer=False, Arrow keeps what it has read of the file until the end.
            parquet = pq.ParquetFile(
                opened, page_checksum_verification=True, buffer_size=2**20, pre_buffer=False
            )
        with parquet:
            yield parquet


def _require_magic(file: DayFile, opened: BinaryIO) -> None:
    start = opened.read(4)
    opened.seek(max(file.size - 4, 0))
    end = opened.read(4)
    if start != _MAGIC:
        raise SourceUnreadable(
            f"{file.shown} is not Parquet: it begins with {start!r} instead of {_MAGIC!r}; "
            "if it is CSV, say kind: csv, else deliver the file again"
        )
    if end != _MAGIC:
        raise SourceUnreadable(
            f"{file.shown} is truncated: it begins as Parquet and has no end after "
            f"{file.size:,} bytes; deliver the file again"
        )


def _require_agreement(file: DayFile, metadata: pq.FileMetaData) -> None:
    """The footer has no checksum; a damaged one usually contradicts itself."""
    parts = sum(metadata.row_group(g).num_rows for g in range(metadata.num_row_groups))
    if parts != metadata.num_rows:
        raise SourceUnreadable(
            f"{file.shown} is damaged: it claims {metadata.num_rows:,} rows and its parts hold "
            f"{parts:,}; deliver the file again"
        )


def _column_indices(metadata: pq.FileMetaData, names: Sequence[str]) -> list[int]:
    paths = [metadata.schema.column(i).path for i in range(metadata.num_columns)]
    wanted, nested = set(names), tuple(f"{name}." for name in names)
    return [i for i, path in enumerate(paths) if path in wanted or path.startswith(nested)]


def _groups(metadata: pq.FileMetaData, window: Window | None, stamp: str | None) -> list[int]:
    """Row groups that may hold rows of the window; all of them where that cannot be told."""
    everything = list(range(metadata.num_row_groups))
    if window is None or stamp is None:
        return everything
    indices = _column_indices(metadata, [stamp])
    if len(indices) != 1:
        return everything
    return [g for g in everything if _may_hold(metadata.row_group(g).column(indices[0]), window)]


def _may_hold(chunk: pq.ColumnChunkMetaData, window: Window) -> bool:
    statistics = chunk.statistics
    # Rows without a time belong to every day: the contract must see and quarantine them.
    if statistics is None or not statistics.has_min_max or statistics.null_count != 0:
        return True
    try:
        low, high = statistics.min, statistics.max
    except (OverflowError, ValueError):  # a time that Python cannot express, such as year 20000
        return True
    if not isinstance(low, dt.datetime) or not isinstance(high, dt.datetime):
        return True
    if low.tzinfo is None:
        low, high = low.replace(tzinfo=dt.UTC) - _ZONES, high.replace(tzinfo=dt.UTC) + _ZONES
    return low < window.end and high >= window.start


def _rows_per_batch(
    file: DayFile, parquet: pq.ParquetFile, groups: Sequence[int], names: Sequence[str]
) -> int:
    """Rows such that a batch stays near BATCH_BYTES, however long its texts are."""
    metadata = parquet.metadata
    columns = _column_indices(metadata, names)
    row_bytes = 1
    for group in (metadata.row_group(g) for g in groups):
        whole = sum(group.column(c).total_uncompressed_size for c in columns)
        row_bytes = max(row_bytes, whole // max(group.num_rows, 1))
    row_bytes = max(row_bytes, _longest_texts(file, metadata, groups, columns))
    return max(1, min(BATCH_ROWS, BATCH_BYTES // row_bytes))


def _longest_texts(
    file: DayFile, metadata: pq.FileMetaData, groups: Sequence[int], columns: Sequence[int]
) -> int:
    """Bytes of a row that takes the longest entry of every dictionary.

    A dictionary holds a text once and every row refers to it, so 2 kB of file can become 1 TB
    of rows, and neither footer nor file size tell. The dictionaries themselves are small.
    """
    texts = [
        metadata.schema.column(c).path
        for c in columns
        if metadata.schema.column(c).physical_type == "BYTE_ARRAY"
        and any(metadata.row_group(g).column(c).has_dictionary_page for g in groups)
    ]
    longest = 0
    if not texts:
        return longest
    with readable(file), file.open() as opened:
        reader = pq.ParquetFile(opened, read_dictionary=texts, buffer_size=2**16)
        for group in groups:
            first = next(reader.iter_batches(1, [group], texts, use_threads=False), None)
            if first is not None:
                longest = max(longest, sum(_longest_entry(column) for column in first.columns))
    return longest


def _longest_entry(column: pa.Array) -> int:
    if not isinstance(column, pa.DictionaryArray) or len(column.dictionary) == 0:
        return 0
    import pyarrow.compute as pc

    lengths = pc.call_function("binary_length", [column.dictionary])
    return int(pc.call_function("max", [lengths]).as_py() or 0)
