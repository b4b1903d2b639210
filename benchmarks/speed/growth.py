"""How the cost of a profile and its drift grows with rows, columns, segments and days.

`python -m benchmarks.speed.growth` prints the table.
"""

from __future__ import annotations

import datetime as dt
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from benchmarks.speed import data
from benchmarks.tables import Table
from monitoring_dagster.metrics import drift
from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.profiles import engine
from monitoring_dagster.profiles.freezing import freeze_grid

REPEATS = 3
REFERENCE_ROWS = 100_000
ROWS = (10_000, 100_000, 1_000_000, 10_000_000)
COLUMNS = (5, 25, 50, 100)
SEGMENTS: Sequence[Sequence[tuple[str, int]]] = (
    (),
    (("c1", 10),),
    (("c3", 50),),
    (("c3", 100),),
    (("c1", 10), ("c2", 40), ("c3", 50)),
)
DAYS = (1, 10, 100)

Row = tuple[str, ...]
T = TypeVar("T")


def table() -> Table:
    """Seconds to count and to compare, in one process that is already up."""
    with tempfile.TemporaryDirectory() as folder:
        rows = list(_rows(Path(folder)))
    return Table(
        "How the cost grows",
        ("what", "count s", "count CPU s", "drift CPU s", "CPU ns per value", "measurements"),
        rows,
        (
            (
                f"25 columns unless said otherwise; medians of {REPEATS}; the reference has "
                f"{REFERENCE_ROWS:,} rows and is frozen."
            ),
            "CPU ns per value: of counting and drift, over rows × columns × days.",
        ),
    )


def _rows(folder: Path) -> Iterator[Row]:
    watched = data.monitor()
    for rows in ROWS:
        yield _measured(f"{rows:,} rows", watched, folder, rows)
    for columns in COLUMNS:
        yield _measured(f"{columns} columns, 200,000 rows", data.monitor(columns), folder, 200_000)
    for cuts in SEGMENTS:
        told = ", ".join(f"{most} of {name}" for name, most in cuts) or "none"
        watched = data.monitor(segments=cuts)
        yield _measured(f"segments: {told}; 200,000 rows", watched, folder, 200_000)
    watched = data.monitor()
    for days in DAYS:
        yield _measured(f"{days} days of 1,000 rows", watched, folder, 1_000, days)


def _measured(what: str, watched: Monitor, folder: Path, rows: int, days: int = 1) -> Row:
    """Count and compare days that all are the same file."""
    columns = len(watched.columns) - 1
    path = data.write(folder / "day.parquet", rows, seed=2, columns=columns)
    reference = data.write(folder / "reference.parquet", REFERENCE_ROWS, seed=1, columns=columns)
    frozen = data.snapshot(watched, reference)
    grid, _ = freeze_grid(watched, [frozen])
    whole = engine.count(watched, grid, {data.DAY: frozen})[data.DAY]
    dates = [data.DAY + dt.timedelta(days=i) for i in range(days)]
    snapshots = {day: data.snapshot(watched, path, day) for day in dates}
    taken: list[tuple[float, float, float]] = []
    measurements = 0
    for _ in range(REPEATS):
        seconds, cpu, profiles = _timed(lambda: engine.count(watched, grid, snapshots))
        _, compared, found = _timed(
            lambda profiles=profiles: [
                drift.measure(watched, grid, whole, profile) for profile in profiles.values()
            ]
        )
        taken.append((seconds, cpu, compared))
        measurements = sum(map(len, found))
    seconds, cpu, compared = (statistics.median(figures) for figures in zip(*taken, strict=True))
    per_value = (cpu + compared) / (rows * columns * days) * 1e9
    return (
        what,
        f"{seconds:.3f}",
        f"{cpu:.3f}",
        f"{compared:.3f}",
        f"{per_value:,.1f}",
        f"{measurements:,}",
    )


def _timed(work: Callable[[], T]) -> tuple[float, float, T]:
    start, cpu = time.perf_counter(), time.process_time()
    result = work()
    return time.perf_counter() - start, time.process_time() - cpu, result


def main() -> None:
    """Measure and print."""
    print(table())


if __name__ == "__main__":
    main()
