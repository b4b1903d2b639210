"""Quarantine: rows that a snapshot refused, kept apart as text, with the reason.

All are counted; of each reason a bounded number is written. Why a row is refused is `contract`.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa

from monitoring_dagster.telemetry.contract import Refusal
from monitoring_dagster.telemetry.kernels import pc
from monitoring_dagster.telemetry.parquet_file import ParquetFile

MAX_WRITTEN = 100_000
"""Rows written per reason."""


class Quarantine:
    """Collects the refused rows of one day in a local file.

    Args:
        path: where to write; the file exists only if there was something to refuse.
        schema: of `contract.refused_schema`.
    """

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self.counts: Counter[str] = Counter()
        self.schema = schema
        self._file = ParquetFile(path, schema)

    def add(self, rows: pa.RecordBatch) -> None:
        """Refuse rows whose `@reason` says why."""
        for counted in pc.value_counts(rows.column("@reason")).to_pylist():
            reason, count = counted["values"], counted["counts"]
            room = max(0, MAX_WRITTEN - self.counts[reason])
            self.counts[reason] += count
            if count > room:
                is_this = pc.equal(rows.column("@reason"), reason).to_numpy(zero_copy_only=False)
                rows = rows.filter(pa.array(~is_this | (np.cumsum(is_this) <= room)))
        self._file.write(rows)

    def add_lines(self, lines: list[int], total: int) -> None:
        """Refuse lines that are no rows; their text may hold anything, so it is not kept."""
        self.add(self._without_values(Refusal.UNPARSABLE_LINE, lines))
        self.counts[Refusal.UNPARSABLE_LINE] += total - len(lines)

    def close(self) -> Path | None:
        """Finish the file; None when nothing was refused."""
        self.counts = +self.counts
        return self._file.close()

    def _without_values(self, reason: Refusal, lines: list[int]) -> pa.RecordBatch:
        size = len(lines)
        own = [
            pa.array([str(reason)] * size, pa.string()),
            pa.nulls(size, pa.string()),
            pa.array(lines, pa.int64()),
        ]
        rest = [pa.nulls(size, pa.string())] * (len(self.schema) - len(own))
        return pa.RecordBatch.from_arrays([*own, *rest], schema=self.schema)


def conflicting(
    rows: pa.RecordBatch, ordinals: np.ndarray, identifier: str, schema: pa.Schema
) -> pa.RecordBatch:
    """Rows whose id another payload had taken, in the shape of the quarantine.

    Args:
        rows: (n,) of the stored schema.
        ordinals: (n,) position of each among the accepted rows.
        identifier: the id column.
        schema: of `contract.refused_schema`.
    """
    size = rows.num_rows
    own = [
        pa.array([str(Refusal.CONFLICTING_ID)] * size, pa.string()),
        pa.array([identifier] * size, pa.string()),
        pa.array(ordinals, pa.int64()),
    ]
    texts = [rows.column(name).cast(pa.string()) for name in schema.names[len(own) :]]
    return pa.RecordBatch.from_arrays([*own, *texts], schema=schema)
