"""Snapshots: one day of one kind of telemetry, taken once, immutable, checksummed.

The entrance to this room for later stages: take a day, read its manifest, open its data. What
is in the file is decided by `ingest` for events and by `labels` for labels.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Iterator
from pathlib import Path

from monitoring_dagster.errors import SourceError
from monitoring_dagster.monitors.calendar import window
from monitoring_dagster.monitors.contract import Kind, Monitor, Source
from monitoring_dagster.telemetry import labels
from monitoring_dagster.telemetry.commit import (
    blank_manifest,
    commit,
    from_draft,
    from_error,
    has_vanished,
    is_current,
    kept,
)
from monitoring_dagster.telemetry.contract import Refusal
from monitoring_dagster.telemetry.ingest import ingest
from monitoring_dagster.telemetry.lake import Lake
from monitoring_dagster.telemetry.manifest import (
    Manifest,
    folder,
    quarantine_folder,
    read_manifest,
    verified,
)
from monitoring_dagster.telemetry.pseudonyms import Pseudonyms
from monitoring_dagster.telemetry.sources import Access, version_of


def take(
    monitor: Monitor,
    kind: Kind,
    day: dt.date,
    *,
    lake: Lake,
    access: Access,
    as_of: dt.datetime,
    pseudonyms: Pseudonyms,
) -> Manifest:
    """Take the snapshot of one day, or say why there is none.

    Taking a day twice changes nothing unless its source or its contract changed. Bad data never
    raises: it becomes a status, a column state or a counted refusal. A snapshot that is there is
    never given up for a source that is not.

    Args:
        monitor: the document.
        kind: of telemetry.
        day: in the monitor's calendar.
        lake: where to.
        access: what may be read.
        as_of: the clock: later events are refused, later labels are not known yet.
        pseudonyms: replace direct identifiers.

    Returns:
        The manifest of what the lake holds for the day now.
    """
    where = folder(monitor.name, kind, day)
    with lake.exclusive(where):
        if kind is Kind.LABELS:
            return labels.take(
                monitor, day, lake=lake, access=access, as_of=as_of, pseudonyms=pseudonyms
            )
        return _take_events(monitor, kind, day, lake, access, as_of, pseudonyms)


def manifest(lake: Lake, monitor_name: str, kind: Kind, day: dt.date) -> Manifest | None:
    """What is stored of one day; None when the day was never taken."""
    return read_manifest(lake, folder(monitor_name, kind, day))


@contextlib.contextmanager
def data(lake: Lake, manifest: Manifest) -> Iterator[Path]:
    """A local path to the snapshot's Parquet file, its checksum verified.

    Raises:
        SnapshotMissing: the manifest names no file, since there was no data.
        SnapshotCorrupt: the file is gone, or is not the file that was written.
    """
    with verified(lake, folder(manifest.monitor, manifest.kind, manifest.day), manifest) as path:
        yield path


def _take_events(
    monitor: Monitor,
    kind: Kind,
    day: dt.date,
    lake: Lake,
    access: Access,
    as_of: dt.datetime,
    pseudonyms: Pseudonyms,
) -> Manifest:
    source: Source | None = getattr(monitor.telemetry, kind)
    where = folder(monitor.name, kind, day)
    quarantine = quarantine_folder(monitor.name, kind, day)
    blank = blank_manifest(monitor, kind, day, as_of, pseudonyms)
    previous = read_manifest(lake, where)
    if source is None:
        return blank.model_copy(
            update={"reason": "source_missing", "detail": f"no source of {kind} is declared"}
        )
    span = window(monitor, day)
    version: str | None = None
    with lake.scratch() as scratch:
        try:
            version = version_of(source, monitor, kind, span, access=access)
            if (
                previous is not None
                and is_current(lake, where, previous, version, blank)
                and not _may_grow(previous, span.end)
            ):
                # Committing what is there writes nothing, and sweeps what a crash left beside it.
                return commit(
                    lake,
                    where,
                    previous,
                    data=None,
                    quarantine=None,
                    quarantine_folder=quarantine,
                )
            draft = ingest(
                monitor,
                kind,
                span,
                source=source,
                access=access,
                as_of=as_of,
                pseudonyms=pseudonyms,
                scratch=scratch,
            )
        except SourceError as error:
            if previous is not None and previous.status == "ok":
                return kept(previous, str(error))
            found, files = from_error(error, blank, version), (None, None)
        else:
            found, files = from_draft(draft, blank), (draft.data, draft.quarantine)
            if has_vanished(found) and previous is not None and previous.status == "ok":
                return kept(previous, found.detail)
        return commit(
            lake,
            where,
            found,
            data=files[0],
            quarantine=files[1],
            quarantine_folder=quarantine,
        )


def _may_grow(previous: Manifest, day_end: dt.datetime) -> bool:
    """Whether rows that were in the future, as the day was not over, may be taken by now."""
    return (
        Refusal.IN_FUTURE in previous.quarantined
        and dt.datetime.fromisoformat(previous.as_of) < day_end
    )
