"""The snapshots of a day as counting finds them: opened, verified, and with an identity.

What is damaged is told and never read. Taking a snapshot is telemetry's.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from monitoring_dagster.errors import SnapshotError
from monitoring_dagster.metrics.measurement import Reason
from monitoring_dagster.monitors.calendar import window
from monitoring_dagster.monitors.contract import Kind, Monitor, content_hash
from monitoring_dagster.profiles.day_snapshots import DaySnapshots
from monitoring_dagster.telemetry import snapshots
from monitoring_dagster.telemetry.lake import Lake
from monitoring_dagster.telemetry.manifest import Manifest

_COUNTED = {
    "sha256",
    "status",
    "reason",
    "maturity",
    "contract_hash",
    "quarantined",
    "duplicates",
    "undeclared_count",
    "orphans",
    "relabelled",
}
"""Of a manifest, what decides the counts or is measured itself."""


@dataclass(frozen=True)
class Taken:
    """The files of a day that hold what was written, and the manifests as far as those hold."""

    manifests: Mapping[Kind, Manifest]
    snapshots: DaySnapshots

    @classmethod
    def open(
        cls,
        monitor: Monitor,
        lake: Lake,
        day: dt.date,
        manifests: Mapping[Kind, Manifest],
        opened: ExitStack,
    ) -> Self:
        """Open the day's snapshots, verified; they stay open as long as `opened`."""
        held = dict(manifests)
        paths: dict[Kind, Path | None] = {}
        for kind, manifest in manifests.items():
            if manifest.file is None:
                continue
            try:
                paths[kind] = opened.enter_context(snapshots.data(lake, manifest))
            except SnapshotError as error:
                held[kind] = _damaged(manifest, str(error))
        return cls(held, DaySnapshots.of(window(monitor, day), held, paths))

    def identity(self, kinds: Sequence[Kind], basis: object) -> str:
        """Identity of everything that counting reads and measures of the snapshots of `kinds`."""
        return content_hash(
            {
                "basis": basis,
                "snapshots": {
                    kind: m.model_dump(mode="json", include=_COUNTED)
                    for kind, m in self.manifests.items()
                    if kind in kinds
                },
            }
        )


def manifests_of(lake: Lake, monitor: Monitor, day: dt.date) -> dict[Kind, Manifest]:
    """The snapshots that a day of a monitor has so far, of the kinds that it declares."""
    declared = [kind for kind in Kind if getattr(monitor.telemetry, kind) is not None]
    found = {kind: snapshots.manifest(lake, monitor.name, kind, day) for kind in declared}
    return {kind: manifest for kind, manifest in found.items() if manifest is not None}


def _damaged(manifest: Manifest, why: str) -> Manifest:
    """The manifest of a snapshot whose file is not the one that was written: it holds nothing."""
    return manifest.model_copy(
        update={
            "status": "error",
            "reason": Reason.SNAPSHOT_CORRUPT.value,
            "detail": why,
            "file": None,
            "rows": 0,
            "duplicates": 0,
            "quarantined": {},
        }
    )
