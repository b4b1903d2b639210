"""Traffic: requests and failed requests per elapsed hour of the day.

Hours are counted from the day's first instant, so that a day of 23 or 25 hours has as many.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from monitoring_dagster.monitors.calendar import Window
from monitoring_dagster.monitors.contract import Column, Monitor, Role
from monitoring_dagster.profiles.day_snapshots import DaySnapshots
from monitoring_dagster.profiles.grid import Ints
from monitoring_dagster.profiles.grouped import Sums
from monitoring_dagster.profiles.lookup import positions, text
from monitoring_dagster.profiles.rows import RowGroup

MAX_HOURS = 25
TEMPLATE = {
    "requests": np.zeros(MAX_HOURS, np.int64),
    "failures": np.zeros(MAX_HOURS, np.int64),
}
OK_PATTERN = r"^(ok|success|true|[23]\d\d)$"
"""What means success where a status column declares no `ok_values`, in any case of letters."""

_HOUR = 3_600_000_000


@dataclass(frozen=True)
class Log:
    """The columns of the traffic that say when a request came and how it ended."""

    timestamp: str | None
    status: str | None
    column: Column | None

    @property
    def names(self) -> Sequence[str]:
        """The columns to read."""
        return [name for name in (self.timestamp, self.status) if name is not None]

    def add(self, sums: Sums, batch: RowGroup, codes: Sequence[Ints], day: Window) -> None:
        """Count the requests of a batch."""
        hours = np.zeros(batch.rows, np.int64)
        if self.timestamp is not None:
            hours = elapsed_hours(batch.column(self.timestamp), day)
        sums.add("requests", codes, hours)
        if self.status is not None and self.column is not None:
            failed = is_failure(batch.column(self.status), self.column)
            sums.add("failures", [code[failed] for code in codes], hours[failed])


def columns(monitor: Monitor, snapshots: DaySnapshots) -> Log:
    """The columns of the day's traffic that are there."""
    kind = snapshots.traffic_kind

    def carried(role: Role) -> str | None:
        name = monitor.the(role, kind)
        is_there = name and kind and snapshots.carries(monitor, kind, name)
        return name if is_there else None

    status = carried(Role.STATUS)
    return Log(carried(Role.TIMESTAMP), status, None if status is None else monitor.columns[status])


def elapsed_hours(timestamps: pa.Array | pa.ChunkedArray, day: Window) -> Ints:
    """Whole hours since the day began.

    What has no time, or one outside the day, is counted in the nearest hour (without a time:
    the first), so that requests add up to rows.
    """
    start = round(day.start.timestamp() * 1_000_000)
    micros = timestamps.cast(pa.int64()).fill_null(start).to_numpy(zero_copy_only=False)
    return np.clip((micros - start) // _HOUR, 0, day.hours - 1)


def is_failure(statuses: pa.Array | pa.ChunkedArray, column: Column) -> np.ndarray:
    """Where the status is none of the ok values; a null says nothing and is no failure.

    Without declared ok values, what fits `OK_PATTERN` is one.
    """
    if column.ok_values is not None:
        words = [str(v).lower() if isinstance(v, bool) else str(v) for v in column.ok_values]
        found = positions(statuses, pa.array(words, pa.string()), null=0, other=-1)
        return found < 0
    if isinstance(statuses, pa.ChunkedArray):
        return np.concatenate([is_failure(chunk, column) for chunk in statuses.chunks])
    if isinstance(statuses, pa.DictionaryArray):
        told = np.append(is_failure(statuses.dictionary, column), False)
        return told[statuses.indices.fill_null(len(told) - 1).to_numpy(zero_copy_only=False)]
    import pyarrow.compute as pc

    options = {"pattern": OK_PATTERN, "ignore_case": True}
    is_fine = pc.match_substring_regex(text(statuses), **options)  # pyright: ignore[reportAttributeAccessIssue]
    return ~np.asarray(is_fine.fill_null(True).to_numpy(zero_copy_only=False), dtype=bool)
