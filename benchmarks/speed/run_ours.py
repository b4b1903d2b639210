"""A profile of a day's file and all of its drift metrics.

`python run_ours.py freeze REFERENCE FROZEN` learns the grid and counts the reference,
`python run_ours.py count FROZEN DAY` counts a day and compares it, and
`python run_ours.py both REFERENCE DAY` does both, as the peers do.
"""

from __future__ import annotations

import pickle
import sys
from pathlib import Path

from benchmarks.speed.data import DAY, monitor, snapshot
from monitoring_dagster.metrics import drift
from monitoring_dagster.metrics.measurement import Measurement
from monitoring_dagster.profiles import engine
from monitoring_dagster.profiles.freezing import freeze_grid
from monitoring_dagster.profiles.grid import Grid
from monitoring_dagster.profiles.profile import Profile

WATCHED = monitor()


def freeze(reference: Path) -> tuple[Grid, Profile]:
    """The reference's grid and counts."""
    grid, _ = freeze_grid(WATCHED, [snapshot(WATCHED, reference)])
    return grid, count(grid, reference)


def count(grid: Grid, path: Path) -> Profile:
    """The counts of a file."""
    return engine.count(WATCHED, grid, {DAY: snapshot(WATCHED, path)})[DAY]


def compare(grid: Grid, reference: Profile, day: Path) -> list[Measurement]:
    """Every drift metric of a day."""
    return drift.measure(WATCHED, grid, reference, count(grid, day))


def main() -> None:
    """Do what the command line says."""
    task, first, second = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    if task == "freeze":
        second.write_bytes(pickle.dumps(freeze(first)))
        return
    known = pickle.loads(first.read_bytes()) if task == "count" else freeze(first)  # noqa: S301 - written by `freeze`
    grid, reference = known
    measured = compare(grid, reference, second)
    print(len(measured), "measurements,", sum(m.estimate.value > 0 for m in measured), "above 0")


if __name__ == "__main__":
    main()
