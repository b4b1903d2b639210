"""Rows that repeat an id: exact copies, and other payloads under a taken id.

The first row by ingest order keeps the id. Asked of the written file, so that memory does not
grow with the day.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from monitoring_dagster.telemetry.duckdb_session import quoted, session
from monitoring_dagster.telemetry.kernels import pc
from monitoring_dagster.telemetry.parquet_file import ROW_GROUP


@dataclass(frozen=True)
class Repeats:
    """Positions in the file (ascending): of exact copies, and of conflicting payloads."""

    copies: np.ndarray
    conflicts: np.ndarray


def find(path: Path, identifier: str, scratch: Path) -> Repeats | None:
    """Find the rows that repeat an id; None when there is no such row.

    Args:
        path: a written Parquet file.
        identifier: its id column.
        scratch: a folder to spill to.
    """
    if _is_small_and_unique(path, identifier):
        return None
    payload = ", ".join(quoted(name) for name in pq.read_schema(path).names)
    with session(scratch, [path]) as connection:
        # Grouping hashes instead of texts takes a third of the memory; a false candidate by
        # collision is sorted out below, where rows meet by the id itself.
        connection.execute(
            f"""CREATE TEMP TABLE candidate AS
            SELECT hash({quoted(identifier)}) AS hashed FROM read_parquet($path)
            GROUP BY hashed HAVING count(*) > 1""",
            {"path": str(path)},
        )
        found = connection.execute(
            f"""WITH suspect AS (
                SELECT file_row_number AS position, {quoted(identifier)} AS identifier,
                       hash({payload}) AS payload
                FROM read_parquet($path, file_row_number = true)
                WHERE hash({quoted(identifier)}) IN (SELECT hashed FROM candidate)
            )
            SELECT position, payload = first_value(payload) OVER same AS is_copy
            FROM suspect
            WINDOW same AS (PARTITION BY identifier ORDER BY position)
            QUALIFY row_number() OVER same > 1
            ORDER BY position""",
            {"path": str(path)},
        ).fetchnumpy()
    if not len(found["position"]):
        return None
    positions, is_copy = np.asarray(found["position"]), np.asarray(found["is_copy"], dtype=bool)
    return Repeats(positions[is_copy], positions[~is_copy])


def _is_small_and_unique(path: Path, identifier: str) -> bool:
    """The usual case of a small day, answered without a database."""
    if pq.read_metadata(path).num_rows > ROW_GROUP:
        return False
    ids = pq.read_table(path, columns=[identifier]).column(0)
    return pc.count_distinct(ids).as_py() == len(ids)
