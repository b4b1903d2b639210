"""Why there was nothing to count: what telemetry says of a snapshot or column that is not there.

Counts know only that there were no rows. Whether a file was not delivered, is broken or is still
growing stands in the day's manifests; which metrics there are is none of this module's business.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from monitoring_dagster.metrics.measurement import Measurement, Reason, Status
from monitoring_dagster.monitors.contract import Kind, Monitor, Role
from monitoring_dagster.telemetry.manifest import Manifest


def explained(
    monitor: Monitor, measured: Iterable[Measurement], manifests: Mapping[Kind, Manifest]
) -> list[Measurement]:
    """The measurements of a day; those that lack a snapshot or column with telemetry's words.

    A metric of the whole day is about the predictions, or the features where there are none; one
    that found no label is about the labels.
    """
    absent = {kind: m for kind, m in manifests.items() if m.file is None and m.reason}
    lost = dict(_lost_columns(manifests))
    if not absent and not lost:
        return list(measured)
    return [_without_column(_without_snapshot(m, monitor, absent), monitor, lost) for m in measured]


def _without_snapshot(
    measurement: Measurement, monitor: Monitor, absent: Mapping[Kind, Manifest]
) -> Measurement:
    if measurement.estimate.status is not Status.NO_DATA or measurement.column.startswith("@"):
        return measurement
    kinds = _carriers(measurement, monitor)
    causes = [absent[kind] for kind in kinds if kind in absent]
    if not causes or len(causes) < len(kinds) or causes[0].reason not in set(Reason):
        return measurement
    # That labels are missing is no surprise before they are due, so that reason stays.
    is_unlabelled = measurement.estimate.reason is Reason.NO_LABELS
    reason = Reason.NO_LABELS if is_unlabelled else Reason(causes[0].reason)
    return measurement.without_data(reason, causes[0].detail)


def _carriers(measurement: Measurement, monitor: Monitor) -> list[Kind]:
    """The kinds of telemetry that the measurement was to be made of; one of them is enough."""
    if measurement.estimate.reason is Reason.NO_LABELS:
        return [Kind.LABELS]
    declared = monitor.telemetry
    if measurement.column in monitor.columns:
        carried = monitor.columns[measurement.column].telemetry_kinds
        return [k for k in carried if k is not Kind.LABELS and getattr(declared, k) is not None]
    return [Kind.FEATURES if declared.predictions is None else Kind.PREDICTIONS]


def _lost_columns(manifests: Mapping[Kind, Manifest]) -> Iterator[tuple[str, str]]:
    """Columns that a snapshot does not hold although it is there, and why in words."""
    for manifest in manifests.values():
        for name in manifest.missing_columns:
            if manifest.file is not None and manifest.columns[name].detail:
                yield name, f"{name}: {manifest.columns[name].detail}"


def _without_column(
    measurement: Measurement, monitor: Monitor, lost: Mapping[str, str]
) -> Measurement:
    reason, column = measurement.estimate.reason, measurement.column
    if reason is Reason.NO_LABELS:
        column = monitor.the(Role.LABEL) or ""
    elif reason not in (Reason.COLUMN_MISSING, Reason.COLUMN_UNREADABLE):
        return measurement
    if column not in lost or column.startswith("@"):
        return measurement
    return measurement.without_data(reason, lost[column])
