"""A day of a file source: its files as one table, in order, in the format that they have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa

from monitoring_dagster.errors import SourceGrowing, SourceMissing
from monitoring_dagster.monitors.calendar import Window
from monitoring_dagster.monitors.contract import FileSource, Kind, Monitor, Role
from monitoring_dagster.telemetry.sources import csv, files, parquet
from monitoring_dagster.telemetry.sources.access import Access
from monitoring_dagster.telemetry.sources.files import DayFile
from monitoring_dagster.telemetry.sources.reading import (
    Reading,
    UnparsableLines,
    declared_names,
    refuse_beyond_budget,
    undeclared_names,
    within_budget,
)
from monitoring_dagster.telemetry.sources.schemas import conform, only, unify


def open_day(
    source: FileSource, monitor: Monitor, kind: Kind, window: Window, access: Access
) -> Reading:
    """Find the day's files, judge them by their metadata and prepare reading them.

    Raises:
        SourceError: as `sources.open_day`.
    """
    found = files.find(source, window, access)
    names = declared_names(monitor, kind)
    pruned = _pruned(source, monitor, kind, window)
    with files.unchanged(found, source, window, access):
        schema = _judged(source, found, names, pruned, access)
        version = files.fingerprint(found)
    present = only(schema, names)
    unparsable = UnparsableLines()

    def batches() -> Iterator[pa.RecordBatch]:
        with files.unchanged(found, source, window, access):
            for file in found:
                read = (
                    parquet.batches(file, present.names, *pruned)
                    if source.kind == "parquet"
                    else csv.batches(file, present.names, source.delimiter, unparsable, access)
                )
                yield from conform(read, file.shown, present)

    return Reading(
        schema=schema,
        undeclared=undeclared_names(monitor, schema.names),
        version=version,
        batches=within_budget(batches(), found[0].shown, access),
        unparsable=unparsable,
    )


def version_of(source: FileSource, window: Window, access: Access) -> str | None:
    """Fingerprint of the day's files; None while there are none, or not yet all."""
    try:
        return files.fingerprint(files.find(source, window, access))
    except (SourceMissing, SourceGrowing):
        return None


def _pruned(
    source: FileSource, monitor: Monitor, kind: Kind, window: Window
) -> tuple[Window | None, str | None]:
    """What allows to skip parts of files that hold many days; labels are picked by id instead."""
    name = monitor.the(Role.TIMESTAMP, kind)
    if "{date}" in source.path or kind is Kind.LABELS or name is None:
        return None, None
    return window, monitor.columns[name].source_name or name


def _judged(
    source: FileSource,
    found: Sequence[DayFile],
    names: Sequence[str],
    pruned: tuple[Window | None, str | None],
    access: Access,
) -> pa.Schema:
    """The schema of all files together, if they are within the budget together."""
    schemas: list[tuple[str, pa.Schema]] = []
    rows = size = 0
    for file in found:
        if source.kind == "parquet":
            footer = parquet.footer(file, names, *pruned)
            rows, size = rows + footer.rows, size + footer.bytes
            schemas.append((file.shown, footer.schema))
        else:
            size += file.size
            schemas.append((file.shown, csv.schema(file, source.delimiter)))
        refuse_beyond_budget(file.shown, rows, size, access)
    return unify(schemas, names)
