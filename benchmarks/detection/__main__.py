"""Prints what is found and what is cried: `python -m benchmarks.detection [--quick]`."""

from __future__ import annotations

import argparse
import os
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

from benchmarks.detection import broken, changed, specification, unchanged
from benchmarks.detection.changed import Plan
from benchmarks.detection.tasks import Task
from benchmarks.detection.unchanged import OURS, Variant
from benchmarks.peers import TOOLS, python
from benchmarks.tables import Table

SEED = 20_260
EVERYBODY = (OURS, *TOOLS)


@dataclass(frozen=True)
class Extent:
    """How much is computed; `most_days` keeps the slowest peer to a part of the unchanged days."""

    variants: tuple[Variant, ...]
    most_days: int
    data: tuple[changed.Name, ...]
    plan: Plan
    theirs: Plan
    worlds: int


FULL = Extent(
    variants=tuple(
        Variant(how, rows, 90, 150) for how in ("days", "rows") for rows in (None, 250, 100)
    ),
    most_days=10,
    data=("flights", "generated"),
    plan=Plan(repeats=1, horizon=14),
    theirs=Plan(sizes=("medium",), repeats=1, horizon=10),
    worlds=4,
)

QUICK = Extent(
    variants=(Variant("days", 250, 31, 40), Variant("rows", 250, 31, 40)),
    most_days=8,
    data=("generated",),
    plan=Plan(sizes=("medium",), repeats=1, horizon=10),
    theirs=Plan(sizes=("medium",), repeats=1, horizon=10),
    worlds=1,
)


def main() -> None:
    """Compute the tables with as many processes as asked for, and print them."""
    given = _arguments()
    started = time.monotonic()
    for table in tables(QUICK if given.quick else FULL, seed=given.seed, workers=given.workers):
        print(table, flush=True)
    print(f"\nseed {given.seed}, {time.monotonic() - started:.0f} s")


def tables(
    extent: Extent = FULL, *, seed: int = SEED, workers: int | None = None
) -> Iterator[Table]:
    """Every table; `workers` processes compute them, one per core by default."""
    python()  # made by one process, not by each
    # Started anew, since DuckDB's and Arrow's threads do not survive a fork; silent, since MLflow
    # warns of its own dependencies.
    with ProcessPoolExecutor(
        workers or os.cpu_count(),
        get_context("spawn"),
        initializer=_begin,
    ) as pool:
        yield from _tables(extent, seed, pool)


def _begin() -> None:
    """Silent, and one thread a process: threads that wait for one another cost a multiple."""
    warnings.simplefilter("ignore")
    os.environ["OMP_NUM_THREADS"] = "1"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.detection")
    parser.add_argument("--quick", action="store_true", help="fewer days, sizes and repeats")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    return parser.parse_args()


def _tables(extent: Extent, seed: int, pool: Executor) -> list[Table]:
    """Every table; all tasks are asked for before the first result is waited for."""
    found = [
        Task(pool, f"faults: {tool}, {data}", changed.result, tool, data, plan, seed)
        for data in extent.data
        for tool in EVERYBODY
        for plan in [extent.plan if tool != "evidently" else extent.theirs]
    ]
    still = [
        Task(
            pool,
            f"no change: {tool}, {', '.join(variant.stated)}",
            unchanged.said,
            tool,
            variant,
            seed,
            _days(extent, tool, variant),
        )
        for variant in extent.variants
        for tool in EVERYBODY
    ]
    others = [
        Task(pool, "delays", specification.delays, seed, extent.worlds),
        Task(pool, "absurd value", specification.absurd_value, seed),
        Task(pool, "broken days", broken.table, seed),
    ]
    results = [task.result() for task in found]
    return [
        unchanged.table([task.result() for task in still]),
        changed.overview(results, extent.plan),
        *changed.by_fault(results),
        *(task.result() for task in others),
    ]


def _days(extent: Extent, tool: str, variant: Variant) -> int:
    return extent.most_days if tool == "evidently" else variant.test_days


if __name__ == "__main__":
    main()
