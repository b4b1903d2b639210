"""Runs the benchmarks and writes results.md: `python -m benchmarks [PART ...]`.

Every figure of a table comes from one run on one machine. A part that is run alone replaces its
section; the others stay as they were measured.
"""

from __future__ import annotations

import argparse
import datetime as dt
import importlib
import os
import platform
import time
import warnings
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from pathlib import Path

from benchmarks.tables import Table

ROOT = Path(__file__).resolve().parents[1]
RESULTS = Path(__file__).with_name("results.md")
SECTIONS = ROOT / ".bench" / "results"

PARTS = {
    "speed.counting": ("benchmarks.speed.counting", "table"),
    "speed.growth": ("benchmarks.speed.growth", "table"),
    "speed.backfill": ("benchmarks.speed.backfill", "table"),
    "speed.loading": ("benchmarks.speed.loading", "table"),
    "estimates": ("benchmarks.estimates", "tables"),
    "detection": ("benchmarks.detection.__main__", "tables"),
    "audit": ("benchmarks.audit", "table"),
    "delivery": ("benchmarks.delivery", "table"),
}
"""In the order of the report: a module, and what of it makes a table or several."""


def main() -> None:
    """Run the parts that were asked for, print their tables, and write the report anew."""
    warnings.simplefilter("ignore")
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    given = parser.parse_args().parts or list(PARTS)
    unknown = [part for part in given if part not in PARTS]
    if unknown:
        parser.error(f"no part {unknown[0]!r}; there are {', '.join(PARTS)}")
    SECTIONS.mkdir(parents=True, exist_ok=True)
    for part in given:
        started = time.monotonic()
        module, function = PARTS[part]
        made = getattr(importlib.import_module(module), function)()
        tables = _printed([made] if isinstance(made, Table) else made)
        _keep(part, tables, time.monotonic() - started)
        RESULTS.write_text(report(), encoding="utf-8")
    print(f"\nWritten: {RESULTS}")


def _printed(tables: Iterable[Table]) -> list[Table]:
    found = []
    for table in tables:
        print(table, flush=True)
        found.append(table)
    return found


def _keep(part: str, tables: Iterable[Table], seconds: float) -> None:
    aside = f"*Measured on {dt.date.today()} in {seconds / 60:.0f} minutes.*"  # noqa: DTZ011 - for people
    text = "\n".join(map(str, tables))
    (SECTIONS / f"{part}.md").write_text(f"{text}\n\n{aside}\n", encoding="utf-8")


def report() -> str:
    """Every section that was measured, below what it was measured on."""
    sections = [SECTIONS / f"{part}.md" for part in PARTS]
    texts = [path.read_text(encoding="utf-8") for path in sections if path.exists()]
    return "\n".join(["# Benchmarks\n", *machine(), *texts])


def machine() -> Iterator[str]:
    """What the figures were measured on, and with."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    ours = ("dagster", "duckdb", "numpy", "pandas", "pyarrow", "scikit-learn", "scipy")
    yield "Written by `make bench`; `python -m benchmarks PART` measures one part anew.\n"
    yield f"- {os.cpu_count()} × {_processor()}, {memory:.0f} GB, {platform.system()}"
    yield f"- Python {platform.python_version()}, " + ", ".join(f"{n} {version(n)}" for n in ours)
    yield "- Peers in an environment of their own: Evidently 0.7.23, NannyML 0.13.1, whylogs 1.6.4"


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


if __name__ == "__main__":
    main()
