"""The example's 275 days, stage by stage, and what one more monitor costs in a run.

`python -m benchmarks.speed.backfill` prints the table. It needs the telemetry of `make demo`,
copies it, and leaves the example as it is.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.speed.processes import ROOT, RUNNERS
from benchmarks.tables import Table
from monitoring_dagster import settings

DEMO = ROOT / ".demo"
COPIED = ("telemetry", "mlflow", "pseudonym.key")
TITLE = "The example's backfill, stage by stage"
HEADER = ("what", "seconds", "CPU s", "ms per day", "share")
ONE_MORE, ROUNDS = 3, 3
"""Monitors of the wider run, and how often both are measured."""


def table() -> Table:
    """All stages of all days in one process, from telemetry to stored verdicts."""
    if not (DEMO / "telemetry").exists():
        return Table(TITLE, HEADER, [], ("Skipped: no telemetry of the example; run `make demo`.",))
    with tempfile.TemporaryDirectory() as temporary:
        home = Path(temporary)
        for name in COPIED:
            copy = shutil.copytree if (DEMO / name).is_dir() else shutil.copy2
            copy(DEMO / name, home / name)
        _copies(home / "monitors", ONE_MORE)
        first, last = _span()
        told = _run(home, 1, first, last)
        days, stages = told["days"], told["stages"]
        whole = sum(taken["seconds"] for taken in stages.values())
        rows = [
            _line(stage, taken["seconds"], taken["cpu"], days, whole)
            for stage, taken in stages.items()
        ]
        cpu = sum(taken["cpu"] for taken in stages.values())
        rows.append(_line("all stages", whole, cpu, days, whole))
        rows += _one_more(home, last)
    return Table(
        TITLE,
        HEADER,
        rows,
        (
            (
                f"{days} days of 905 flights, 13 features, 11 segments; one process, one batch, no "
                "Dagster around it; the reference (31 days) is frozen within."
            ),
            (
                f"One more monitor: a day's run of {ONE_MORE} less one of a single one, per "
                f"monitor; fresh processes, references frozen, median of {ROUNDS}."
            ),
        ),
    )


def _line(what: str, seconds: float, cpu: float, days: int, whole: float) -> tuple[str, ...]:
    share = f"{seconds / whole:.0%}".replace("%", " %")
    return what, f"{seconds:.2f}", f"{cpu:.2f}", f"{seconds / days * 1e3:.1f}", share


def _one_more(home: Path, day: str) -> list[tuple[str, ...]]:
    _run(home, ONE_MORE, day, day)  # freezes the references of the copies
    alone, more = [], []
    for _ in range(ROUNDS):
        alone.append(_seconds(home, 1, day))
        more.append(_seconds(home, ONE_MORE, day))
    per_monitor = [(b - a) / (ONE_MORE - 1) for a, b in zip(alone, more, strict=True)]
    return [
        ("a day's run of one monitor", f"{statistics.median(alone):.2f}", "", "", ""),
        ("one more monitor in the run", f"{statistics.median(per_monitor):.2f}", "", "", ""),
    ]


def _seconds(home: Path, monitors: int, day: str) -> float:
    start = time.perf_counter()
    _run(home, monitors, day, day)
    return time.perf_counter() - start


def _run(home: Path, monitors: int, first: str, last: str) -> dict:
    """What the process tells of its stages."""
    command = [sys.executable, "-W", "ignore", RUNNERS / "run_days.py", monitors, first, last]
    own = {k: v for k, v in os.environ.items() if not k.startswith("MONITORING_DAGSTER_")}
    done = subprocess.run(
        [str(part) for part in command],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=own
        | {
            "PYTHONPATH": str(ROOT),
            settings.HOME: str(home),
            settings.MONITORS: str(home / "monitors"),
        },
    )
    return json.loads(done.stdout.splitlines()[-1])


def _copies(folder: Path, count: int) -> None:
    """The example's monitor and copies of it under other names, in the order of their names."""
    folder.mkdir()
    document = (ROOT / "monitors/flight_delay.yaml").read_text(encoding="utf-8")
    for number in range(count):
        name = f"flight_delay_{number}"
        text = re.sub(r"^name: .*$", f"name: {name}", document, flags=re.MULTILINE)
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")


def _span() -> tuple[str, str]:
    document = (ROOT / "monitors/flight_delay.yaml").read_text(encoding="utf-8")
    found = dict(re.findall(r"^(first_day|last_day): (\S+)", document, flags=re.MULTILINE))
    return found["first_day"], found["last_day"]


def main() -> None:
    """Measure and print."""
    print(table())


if __name__ == "__main__":
    main()
