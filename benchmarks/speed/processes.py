"""Fresh processes and what they take: seconds, processor seconds and peak memory.

Which processes are compared is said by the parts.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.peers.environment import QUIET

ROOT = Path(__file__).parents[2]
RUNNERS = Path(__file__).parent


@dataclass(frozen=True)
class Taken:
    """What one process took; `peak_mb` is the largest resident memory in 10^6 bytes."""

    seconds: float
    cpu_seconds: float
    peak_mb: float


def run(command: Sequence[str | Path], more: Mapping[str, str] | None = None) -> Taken:
    """Run a process to its end. All libraries choose their threads themselves.

    Raises:
        RuntimeError: it failed; with the end of what it said.
    """
    kept = {k: v for k, v in {**os.environ, **QUIET}.items() if k != "OMP_NUM_THREADS"}
    with tempfile.TemporaryDirectory() as folder:
        figures = Path(folder) / "figures.json"
        done = subprocess.run(
            [sys.executable, "-I", "-S", RUNNERS / "run_one.py", figures, *command],
            check=False,
            capture_output=True,
            text=True,
            cwd=ROOT,
            env={**kept, "PYTHONPATH": str(ROOT), **(more or {})},
        )
        if done.returncode:
            raise RuntimeError(f"{command[1]} ended with {done.returncode}: {done.stderr[-2_000:]}")
        return Taken(**json.loads(figures.read_text(encoding="utf-8")))


def together(commands: Mapping[str, Sequence[str | Path]], repeats: int) -> dict[str, list[Taken]]:
    """Several processes in turn, so that what else the machine does burdens all of them."""
    taken: dict[str, list[Taken]] = {name: [] for name in commands}
    for _ in range(repeats):
        for name, command in commands.items():
            taken[name].append(run(command))
    return taken


def median(taken: Sequence[Taken]) -> Taken:
    """The median of each figure."""
    return Taken(
        statistics.median(t.seconds for t in taken),
        statistics.median(t.cpu_seconds for t in taken),
        statistics.median(t.peak_mb for t in taken),
    )


def ratio(taken: Sequence[Taken], to: Sequence[Taken], figure: Callable[[Taken], float]) -> float:
    """The median ratio of a figure over the rounds; over the medians where rounds differ."""
    if len(taken) != len(to):
        return figure(median(taken)) / figure(median(to))
    return statistics.median(figure(a) / figure(b) for a, b in zip(taken, to, strict=True))
