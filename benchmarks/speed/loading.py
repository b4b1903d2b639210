"""How long a code location takes to load with 1, 10 and 100 monitors, beside a bare Dagster import.

`python -m benchmarks.speed.loading` prints the table.
"""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path

from benchmarks.speed.processes import ROOT, Taken, median, run
from benchmarks.tables import Table

BARE = "import dagster"
LOAD = (
    "from monitoring_dagster.definitions import defs; defs().get_repository_def()"  # resolved, too
)
MONITORS = (1, 10, 100)
REPEATS = 3


def table() -> Table:
    """Fresh processes that load the location with so many monitors."""
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        bare = _loaded(BARE, root)
        rows = [("bare import of Dagster", *_figures(bare, bare))]
        for count in MONITORS:
            loaded = _loaded(LOAD, _copies(root / str(count), count))
            rows.append((f"location with {count} monitors", *_figures(loaded, bare)))
    return Table(
        "Loading the code location",
        ("what", "seconds", "CPU s", "peak MB", "× bare import"),
        rows,
        (f"Medians of {REPEATS} fresh processes; definitions are resolved.",),
    )


def _loaded(script: str, monitors: Path) -> Taken:
    command = [sys.executable, "-W", "ignore", "-c", script]
    settings = {"MONITORING_DAGSTER_MONITORS": str(monitors)}
    return median([run(command, settings) for _ in range(REPEATS)])


def _figures(taken: Taken, bare: Taken) -> tuple[str, ...]:
    ratio = taken.seconds / bare.seconds
    return (
        f"{taken.seconds:.1f}",
        f"{taken.cpu_seconds:.1f}",
        f"{taken.peak_mb:,.0f}",
        f"{ratio:.1f}",
    )


def _copies(folder: Path, count: int) -> Path:
    """A folder with `count` monitors, copies of the example's under other names."""
    folder.mkdir()
    document = (ROOT / "monitors/flight_delay.yaml").read_text(encoding="utf-8")
    for number in range(count):
        name = f"flight_delay_{number}"
        text = re.sub(r"^name: .*$", f"name: {name}", document, flags=re.MULTILINE)
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return folder


def main() -> None:
    """Measure and print."""
    print(table())


if __name__ == "__main__":
    main()
