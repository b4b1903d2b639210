"""The rows that are checked: the needed columns of a snapshot, a fixed sample where it is large.

What is expected of them is not known here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    import pandas as pd

_BATCH_ROWS = 65_536


@dataclass(frozen=True)
class Frame:
    """Rows as pandas; `step` says that they are every `step`-th row, beginning with the first."""

    rows: pd.DataFrame
    step: int


def read_frame(path: Path, columns: Sequence[str], *, max_rows: int) -> Frame:
    """Read at most `max_rows` rows of `columns`, spread evenly over the file.

    Every k-th row rather than random ones: the same rows each time, and of every hour, since
    rows lie in the order in which they came.
    """
    import pandas as pd

    with pq.ParquetFile(path, page_checksum_verification=True, pre_buffer=False) as file:
        step = max(1, math.ceil(file.metadata.num_rows / max_rows))
        known = [name for name in columns if name in file.schema_arrow.names]
        table = file.read(columns=known) if step == 1 else _every(file, known, step)
    # Nullable types: integers stay exact and booleans stay booleans where some are null.
    nullable = {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}
    return Frame(table.to_pandas(types_mapper=nullable.get), step)


def _every(file: pq.ParquetFile, columns: list[str], step: int) -> pa.Table:
    kept: list[pa.RecordBatch] = []
    first = 0
    for batch in file.iter_batches(batch_size=_BATCH_ROWS, columns=columns):
        kept.append(batch.take(pa.array(np.arange(-first % step, batch.num_rows, step))))
        first += batch.num_rows
    return pa.Table.from_batches(kept)
