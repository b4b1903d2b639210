"""How long a code location takes to load with 1, 10 and 100 monitors, beside a bare Dagster import.

`python -m benchmarks.load` prints a table; each figure is the median of three fresh processes.
"""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
BARE = "import dagster"
LOAD = (
    "from monitoring_dagster.definitions import defs; defs().get_repository_def()"  # resolved, too
)


def seconds(script: str, monitors: Path) -> float:
    """Wall time of a fresh process that runs `script`: the median of three."""
    env = {**os.environ, "MONITORING_DAGSTER_MONITORS": str(monitors)}
    taken = []
    for _ in range(3):
        start = time.perf_counter()
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", script], check=True, cwd=ROOT, env=env
        )
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def copies(folder: Path, count: int) -> Path:
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
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        bare = seconds(BARE, root)
        print(f"{'bare import of Dagster':<28}{bare:6.1f} s")
        for count in (1, 10, 100):
            loaded = seconds(LOAD, copies(root / str(count), count))
            print(f"{f'location with {count} monitors':<28}{loaded:6.1f} s{loaded / bare:7.1f} ×")


if __name__ == "__main__":
    main()
