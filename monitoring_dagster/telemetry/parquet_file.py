"""Parquet as the lake stores it: the same rows give the same bytes, damage is detectable.

Only the file format; where files go and what they mean belongs to the callers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

ROW_GROUP = 131_072
"""Rows per row group; fixed, so that the bytes do not depend on how rows arrived."""


class ParquetFile:
    """Writes one file, row group by row group; memory holds one row group.

    Args:
        path: where to write; the file exists only if a row was written.
        schema: of every batch.
    """

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self.rows = 0
        self._path = path
        self._schema = schema
        self._writer: pq.ParquetWriter | None = None
        self._pending: list[pa.RecordBatch] = []
        self._pending_rows = 0

    def write(self, batch: pa.RecordBatch) -> None:
        """Append rows."""
        if batch.num_rows:
            self._pending.append(batch)
            self._pending_rows += batch.num_rows
        if self._pending_rows >= ROW_GROUP:
            self._flush(self._pending_rows // ROW_GROUP * ROW_GROUP)

    def close(self) -> Path | None:
        """Finish the file; None when no row was written."""
        if self._pending_rows:
            self._flush(self._pending_rows)
        if self._writer is None:
            return None
        self._writer.close()
        return self._path

    def _flush(self, rows: int) -> None:
        if self._writer is None:
            self._writer = pq.ParquetWriter(
                self._path, self._schema, compression="zstd", write_page_checksum=True
            )
        table = pa.Table.from_batches(self._pending, self._schema)
        for start in range(0, rows, ROW_GROUP):
            # One chunk per column: where arrays end would otherwise show in the pages.
            group = table.slice(start, min(ROW_GROUP, rows - start)).combine_chunks()
            self._writer.write_table(group, row_group_size=ROW_GROUP)
        self.rows += rows
        rest = table.slice(rows).combine_chunks()
        self._pending = rest.to_batches()
        self._pending_rows = rest.num_rows


def read_batches(path: Path) -> Iterator[pa.RecordBatch]:
    """Rows of a stored file in order, page checksums verified; memory holds one batch."""
    # Without pre_buffer=False, Arrow keeps what it has read of the file until the end.
    with pq.ParquetFile(path, page_checksum_verification=True, pre_buffer=False) as file:
        yield from file.iter_batches(ROW_GROUP)


def null_counts(path: Path) -> dict[str, int]:
    """Nulls per column, from the footer's statistics."""
    metadata = pq.read_metadata(path)
    counts: dict[str, int] = {}
    for group in range(metadata.num_row_groups):
        for index in range(metadata.num_columns):
            chunk = metadata.row_group(group).column(index)
            counts[chunk.path_in_schema] = (
                counts.get(chunk.path_in_schema, 0) + chunk.statistics.null_count
            )
    return counts


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
