"""Ingest: one day of one source, checked batch by batch into local files.

Nothing is committed here: `snapshots` and `labels` decide what becomes of a draft.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa

from monitoring_dagster.errors import SourceUnreadable
from monitoring_dagster.failpoints import failpoint
from monitoring_dagster.monitors.calendar import Window
from monitoring_dagster.monitors.contract import Kind, Monitor, Role, Source
from monitoring_dagster.telemetry import duplicates
from monitoring_dagster.telemetry.contract import Contract, picks_by_time
from monitoring_dagster.telemetry.manifest import ColumnState
from monitoring_dagster.telemetry.parquet_file import ParquetFile, null_counts, read_batches
from monitoring_dagster.telemetry.pseudonyms import Pseudonyms
from monitoring_dagster.telemetry.quarantine import Quarantine, conflicting
from monitoring_dagster.telemetry.sources import Access, Reading, open_day


@dataclass(frozen=True)
class Draft:
    """What one day of a source came to, in local files.

    `data` and `quarantine` are None when they would be empty. `broken` holds the reason and the
    details why the day cannot be used at all, if so.
    """

    version: str
    data: Path | None = None
    quarantine: Path | None = None
    rows: int = 0
    columns: dict[str, ColumnState] = field(default_factory=dict)
    undeclared: tuple[str, ...] = ()
    quarantined: Counter[str] = field(default_factory=Counter)
    duplicates: int = 0
    conflicts: int = 0
    broken: tuple[str, str] | None = None


def ingest(
    monitor: Monitor,
    kind: Kind,
    window: Window,
    *,
    source: Source,
    access: Access,
    as_of: dt.datetime | None,
    pseudonyms: Pseudonyms,
    scratch: Path,
) -> Draft:
    """Read one day of a source; bad rows and columns are told apart, never raised.

    Args:
        monitor: the document.
        kind: of telemetry.
        window: the day.
        source: where to read; for labels it is not `monitor.telemetry.labels` itself.
        access: what may be read.
        as_of: the clock; None for labels, which are kept before they are known.
        pseudonyms: replace direct identifiers before the first byte is written.
        scratch: an empty folder for the files.

    Raises:
        SourceError: the source is missing, unreadable, refused or growing.
    """
    unreadable: dict[str, str] = {}
    for attempt in range(len(monitor.columns) + 1):
        reading = open_day(source, monitor, kind, window, access=access)
        contract = Contract(
            monitor,
            kind,
            window,
            source=source,
            source_schema=reading.schema,
            as_of=as_of,
            pseudonyms=pseudonyms,
            unreadable=unreadable,
        )
        broken = _broken(contract, kind, source)
        if broken:
            return Draft(
                reading.version,
                columns=_states(contract, {}),
                undeclared=reading.undeclared,
                broken=broken,
            )
        folder = scratch / f"attempt_{attempt}"
        folder.mkdir()
        data, quarantine = _pass(reading, contract, folder)
        changed = contract.newly_unreadable()
        if not changed:
            return _finish(reading, contract, kind, data, quarantine, folder)
        # Most values of a column are not what was declared: its rows were refused in vain, so
        # the day is read once more without the column. Rare, and cheaper than keeping all.
        unreadable |= changed
    raise AssertionError("every pass but the last finds another unreadable column")


def _broken(contract: Contract, kind: Kind, source: Source) -> tuple[str, str] | None:
    """Why the day cannot be used at all: without ids nothing joins, without time no day."""
    needed = {contract.monitor.the(Role.ID, kind): "role id"}
    if picks_by_time(contract.monitor, kind, source):
        needed[contract.monitor.the(Role.TIMESTAMP, kind)] = "role timestamp, which picks the day"
    for name, role in needed.items():
        what = f"column {name!r} of {role}"
        if name in contract.missing:
            detail = f"{what} is not in the source; restore it, or say its source_name"
            return "column_missing", detail
        if name in contract.unreadable:
            return "column_unreadable", f"{what} cannot be read: {contract.unreadable[name]}"
    return None


def _pass(reading: Reading, contract: Contract, folder: Path) -> tuple[ParquetFile, Quarantine]:
    """Check every batch of one reading; the files stay open for what is found later."""
    data = ParquetFile(folder / "data.parquet", contract.schema)
    quarantine = Quarantine(folder / "quarantine.parquet", contract.refused_schema)
    for batch in _readable(reading.batches):
        checked = contract.check(batch)
        data.write(checked.accepted)
        if checked.refused is not None:
            quarantine.add(checked.refused)
        failpoint("ingest.batch")
    if reading.unparsable.total:
        lines = [record.line for record in reading.unparsable]
        quarantine.add_lines(lines, reading.unparsable.total)
    return data, quarantine


def _readable(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Whatever breaks while the source is read is the source's fault, not the lake's."""
    try:
        yield from batches
    except (pa.ArrowException, OSError, UnicodeError) as error:
        raise SourceUnreadable(
            f"the source broke off while it was read ({type(error).__name__}: {error}); "
            "have it written again"
        ) from error


