"""Labels: what is known now about the predictions of a day, and for which days that changed.

Labels arrive late, twice, or before their predictions are here: they stay in their source and
are matched anew whenever a day is taken. How they are found there depends on how the source is
filed: `filed_labels` and `arrived_labels`.
"""

from __future__ import annotations

import datetime as dt

from monitoring_dagster.monitors.calendar import days_between, matures_at
from monitoring_dagster.monitors.contract import Kind, LabelDay, LabelSource, Monitor, Role
from monitoring_dagster.telemetry.arrived_labels import ArrivedLabels
from monitoring_dagster.telemetry.commit import blank_manifest, commit
from monitoring_dagster.telemetry.filed_labels import FiledLabels
from monitoring_dagster.telemetry.label_reader import LabelReader
from monitoring_dagster.telemetry.lake import Lake
from monitoring_dagster.telemetry.manifest import Manifest, folder, read_manifest
from monitoring_dagster.telemetry.pseudonyms import Pseudonyms
from monitoring_dagster.telemetry.sources import Access


def take(
    monitor: Monitor,
    day: dt.date,
    *,
    lake: Lake,
    access: Access,
    as_of: dt.datetime,
    pseudonyms: Pseudonyms,
) -> Manifest:
    """Take what is known at `as_of` about the predictions of a day; see `snapshots.take`."""
    labels = monitor.telemetry.labels
    blank = blank_manifest(monitor, Kind.LABELS, day, as_of, pseudonyms).model_copy(
        update={"maturity": _maturity(monitor, day, as_of)}
    )
    predictions = read_manifest(lake, folder(monitor.name, Kind.PREDICTIONS, day))
    obstacle = _obstacle(monitor, day, predictions)
    if labels is None or predictions is None or obstacle:
        where = folder(monitor.name, Kind.LABELS, day)
        blank = blank.model_copy(update=obstacle)
        return commit(lake, where, blank, data=None, quarantine=None, quarantine_folder=None)
    blank = blank.model_copy(update={"predictions": predictions.sha256})
    reader = _reader(monitor, labels, lake, access, as_of, pseudonyms)
    return reader.take(day, blank, predictions)


def changed_days(
    monitor: Monitor,
    *,
    lake: Lake,
    access: Access,
    as_of: dt.datetime,
    pseudonyms: Pseudonyms,
) -> dict[dt.date, str]:
    """Days whose labels, as known at `as_of`, differ from what their snapshot of labels holds.

    A day that has matured since it was taken is one of them, for its labels are final now. Only
    days that have predictions, are over, and still accept labels are looked at.

    Returns:
        By day, a version of the labels that it should hold; it stays the same until the day is
        taken or its labels change again.
    """
    labels = monitor.telemetry.labels
    if labels is None or _without_id(monitor):
        return {}
    days = _open_days(monitor, labels, as_of)
    predictions = {d: read_manifest(lake, folder(monitor.name, Kind.PREDICTIONS, d)) for d in days}
    taken = {d: str(m.sha256) for d, m in predictions.items() if m is not None and m.status == "ok"}
    held = {d: read_manifest(lake, folder(monitor.name, Kind.LABELS, d)) for d in taken}
    matured = {
        d: f"{m.source_version}:final"
        for d, m in held.items()
        if m is not None and m.maturity == "provisional" and _maturity(monitor, d, as_of) == "final"
    }
    return matured | _reader(monitor, labels, lake, access, as_of, pseudonyms).changed(taken, held)


def _reader(
    monitor: Monitor,
    labels: LabelSource,
    lake: Lake,
    access: Access,
    as_of: dt.datetime,
    pseudonyms: Pseudonyms,
) -> LabelReader:
    filed = ArrivedLabels if labels.filed_under is LabelDay.ARRIVAL else FiledLabels
    return filed(monitor, labels, lake, access, as_of, pseudonyms)


def _open_days(monitor: Monitor, labels: LabelSource, as_of: dt.datetime) -> list[dt.date]:
    """Days that are over and whose labels were accepted until yesterday or later."""
    today = as_of.astimezone(monitor.zone).date()
    yesterday = today - dt.timedelta(days=1)
    span = dt.timedelta(days=labels.maturity_days + labels.accepted_days)
    first = max(monitor.first_day, yesterday - span)
    return days_between(first, min(yesterday, monitor.last_day or yesterday))


def _maturity(monitor: Monitor, day: dt.date, as_of: dt.datetime) -> str | None:
    mature = matures_at(monitor, day)
    if mature is None:
        return None
    return "final" if as_of >= mature else "provisional"


def _obstacle(monitor: Monitor, day: dt.date, predictions: Manifest | None) -> dict[str, str]:
    """Why no label can be matched with the predictions of a day; empty when they can."""
    if monitor.telemetry.labels is None:
        return {"reason": "source_missing", "detail": "no source of labels is declared"}
    problem = _without_id(monitor)
    if problem:
        return {"status": "error", "reason": "column_missing", "detail": problem}
    if predictions is None or predictions.status != "ok":
        return {
            "reason": "no_snapshot",
            "detail": f"there is no snapshot of the predictions of {day}; labels wait in their "
            "source until there is one",
        }
    return {}


def _without_id(monitor: Monitor) -> str:
    for kind in (Kind.PREDICTIONS, Kind.LABELS):
        if monitor.the(Role.ID, kind) is None:
            return f"{kind} carry no column of role id, which joins predictions with labels"
    return ""
