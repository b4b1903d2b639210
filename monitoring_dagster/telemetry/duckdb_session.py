"""A DuckDB session for questions about telemetry files: bounded memory, no way out.

It reads and writes below the folders that it is given, loads no extension and opens no
network. The questions are asked by `duplicates` and `labels`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    import duckdb

    # What Arrow freed and still holds would add to what the database may take.
    pa.default_memory_pool().release_unused()

MEMORY_LIMIT = "300MB"
"""Beyond it DuckDB spills to the scratch folder, so that a day of any size fits."""

THREADS = 2


@contextlib.contextmanager
def session(scratch: Path, files: Sequence[Path]) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that can read `files` and spill below `scratch`."""
    import duckdb

    # What Arrow freed and still holds would add to what the database may take.
    pa.default_memory_pool().release_unused()

    folders = sorted({str(file.parent) for file in files} | {str(scratch)})
    connection = duckdb.connect(
        config={
            "memory_limit": MEMORY_LIMIT,
            "threads": THREADS,
            "temp_directory": str(scratch / "duckdb"),
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
    )
    try:
        connection.execute("SET allowed_directories = $folders", {"folders": folders})
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        yield connection
    finally:
        connection.close()


def quoted(name: str) -> str:
    """A column name as a SQL identifier.

    >>> quoted('a"b')
    '"a""b"'
    """
    return '"' + name.replace('"', '""') + '"'