def _finish(
    reading: Reading,
    contract: Contract,
    kind: Kind,
    data: ParquetFile,
    quarantine: Quarantine,
    folder: Path,
) -> Draft:
    """Close the files, and sort out rows that repeat an id."""
    written = data.close()
    rows, copies, conflicts = data.rows, 0, 0
    identifier = contract.monitor.the(Role.ID, kind)
    # Labels may come again with another value; the latest wins, which is `labels`' affair.
    if written is not None and identifier is not None and kind is not Kind.LABELS:
        repeats = duplicates.find(written, identifier, folder)
        if repeats is not None:
            copies, conflicts = len(repeats.copies), len(repeats.conflicts)
            written = _without(repeats, written, identifier, contract, quarantine)
            rows -= copies + conflicts
    nulls = null_counts(written) if written is not None else {}
    return Draft(
        reading.version,
        data=written,
        quarantine=quarantine.close(),
        rows=rows,
        columns=_states(contract, nulls),
        undeclared=reading.undeclared,
        quarantined=quarantine.counts,
        duplicates=copies,
        conflicts=conflicts,
    )


def _without(
    repeats: duplicates.Repeats,
    path: Path,
    identifier: str,
    contract: Contract,
    quarantine: Quarantine,
) -> Path | None:
    """The file again, without copies; conflicting rows go to the quarantine."""
    file = ParquetFile(path.with_name("distinct.parquet"), contract.schema)
    first = 0
    for batch in read_batches(path):
        keep = np.ones(batch.num_rows, dtype=bool)
        clash = _inside(repeats.conflicts, first, batch.num_rows)
        keep[_inside(repeats.copies, first, batch.num_rows)] = False
        keep[clash] = False
        if clash.size:
            refused = batch.take(pa.array(clash))
            quarantine.add(conflicting(refused, first + clash, identifier, contract.refused_schema))
        file.write(batch.filter(pa.array(keep)))
        first += batch.num_rows
    path.unlink()
    return file.close()


def _inside(positions: np.ndarray, first: int, rows: int) -> np.ndarray:
    """Those of the ascending positions that lie in a batch, counted from its first row."""
    start, end = np.searchsorted(positions, [first, first + rows])
    return positions[start:end] - first


def _states(contract: Contract, nulls: dict[str, int]) -> dict[str, ColumnState]:
    states: dict[str, ColumnState] = {}
    for name, column in contract.columns.items():
        count = nulls.get(name, 0)
        if name in contract.missing:
            asked = column.source_name or name
            states[name] = ColumnState(
                status="missing",
                reason="column_missing",
                detail=f"the source has no column {asked!r}",
                nulls=count,
            )
        elif name in contract.unreadable:
            states[name] = ColumnState(
                status="unreadable",
                reason="column_unreadable",
                detail=contract.unreadable[name],
                nulls=count,
            )
        else:
            states[name] = ColumnState(detail=_notes(contract, name), nulls=count)
    return states


def _notes(contract: Contract, name: str) -> str:
    """What was changed or refused in a column that can be used."""
    notes = [f"{n:,} {what}" for what, n in sorted(contract.tally.notes.get(name, {}).items())]
    if contract.tally.refused[name]:
        notes.append(contract.describe(name))
    return "; ".join(notes)
