"""Profile and drift of 1 M and 10 M rows × 25 columns, beside a bare scan and the peers.

`python -m benchmarks.speed.counting` prints the table.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.peers import python
from benchmarks.speed.data import write
from benchmarks.speed.processes import RUNNERS, Taken, median, ratio, run, together
from benchmarks.tables import Table

REFERENCE_ROWS = 1_000_000
DAY_ROWS = (1_000_000, 10_000_000)
REPEATS = 5

MOST_SECONDS, MOST_MB = 120, 12_000
"""What a peer may be expected to take; one that would take more is told, not run."""

BARE, OURS, OURS_WITH_REFERENCE = "bare scan (DuckDB)", "ours", "ours, reference frozen anew"
PEERS = {
    "NannyML 0.13.1": "run_nannyml.py",
    "Evidently 0.7.23": "run_evidently.py",
    "whylogs 1.6.4, profile only": "run_whylogs.py",
}
READS_DAY_ONLY = {"whylogs 1.6.4, profile only"}

Figures = dict[str, list[Taken]]


def table(rows_of_day: Sequence[int] = DAY_ROWS, repeats: int = REPEATS) -> Table:
    """Every tool as a whole process on the same files, in one run."""
    lines: list[tuple[str, ...]] = []
    not_run: list[str] = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        reference = write(folder / "reference.parquet", REFERENCE_ROWS, seed=1)
        frozen = folder / "frozen"
        run([sys.executable, RUNNERS / "run_ours.py", "freeze", reference, frozen])
        before: tuple[int, Figures] | None = None
        for rows in rows_of_day:
            day = write(folder / f"{rows}.parquet", rows, seed=2)
            figures = _ours(reference, frozen, day, repeats)
            skipped = _add_peers(figures, reference, day, rows, before)
            lines += [_line(rows, name, figures) for name in figures]
            lines += [(f"{rows:,}", name, "skipped", *[""] * 5) for name in skipped]
            not_run += [f"{name} on {rows:,} rows: {why}." for name, why in skipped.items()]
            before = before or (rows, figures)
            day.unlink()
    return Table(
        "Profile and drift of a day: 20 numbers and 5 categories per row",
        ("rows", "what", "seconds", "CPU s", "peak MB", "× bare scan", "× its CPU", "× ours"),
        lines,
        (
            (
                "Whole processes from start to end, imports included; medians of "
                f"{repeats} interleaved rounds (peers: one) and of the rounds' ratios."
            ),
            (
                "Bare scan: count, sum, min, max of each number, count of each category, DuckDB's "
                "default threads."
            ),
            f"The reference has {REFERENCE_ROWS:,} rows; ours is frozen once, and read frozen.",
            *not_run,
        ),
    )


def _ours(reference: Path, frozen: Path, day: Path, repeats: int) -> Figures:
    ours = RUNNERS / "run_ours.py"
    return together(
        {
            BARE: [sys.executable, RUNNERS / "run_bare.py", day],
            OURS: [sys.executable, ours, "count", frozen, day],
            OURS_WITH_REFERENCE: [sys.executable, ours, "both", reference, day],
        },
        repeats,
    )


def _add_peers(
    figures: Figures, reference: Path, day: Path, rows: int, before: tuple[int, Figures] | None
) -> dict[str, str]:
    """Run the peers that a smaller day lets hope for; why the others were not run."""
    skipped: dict[str, str] = {}
    for name, runner in PEERS.items():
        if before is not None:
            why = _too_much(name, rows, *before)
            if why:
                skipped[name] = why
                continue
        try:
            figures[name] = [run([python(), RUNNERS / runner, reference, day])]
        except RuntimeError as error:
            skipped[name] = str(error).splitlines()[-1]
    return skipped


def _too_much(name: str, rows: int, known_rows: int, known: Figures) -> str:
    """Why a peer is not run, by its figures on fewer rows; empty where it is."""
    if name not in known:
        return "failed on fewer rows"
    read_too = 0 if name in READS_DAY_ONLY else REFERENCE_ROWS
    factor = (rows + read_too) / (known_rows + read_too)
    taken = median(known[name])
    seconds, megabytes = taken.seconds * factor, taken.peak_mb * factor
    if seconds <= MOST_SECONDS and megabytes <= MOST_MB:
        return ""
    return (
        f"about {seconds:,.0f} s and {megabytes / 1e3:,.0f} GB by its figures on fewer rows, "
        f"the limit is {MOST_SECONDS} s and {MOST_MB / 1e3:.0f} GB"
    )


def _line(rows: int, name: str, figures: Figures) -> tuple[str, ...]:
    taken, bare, ours = figures[name], figures[BARE], figures[OURS]
    typical = median(taken)
    return (
        f"{rows:,}",
        name,
        f"{typical.seconds:.2f}",
        f"{typical.cpu_seconds:.2f}",
        f"{typical.peak_mb:,.0f}",
        f"{ratio(taken, bare, lambda t: t.seconds):.1f}",
        f"{ratio(taken, bare, lambda t: t.cpu_seconds):.1f}",
        f"{ratio(taken, ours, lambda t: t.seconds):.1f}",
    )


def main() -> None:
    """Measure and print."""
    print(table())


if __name__ == "__main__":
    main()
