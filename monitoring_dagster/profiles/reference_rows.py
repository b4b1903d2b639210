"""Raw rows, joined by id: a sample of the reference's, and of a monitored day's.

For what counts cannot tell: models of the telemetry, and what the monitored model makes of
other inputs. Only stored snapshots are read, never a source; how days are counted is `engine`.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Mapping, Sequence
from contextlib import ExitStack

import numpy as np
import pyarrow as pa

from monitoring_dagster.errors import SnapshotError
from monitoring_dagster.monitors.calendar import days_between
from monitoring_dagster.monitors.contract import Kind, Monitor, Role, Telemetry
from monitoring_dagster.profiles import reference
from monitoring_dagster.profiles.joined_rows import draw, joined
from monitoring_dagster.telemetry import snapshots
from monitoring_dagster.telemetry.casts import STORED
from monitoring_dagster.telemetry.lake import Lake
from monitoring_dagster.telemetry.manifest import Manifest

MOST_ROWS = 20_000
"""Enough for every use so far; 20,000 rows of 16 columns take 3 MB."""

Manifests = Mapping[Kind, Manifest]


def schema(monitor: Monitor) -> pa.Schema:
    """The columns of a sample: features, columns of segments, scores, prediction, label."""
    cut_by = [name for segment in monitor.segments for name in segment.columns]
    names = [
        *monitor.with_role(Role.FEATURE),
        *cut_by,
        *monitor.with_role(Role.SCORE),
        *monitor.with_role(Role.PREDICTION),
        *monitor.with_role(Role.LABEL),
    ]
    columns = monitor.columns
    return pa.schema([(name, STORED[columns[name].stored_type]) for name in dict.fromkeys(names)])


def sample(lake: Lake, monitor: Monitor, *, most: int = MOST_ROWS, seed: int = 0) -> pa.Table:
    """Rows of the reference, drawn uniformly over all its days.

    A row is there when its id is in every snapshot of inputs (features, predictions) that the
    monitor declares; its label is null where none is known. A value that a day's snapshots do
    not carry is null.

    Args:
        lake: holds the snapshots that the reference was frozen from.
        monitor: the document.
        most: rows at most; fewer come back where ids have no twin in the other snapshot.
        seed: the same seed and snapshots give the same rows in the same order.

    Returns:
        Rows with the columns of `schema`, in the order of days; none where the raw rows are past
        their retention or damaged.
    """
    first, last = monitor.reference.first_day, monitor.reference.last_day
    name = reference.stored_as(monitor)
    days = {day: _manifests(lake, name, day) for day in days_between(first, last)}
    needed = _inputs(monitor.reference.telemetry or monitor.telemetry)
    return _drawn(lake, monitor, needed, days, most, np.random.default_rng(seed))


def day_rows(
    lake: Lake, monitor: Monitor, day: dt.date, *, most: int = MOST_ROWS, seed: int = 0
) -> pa.Table:
    """Rows of a monitored day, drawn uniformly; all else is as in `sample`."""
    days = {day: _manifests(lake, monitor.name, day)}
    random = np.random.default_rng([seed, day.toordinal()])
    return _drawn(lake, monitor, _inputs(monitor.telemetry), days, most, random)


def _manifests(lake: Lake, name: str, day: dt.date) -> Manifests:
    """The snapshots of a day that hold rows."""
    found: dict[Kind, Manifest] = {}
    for kind in Kind:
        # A damaged day is told where it is counted; here it has no rows.
        with contextlib.suppress(SnapshotError):
            manifest = snapshots.manifest(lake, name, kind, day)
            if manifest is not None and manifest.file is not None and manifest.rows:
                found[kind] = manifest
    return found


def _inputs(telemetry: Telemetry) -> list[Kind]:
    """The snapshots that every row must be in; the first is drawn from."""
    kinds = (Kind.PREDICTIONS, Kind.FEATURES)
    return [kind for kind in kinds if getattr(telemetry, kind) is not None]


def _drawn(
    lake: Lake,
    monitor: Monitor,
    needed: Sequence[Kind],
    days: Mapping[dt.date, Manifests],
    most: int,
    random: np.random.Generator,
) -> pa.Table:
    whole = {day: found for day, found in days.items() if all(kind in found for kind in needed)}
    sizes = [found[needed[0]].rows for found in whole.values()]
    tables = [schema(monitor).empty_table()]
    for (day, found), drawn in zip(whole.items(), draw(sizes, most, random), strict=True):
        with ExitStack() as opened:
            verified, _ = reference.open_day(monitor, day, found, lake, opened)
            if drawn.size and all(verified.path(kind) for kind in needed):
                tables.append(joined(monitor, verified, needed, drawn, schema(monitor)))
    return pa.concat_tables(tables).combine_chunks()
