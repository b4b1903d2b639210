"""What was refused, dropped or not declared when the day's snapshots were taken.

Counted by telemetry and written in the manifests; here it becomes measurements.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from monitoring_dagster.metrics.intervals import wilson
from monitoring_dagster.metrics.measurement import Estimate, Measurement, Reason, Status
from monitoring_dagster.monitors.contract import Kind
from monitoring_dagster.telemetry.manifest import Manifest

METRICS = (
    "snapshot_rows",
    "duplicate_rate",
    "conflict_rate",
    "quarantine_rate",
    "undeclared_columns",
)
"""What is measured of each snapshot; its column reads `@features`, `@predictions`, `@labels`."""


def measure_snapshots(manifests: Mapping[Kind, Manifest]) -> list[Measurement]:
    """Rows, duplicates, conflicts, quarantined rows and undeclared columns of each snapshot.

    Rates are shares of the rows that the source delivered: stored, dropped as exact copies and
    quarantined (conflicts are among these), with Wilson intervals. The detail of the quarantine
    gives the rows by reason.
    """
    return [
        Measurement(metric, estimate, column=f"@{kind}")
        for kind, manifest in manifests.items()
        for metric, estimate in _of_snapshot(manifest)
    ]


def _of_snapshot(manifest: Manifest) -> Iterator[tuple[str, Estimate]]:
    quarantined = sum(manifest.quarantined.values())
    delivered = manifest.rows + manifest.duplicates + quarantined
    if delivered == 0:
        nothing = _nothing(manifest)
        yield from ((metric, nothing) for metric in METRICS)
        return
    yield "snapshot_rows", Estimate.exact(float(manifest.rows), manifest.rows)
    yield "duplicate_rate", _share(manifest.duplicates, delivered)
    yield "conflict_rate", _share(manifest.conflicts, delivered)
    by_reason = sorted(manifest.quarantined.items(), key=lambda item: (-item[1], item[0]))
    why = ", ".join(f"{rows} {reason}" for reason, rows in by_reason if rows)
    yield "quarantine_rate", _share(quarantined, delivered, why)
    yield "undeclared_columns", Estimate.exact(float(manifest.undeclared_count), delivered)


def _share(rows: int, delivered: int, detail: str = "") -> Estimate:
    return Estimate(rows / delivered, *wilson(rows, delivered), delivered, detail=detail)


def _nothing(manifest: Manifest) -> Estimate:
    """No snapshot, or one without a row, with the manifest's own reason where it is one of ours."""
    known = manifest.reason in set(Reason)
    return Estimate.without(
        Status.NO_DATA,
        Reason(manifest.reason) if known else Reason.NO_ROWS,
        manifest.detail or "the source delivered no rows",
    )
