"""The commit: how a draft becomes what the lake holds, whatever dies on the way.

Files first, then the manifest, whose replacement is the commit, then what it replaced. Running
it again after a crash at any point ends in the same files.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from monitoring_dagster.errors import SourceError, SourceGrowing, SourceMissing, SourceRefused
from monitoring_dagster.failpoints import failpoint
from monitoring_dagster.monitors.contract import Kind, Monitor, Privacy, content_hash
from monitoring_dagster.telemetry.ingest import Draft
from monitoring_dagster.telemetry.lake import Lake
from monitoring_dagster.telemetry.manifest import (
    MANIFEST,
    MAX_NAMES,
    Manifest,
    read_manifest,
    write_manifest,
)
from monitoring_dagster.telemetry.parquet_file import sha256_of
from monitoring_dagster.telemetry.pseudonyms import Pseudonyms

ALGORITHM_VERSION = 1
"""Raised when equal input gives other snapshots than before."""

_MAX_NAME = 128


def contract_hash(monitor: Monitor, kind: Kind, pseudonyms: Pseudonyms) -> str:
    """Version of what shapes a snapshot; the rest of the document may change without effect."""
    columns = monitor.columns_of(kind)
    has_direct = any(c.privacy is Privacy.DIRECT for c in columns.values())
    return content_hash(
        {
            "algorithm": ALGORITHM_VERSION,
            "columns": {n: c.model_dump(mode="json", by_alias=True) for n, c in columns.items()},
            "order": list(columns),
            "source": monitor.telemetry.model_dump(mode="json")[kind],
            "time_zone": monitor.time_zone,
            "key": pseudonyms.fingerprint if has_direct else None,
        }
    )


def from_draft(draft: Draft, blank: Manifest) -> Manifest:
    """The manifest of what was read; `blank` says of which monitor, kind and day."""
    found = {
        "source_version": draft.version,
        "columns": draft.columns,
        "undeclared": [name[:_MAX_NAME] for name in draft.undeclared[:MAX_NAMES]],
        "undeclared_count": len(draft.undeclared),
        "quarantined": dict(sorted(draft.quarantined.items())),
        "duplicates": draft.duplicates,
        "conflicts": draft.conflicts,
        "rows": draft.rows,
    }
    if draft.broken is not None:
        reason, detail = draft.broken
        outcome = {"status": "error", "reason": reason, "detail": detail}
    elif draft.rows == 0:
        refused = sum(draft.quarantined.values())
        detail = (
            f"all {refused:,} rows of the source are in quarantine"
            if refused
            else "the source holds no row of this day"
        )
        outcome = {"status": "no_data", "reason": "no_rows", "detail": detail}
    else:
        outcome = {"status": "ok"}
    return blank.model_copy(update=found | outcome)


def from_error(error: SourceError, blank: Manifest, version: str | None) -> Manifest:
    """The manifest of a day whose source could not be read."""
    status, reason = "error", "source_unreadable"
    if isinstance(error, SourceMissing):
        status, reason = "no_data", "source_missing"
    elif isinstance(error, SourceGrowing):
        status, reason = "no_data", "source_growing"
    elif isinstance(error, SourceRefused):
        reason = "source_refused"
    return blank.model_copy(
        update={
            "status": status,
            "reason": reason,
            "detail": str(error),
            "source_version": version,
        }
    )


def blank_manifest(
    monitor: Monitor, kind: Kind, day: dt.date, as_of: dt.datetime, pseudonyms: Pseudonyms
) -> Manifest:
    """A manifest that says only what was asked for."""
    return Manifest(
        monitor=monitor.name,
        kind=kind,
        day=day,
        status="no_data",
        config_hash=monitor.config_hash,
        contract_hash=contract_hash(monitor, kind, pseudonyms),
        as_of=as_of.astimezone(dt.UTC).isoformat(),
    )


def kept(previous: Manifest, why: str) -> Manifest:
    """What was stored stays: a source that vanished takes no snapshot with it."""
    return previous.model_copy(
        update={"detail": f"the snapshot as of {previous.as_of} is kept: {why}"}
    )


def is_current(
    lake: Lake, folder: str, previous: Manifest, version: str | None, blank: Manifest
) -> bool:
    """Whether the stored snapshot was made of the same source under the same contract."""
    return (
        version is not None
        and previous.source_version == version
        and previous.contract_hash == blank.contract_hash
        and (previous.file is None or lake.exists(f"{folder}/{previous.file}"))
    )


def has_vanished(found: Manifest) -> bool:
    """Whether the source is there and holds nothing of the day, as after its own retention."""
    return found.reason == "no_rows" and not found.quarantined


def commit(
    lake: Lake,
    folder: str,
    manifest: Manifest,
    *,
    data: Path | None,
    quarantine: Path | None,
    quarantine_folder: str | None,
) -> Manifest:
    """Make the lake hold `data` and `quarantine`, and the manifest that names them.

    Args:
        lake: where to.
        folder: of the snapshot.
        manifest: what is being stored; file names, digest and size are filled in here.
        data: a finished local file; it is moved.
        quarantine: the same for refused rows.
        quarantine_folder: where they go; None leaves the quarantine alone.

    Returns:
        The manifest that the lake holds now: the stored one, if only `as_of` would differ.
    """
    files: dict[str, object] = {}
    if quarantine is not None and quarantine_folder is not None:
        name = _adopt(lake, quarantine, sha256_of(quarantine), quarantine_folder)
        files["quarantine_file"] = name
    failpoint("snapshot.written")
    if data is not None:
        digest, size = sha256_of(data), data.stat().st_size
        files |= {"sha256": digest, "bytes": size, "file": _adopt(lake, data, digest, folder)}
    failpoint("snapshot.adopted")
    manifest = manifest.model_copy(update=files)
    previous = read_manifest(lake, folder)
    if previous is not None and _differs_in_time_only(previous, manifest):
        manifest = previous
    else:
        write_manifest(lake, folder, manifest)
    failpoint("snapshot.committed")
    _sweep(lake, folder, {MANIFEST, manifest.file})
    if quarantine_folder is not None:
        _sweep(lake, quarantine_folder, {manifest.quarantine_file})
    return manifest


def _adopt(lake: Lake, file: Path, digest: str, folder: str) -> str:
    """Move a file in under the name that its content gives it."""
    name = f"{digest[:16]}.parquet"
    lake.adopt(file, f"{folder}/{name}")
    return name


def _differs_in_time_only(previous: Manifest, new: Manifest) -> bool:
    same = {"as_of": previous.as_of, "config_hash": previous.config_hash}
    return new.model_copy(update=same) == previous


def _sweep(lake: Lake, folder: str, wanted: set[str | None]) -> None:
    """Delete what the manifest does not name: replaced files, and orphans of a crash."""
    for path in lake.list(folder):
        name = path.removeprefix(f"{folder}/")
        if name not in wanted and name.endswith(".parquet"):
            lake.delete(path)
