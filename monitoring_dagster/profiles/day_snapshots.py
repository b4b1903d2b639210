"""The snapshots of one day, and which of their columns hold values.

Taking and verifying them belongs to telemetry; reading their rows is `rows`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from monitoring_dagster.monitors.calendar import Window
from monitoring_dagster.monitors.contract import Kind, Monitor, Role
from monitoring_dagster.telemetry.manifest import Manifest

NO_SNAPSHOT = "no_snapshot"


@dataclass(frozen=True)
class DaySnapshots:
    """The snapshots of one day as verified local files; None where there is none.

    `missing` says per kind which columns the snapshot does not really carry (they are stored as
    nulls), `absent` why there is no snapshot of a kind; both with the reason. `blank` names the
    columns that the source delivered without a single value.
    """

    window: Window
    features: Path | None = None
    predictions: Path | None = None
    labels: Path | None = None
    missing: Mapping[Kind, Mapping[str, str]] = field(default_factory=dict)
    absent: Mapping[Kind, str] = field(default_factory=dict)
    blank: Mapping[Kind, frozenset[str]] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        window: Window,
        manifests: Mapping[Kind, Manifest | None],
        paths: Mapping[Kind, Path | None],
    ) -> DaySnapshots:
        """The day's snapshots from their manifests and local files."""
        missing: dict[Kind, dict[str, str]] = {}
        absent: dict[Kind, str] = {}
        blank: dict[Kind, frozenset[str]] = {}
        for kind, manifest in manifests.items():
            if manifest is None:
                absent[kind] = NO_SNAPSHOT
                continue
            if paths.get(kind) is None:
                absent[kind] = manifest.reason or NO_SNAPSHOT
            missing[kind] = {
                name: state.reason or f"column_{state.status}"
                for name, state in manifest.columns.items()
                if state.status != "ok"
            }
            blank[kind] = frozenset(
                name for name, state in manifest.columns.items() if state.nulls == manifest.rows
            )
        return cls(
            window,
            paths.get(Kind.FEATURES),
            paths.get(Kind.PREDICTIONS),
            paths.get(Kind.LABELS),
            missing,
            absent,
            blank,
        )

    @property
    def day(self) -> dt.date:
        """The calendar day."""
        return self.window.day

    def path(self, kind: Kind) -> Path | None:
        """The local file of one kind."""
        return {
            Kind.FEATURES: self.features,
            Kind.PREDICTIONS: self.predictions,
            Kind.LABELS: self.labels,
        }[kind]

    @property
    def traffic_kind(self) -> Kind | None:
        """The kind whose rows are the traffic: predictions, or features without them."""
        if self.predictions is not None:
            return Kind.PREDICTIONS
        return Kind.FEATURES if self.features is not None else None

    def carries(self, monitor: Monitor, kind: Kind, name: str) -> bool:
        """Whether the snapshot of `kind` holds values of the column."""
        return (
            self.path(kind) is not None
            and kind in monitor.columns[name].telemetry_kinds
            and name not in self.missing.get(kind, {})
        )

    def home(self, monitor: Monitor, name: str) -> Kind | None:
        """The kind that the column is read from, features before predictions; labels never."""
        kinds = (Kind.FEATURES, Kind.PREDICTIONS)
        return next((k for k in kinds if self.carries(monitor, k, name)), None)

    def lacking(self, monitor: Monitor) -> dict[str, str]:
        """Columns of features and predictions that no snapshot of the day holds, and why.

        When and how the requests were answered is missing also where another snapshot says it,
        and a timestamp without a single value says it of no request.
        """
        kinds = {Kind.FEATURES, Kind.PREDICTIONS}
        declared = [n for n, c in monitor.columns.items() if kinds & set(c.telemetry_kinds)]
        found = {n: self.why_missing(monitor, n) for n in declared if not self.home(monitor, n)}
        traffic = self.traffic_kind
        if traffic is None:
            return found
        stamp = monitor.the(Role.TIMESTAMP, traffic)
        for name in (stamp, monitor.the(Role.STATUS)):
            if name and name not in found and not self.carries(monitor, traffic, name):
                found[name] = self.missing.get(traffic, {}).get(name, "column_missing")
        if stamp and stamp not in found and stamp in self.blank.get(traffic, ()):
            found[stamp] = "all_null"
        return found

    def why_missing(self, monitor: Monitor, name: str) -> str:
        """The reason why no snapshot of the day holds values of the column."""
        kinds = [k for k in monitor.columns[name].telemetry_kinds if k is not Kind.LABELS]
        for kind in kinds:
            if self.path(kind) is not None:
                return self.missing.get(kind, {}).get(name, "column_missing")
        return next((self.absent[k] for k in kinds if k in self.absent), NO_SNAPSHOT)
