"""Generated rows of many columns, stored as the system stores snapshots, and their monitor.

Four columns of five are numbers (normal, log-normal, exponential, uniform, whole), the others
categories of 3 to 1,000 levels with Zipf's frequencies.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from monitoring_dagster.monitors.calendar import window
from monitoring_dagster.monitors.contract import Kind, Monitor
from monitoring_dagster.profiles.day_snapshots import DaySnapshots
from monitoring_dagster.telemetry.parquet_file import ROW_GROUP, ParquetFile

LEVELS = (3, 10, 50, 200, 1_000)
DAY = dt.date(2026, 3, 2)
_SOURCE = {"kind": "parquet", "path": "telemetry/{date}.parquet"}


def numbers(columns: int) -> list[str]:
    """The names of the numeric ones among so many columns."""
    return [f"x{i}" for i in range(columns - columns // 5)]


def categories(columns: int) -> list[str]:
    """The names of the categorical ones among so many columns."""
    return [f"c{i}" for i in range(columns // 5)]


def write(path: Path, rows: int, seed: int, columns: int = 25) -> Path:
    """Write rows drawn from a seed; memory holds one row group."""
    schema = pa.schema(
        [
            ("id", pa.string()),
            *((name, pa.float64()) for name in numbers(columns)),
            *((name, pa.string()) for name in categories(columns)),
        ]
    )
    random = np.random.default_rng(seed)
    file = ParquetFile(path, schema)
    for start in range(0, rows, ROW_GROUP):
        n = min(ROW_GROUP, rows - start)
        drawn = [
            pa.array(np.char.mod("%d", np.arange(start, start + n))),
            *(pa.array(_numbers(random, i, n)) for i in range(len(numbers(columns)))),
            *(_words(random, LEVELS[i % 5], n) for i in range(len(categories(columns)))),
        ]
        file.write(pa.RecordBatch.from_arrays(drawn, schema=schema))
    file.close()
    return path


def _numbers(random: np.random.Generator, column: int, n: int) -> np.ndarray:
    match column % 5:
        case 0:
            return random.normal(column, 1 + column, n)
        case 1:
            return random.lognormal(0, 1, n)
        case 2:
            return random.exponential(10, n)
        case 3:
            return random.uniform(0, 100, n)
        case _:
            return random.poisson(30 + 10 * column, n).astype(np.float64)


def _words(random: np.random.Generator, levels: int, n: int) -> pa.Array:
    weights = 1 / np.arange(1, levels + 1)
    cumulated = np.cumsum(weights / weights.sum())
    drawn = np.minimum(np.searchsorted(cumulated, random.random(n)), levels - 1)
    return pa.array([f"level-{i:04d}" for i in range(levels)]).take(pa.array(drawn))


def monitor(columns: int = 25, segments: Sequence[tuple[str, int]] = ()) -> Monitor:
    """A monitor of these columns; `segments` are columns and how many values are told apart."""
    content = {
        "schema_version": 1,
        "name": "generated",
        "owner": "team:benchmarks",
        "model": {"task": "binary", "threshold": 0.5},
        "telemetry": {"features": _SOURCE, "predictions": _SOURCE},
        "columns": {
            "id": {"role": "id"},
            **{name: {"role": "feature", "type": "number"} for name in numbers(columns)},
            **{name: {"role": "feature", "type": "category"} for name in categories(columns)},
        },
        "reference": {"first_day": dt.date(2026, 1, 1), "last_day": dt.date(2026, 1, 10)},
        "first_day": DAY,
        "segments": [{"columns": [name], "max_values": most} for name, most in segments],
    }
    return Monitor.model_validate(content, strict=False)


def snapshot(watched: Monitor, path: Path, day: dt.date = DAY) -> DaySnapshots:
    """The file as the features of a day that has no predictions."""
    return DaySnapshots(window(watched, day), path, absent={Kind.PREDICTIONS: "source_missing"})
