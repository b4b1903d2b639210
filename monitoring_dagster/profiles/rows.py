"""The rows of snapshot files, in file order, and the rows of two files that share an id.

Nothing here knows what is counted; groups are `keyed`, counts `engine` and `matching`.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

import pyarrow as pa
import pyarrow.parquet as pq

from monitoring_dagster.profiles.grid import Ints

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MEMORY_LIMIT = "256MB"
"""What DuckDB may hold before it spills to disk; Arrow and numpy need the rest of 700 MB."""

BATCH_ROWS = 131_072
"""Rows that are in memory at a time; a row group of a snapshot holds as many at most."""

FEW_ROWS = 16_384
"""Rows of a row group up to which its columns are read together, and by one thread."""


@contextmanager
def database(scratch: Path | None) -> Iterator[DuckDBPyConnection]:
    """A DuckDB session that spills to `scratch` and never reaches for the network."""
    import duckdb

    with tempfile.TemporaryDirectory(dir=scratch, prefix="counting-") as folder:
        connection = duckdb.connect(
            config={
                "memory_limit": MEMORY_LIMIT,
                "temp_directory": folder,
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
                "preserve_insertion_order": "false",
            }
        )
        try:
            yield connection
        finally:
            connection.close()


def quoted(name: str) -> str:
    """A column name as a SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def pattern(path: Path) -> str:
    """A path as DuckDB reads it, with the characters of a glob taken literally."""
    return "".join(f"[{c}]" if c in "[*?" else c for c in str(path))


def batches(path: Path, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """The rows of a snapshot in their order, one row group at a time.

    Row groups are read one by one because `iter_batches` buffers the whole file ahead
    (1.5 GB for 5 M rows × 36 columns; this takes 0.2).
    """
    with pq.ParquetFile(path, pre_buffer=False) as file:
        for group in range(file.num_row_groups):
            table = file.read_row_group(group, columns=list(columns))
            for batch in table.combine_chunks().to_batches():
                if batch.num_rows:
                    yield batch


@dataclass(frozen=True)
class RowGroup:
    """Some consecutive rows of a snapshot, from `start` on, whose columns are read one by one."""

    start: int
    rows: int
    column: Callable[[str], pa.Array | pa.ChunkedArray]


class Columns:
    """A snapshot's columns, which several threads may read at a time: each has its own reader.

    Texts come as dictionaries, as they are stored: reading them takes a fifth of the time, and
    what is looked up is looked up once per distinct value.
    """

    def __init__(self, path: Path, names: Sequence[str]) -> None:
        self._path = path
        self._names = list(names)
        self._metadata = pq.read_metadata(path)
        self._of_thread = threading.local()
        self._opened: list[pq.ParquetFile] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._opened:
            file.close()

    def row_groups(self) -> Iterator[RowGroup]:
        """The rows in their order; memory holds the columns of one row group."""
        start = 0
        for group in range(self._metadata.num_row_groups):
            rows = self._metadata.row_group(group).num_rows
            if rows:
                yield RowGroup(start, rows, self._reader_of(group, rows))
            start += rows

    def _reader_of(self, group: int, rows: int) -> Callable[[str], pa.Array | pa.ChunkedArray]:
        if rows > FEW_ROWS:
            return lambda name: _one(self._read(group, [name]).column(0))
        table = self._read(group, self._names)
        return lambda name: _one(table.column(name))

    def _read(self, group: int, names: list[str]) -> pa.Table:
        file: pq.ParquetFile | None = getattr(self._of_thread, "file", None)
        if file is None:
            file = pq.ParquetFile(
                self._path,
                metadata=self._metadata,
                read_dictionary=self._names,
                pre_buffer=False,
            )
            self._of_thread.file = file
            self._opened.append(file)
        return file.read_row_group(group, columns=names, use_threads=False)


def _one(column: pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """The column's only chunk, or the column where it has several or none."""
    return column.chunk(0) if column.num_chunks == 1 else column


def row_count(path: Path) -> int:
    """Rows of a snapshot, from its metadata."""
    return pq.read_metadata(path).num_rows


def matched(
    db: DuckDBPyConnection, base: Path, other: Path, id_column: str, columns: Sequence[str]
) -> Iterator[tuple[Ints, pa.RecordBatch]]:
    """`columns` of the rows of `other` whose id `base` has, with their row numbers in `base`.

    Only ids and `columns` go through the join; ids are unique within a snapshot.
    """
    carried = "".join(f", o.{quoted(c)}" for c in columns)
    relation = db.sql(
        f"SELECT b.file_row_number AS row_number{carried} "
        "FROM read_parquet($base, file_row_number = true) b "
        f"JOIN read_parquet($other) o ON b.{quoted(id_column)} = o.{quoted(id_column)}",
        params={"base": pattern(base), "other": pattern(other)},
    )
    for batch in relation.to_arrow_reader(BATCH_ROWS):
        yield batch.column(0).to_numpy(), batch
