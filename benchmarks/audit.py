"""How long a log of a million rows takes to write and to verify, with both verifiers.

`python -m benchmarks.audit` prints the table.
"""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.tables import Table
from monitoring_dagster.store import Store
from monitoring_dagster.store.audit import Entry, Signer, anchor, append, verify
from monitoring_dagster.store.audit.anchors import read

ROWS = 1_000_000
AT_ONCE = 10_000
AT = dt.datetime(2026, 1, 6, 6, tzinfo=dt.UTC)
SCRIPT = Path(__file__).parents[1] / "deploy/verify_audit.py"


def table(rows: int = ROWS) -> Table:
    """One log in SQLite: written, anchored after every batch, verified twice."""
    with tempfile.TemporaryDirectory() as temporary:
        path, notes = Path(temporary) / "store.db", Path(temporary) / "checkpoints.txt"
        store = Store(f"sqlite:///{path}")
        store.upgrade()
        signer = Signer("monitoring-dagster/benchmark", bytes(32))
        written = _seconds(lambda: _write(store, rows, signer, notes))
        ours = _seconds(lambda: _verified(store, signer, notes))
        command = [sys.executable, "-I", str(SCRIPT), str(path), str(notes), str(signer.public_key)]
        theirs = _seconds(lambda: subprocess.run(command, check=True, capture_output=True))
        store.close()
        megabytes = path.stat().st_size / 2**20
    figures = {
        f"written, {AT_ONCE:,} rows a transaction": written,
        "verified by the store": ours,
        f"verified by {SCRIPT.name}": theirs,
    }
    return Table(
        f"An audit log of {rows:,} rows",
        ("what", "seconds", "rows per second"),
        [(what, f"{taken:.1f}", f"{rows / taken:,.0f}") for what, taken in figures.items()],
        (f"SQLite, {megabytes:,.0f} MB; with {rows // AT_ONCE} signed checkpoints.",),
    )


def _write(store: Store, rows: int, signer: Signer, notes: Path) -> None:
    for start in range(0, rows, AT_ONCE):
        some = [_entry(n) for n in range(start, start + AT_ONCE)]
        store.write(lambda connection, some=some: append(connection, some, AT))
        anchor(store, signer, notes, AT)


def _entry(number: int) -> Entry:
    payload = {"from": "ok", "to": "critical", "day": "2026-01-05", "number": number}
    return Entry("system:evaluation", "incident_opened", "incident", f"INC-{number}", payload)


def _verified(store: Store, signer: Signer, notes: Path) -> None:
    found = store.read(
        lambda connection: verify(
            connection, checkpoints=read(notes), public_keys=[signer.public_key]
        )
    )
    if found.exit_code:
        raise RuntimeError(found.text)


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def main() -> None:
    """Measure and print."""
    print(table())


if __name__ == "__main__":
    main()
