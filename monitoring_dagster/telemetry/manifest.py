"""The manifest: what one snapshot holds, and why it holds no more.

Writing the manifest commits a snapshot; how snapshots are made is `snapshots` and `labels`.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from monitoring_dagster.errors import SnapshotCorrupt, SnapshotMissing
from monitoring_dagster.monitors.contract import Kind
from monitoring_dagster.telemetry.lake import Lake
from monitoring_dagster.telemetry.parquet_file import sha256_of

MAX_NAMES = 100
"""Undeclared columns that a manifest names; the rest is counted."""

MANIFEST = "manifest.json"


class ColumnState(BaseModel):
    """What became of one declared column on one day.

    `missing`: the source does not have it. `unreadable`: most of its values are not what was
    declared. Either way it is stored as nulls. `detail` also names what was changed on the way
    in, such as local times that the clock change skipped. `nulls` counts stored nulls.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    status: Literal["ok", "missing", "unreadable"] = "ok"
    reason: str = ""
    detail: str = ""
    nulls: int = 0


class Manifest(BaseModel):
    """One day of one kind of telemetry of one monitor, as it was taken.

    `file` lies beside the manifest and `quarantine_file` below the monitor's quarantine; both
    are None when nothing is there. `config_hash` is the version of the monitor's document,
    `contract_hash` that of the parts which shape this snapshot. `source_version` fingerprints
    what was read. `quarantined` counts refused rows by reason, `duplicates` dropped exact
    copies, `conflicts` rows refused because their id was taken by another payload.

    For labels: `predictions` is the SHA-256 of the snapshot they were matched with, `orphans`
    counts labels without a prediction, `relabelled` predictions whose label changed,
    `known_until` is the arrival of the latest label that was known at `as_of` and
    `next_known_at` the arrival of the first that was not.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    monitor: str
    kind: Kind
    day: dt.date
    status: Literal["ok", "no_data", "error"]
    reason: str = ""
    detail: str = ""
    file: str | None = None
    sha256: str | None = None
    rows: int = 0
    bytes: int = 0
    config_hash: str = ""
    contract_hash: str = ""
    source_version: str | None = None
    as_of: str = ""
    columns: dict[str, ColumnState] = Field(default_factory=dict)
    undeclared: list[str] = Field(default_factory=list)
    undeclared_count: int = 0
    quarantined: dict[str, int] = Field(default_factory=dict)
    quarantine_file: str | None = None
    duplicates: int = 0
    conflicts: int = 0
    maturity: Literal["provisional", "final"] | None = None
    predictions: str | None = None
    orphans: int = 0
    relabelled: int = 0
    known_until: str | None = None
    next_known_at: str | None = None

    @property
    def missing_columns(self) -> list[str]:
        """Declared columns that hold nothing because the source lacks them or they changed."""
        return [name for name, state in self.columns.items() if state.status != "ok"]


def folder(monitor: str, kind: Kind, day: dt.date) -> str:
    """The folder of one day's snapshot in the lake.

    >>> folder("flights", Kind.LABELS, dt.date(2026, 1, 5))
    'flights/snapshots/labels/2026-01-05'
    """
    return f"{monitor}/snapshots/{kind}/{day.isoformat()}"


def quarantine_folder(monitor: str, kind: Kind, day: dt.date) -> str:
    """The folder of one day's refused rows in the lake."""
    return f"{monitor}/quarantine/{kind}/{day.isoformat()}"


def read_manifest(lake: Lake, path: str) -> Manifest | None:
    """The manifest in the folder `path`, or None.

    Raises:
        SnapshotCorrupt: the file is there and is no manifest.
    """
    try:
        content = lake.read(f"{path}/{MANIFEST}")
    except FileNotFoundError:
        return None
    try:
        return Manifest.model_validate_json(content)
    except ValidationError as error:
        raise SnapshotCorrupt(
            f"{path}/{MANIFEST} is damaged and no longer says which file beside it is the "
            "snapshot; restore it, or delete it and take the day again while its source is there"
        ) from error


def write_manifest(lake: Lake, path: str, manifest: Manifest) -> None:
    """Commit: from here on, the folder `path` holds what `manifest` says."""
    lake.write(f"{path}/{MANIFEST}", manifest.model_dump_json(indent=1).encode() + b"\n")


@contextlib.contextmanager
def verified(lake: Lake, path: str, manifest: Manifest) -> Iterator[Path]:
    """A local path to the file that the manifest in the folder `path` names.

    Raises:
        SnapshotMissing: the manifest names no file.
        SnapshotCorrupt: the file is gone, or has another checksum.
    """
    what = f"the {manifest.kind} of {manifest.monitor} on {manifest.day}"
    if manifest.file is None:
        raise SnapshotMissing(
            f"there is no snapshot of {what} ({manifest.status}, {manifest.reason}); "
            "take the day again once its source is complete"
        )
    with contextlib.ExitStack() as stack:
        try:
            local = stack.enter_context(lake.local(f"{path}/{manifest.file}"))
        except FileNotFoundError as error:
            raise SnapshotCorrupt(
                f"the snapshot of {what} has lost its file {manifest.file}; restore it, or delete "
                f"{path}/{MANIFEST} and take the day again"
            ) from error
        digest = sha256_of(local)
        if digest != manifest.sha256:
            raise SnapshotCorrupt(
                f"the snapshot of {what} is damaged: {manifest.file} has SHA-256 {digest[:16]}..., "
                f"written was {str(manifest.sha256)[:16]}...; restore it, or delete "
                f"{path}/{MANIFEST} and take the day again"
            )
        yield local
