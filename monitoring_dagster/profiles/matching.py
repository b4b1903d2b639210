"""Predictions meet their labels: outcomes per group, and how complete and late labels are.

A prediction and a label belong together when their ids are equal. What a pair adds to the
counts depends on the task and is in `outcome_tallies`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from monitoring_dagster.monitors.contract import Kind, Monitor, Role, Task
from monitoring_dagster.profiles.day_snapshots import DaySnapshots
from monitoring_dagster.profiles.grid import Grid, Ints
from monitoring_dagster.profiles.grouped import Groups, Sums, collected
from monitoring_dagster.profiles.keyed import KeyedRows, Keys
from monitoring_dagster.profiles.outcome_tallies import OutcomeTally, tally_for
from monitoring_dagster.profiles.outcomes import DELAY_HOURS, LabelCounts, OutcomeCounts, Outcomes
from monitoring_dagster.profiles.profile import Group
from monitoring_dagster.profiles.rows import database, matched, row_count

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_HOUR = 3_600_000_000
_NO_ARRIVAL = np.iinfo(np.int64).min


def count_outcomes(
    monitor: Monitor,
    grid: Grid,
    days: Mapping[dt.date, DaySnapshots],
    *,
    target_mean: float,
    scratch: Path | None = None,
) -> dict[dt.date, Outcomes]:
    """Count predictions together with their labels, each day into outcomes of its own.

    Args:
        monitor: says what is predicted and how traffic is cut.
        grid: the frozen cells.
        days: the snapshots of each day.
        target_mean: the reference's mean target, by which regression targets are centred.
        scratch: folder to spill to when a day outgrows memory; the system's otherwise.

    Returns:
        Outcomes for every day of `days`, empty where there are no predictions; nothing at all
        without a label column, and for a ranking model, which is not counted on a grid.
    """
    return dict(each_outcomes(monitor, grid, days, target_mean=target_mean, scratch=scratch))


def each_outcomes(
    monitor: Monitor,
    grid: Grid,
    days: Mapping[dt.date, DaySnapshots],
    *,
    target_mean: float,
    scratch: Path | None = None,
) -> Iterator[tuple[dt.date, Outcomes]]:
    """The outcomes of `count_outcomes` one after the other, for ranges beyond memory."""
    if monitor.model.task is Task.RANKING or monitor.the(Role.LABEL) is None:
        return
    with database(scratch) as db:
        for day, snapshots in days.items():
            yield day, _outcomes(db, monitor, grid, snapshots, target_mean)


def _outcomes(
    db: DuckDBPyConnection,
    monitor: Monitor,
    grid: Grid,
    snapshots: DaySnapshots,
    target_mean: float,
) -> Outcomes:
    if snapshots.predictions is None:
        return Outcomes(grid.id, {})
    keys = Keys.of(db, monitor, grid, snapshots)
    tally = tally_for(monitor, grid, snapshots, target_mean)
    sums = Sums(keys.groups, tally.template)
    labels = Sums(
        keys.groups,
        {
            "predictions": np.zeros((), np.int64),
            "labelled": np.zeros((), np.int64),
            "delays": np.zeros(DELAY_HOURS + 1, np.int64),
        },
    )
    for pairs in paired(db, monitor, snapshots, keys, tally):
        labels.add("predictions", pairs.codes)
        known = pairs.of(pairs.is_labelled)
        labels.add("labelled", known.codes)
        on_time = known.of(known.delays >= 0)
        labels.add("delays", on_time.codes, on_time.delays)
        tally.add(sums, known.batch, known.labels, known.codes)
    return Outcomes(
        grid.id,
        dict(sorted(_performance(keys.groups, sums, labels, tally))),
        dict(sorted(_labels(keys.groups, labels))),
    )


def _performance(
    groups: Groups, sums: Sums, labels: Sums, tally: OutcomeTally
) -> Iterator[tuple[Group, OutcomeCounts]]:
    for cut in range(len(groups.cuts)):
        arrays = sums.of_cut(cut)
        labelled = labels.of_cut(cut)["labelled"]
        yield from collected(
            groups, cut, labelled, lambda at, arrays=arrays: tally.made(of_group(arrays, at))
        )


def _labels(groups: Groups, labels: Sums) -> Iterator[tuple[Group, LabelCounts]]:
    for cut in range(len(groups.cuts)):
        arrays = labels.of_cut(cut)
        yield from collected(
            groups,
            cut,
            arrays["predictions"],
            lambda at, arrays=arrays: LabelCounts(**of_group(arrays, at)),
        )


def of_group(arrays: Mapping[str, np.ndarray], at: int) -> dict[str, Any]:
    """One group's part of each array; scalars as Python numbers, arrays as copies."""
    return {
        name: array[at].item() if array.ndim == 1 else array[at].copy()
        for name, array in arrays.items()
    }


@dataclass(frozen=True)
class Pairs:
    """Predictions, aligned with their labels (as the task encodes them) and groups.

    `delays` are whole hours from prediction to label, -1 where that is not known.
    """

    batch: pa.RecordBatch
    codes: list[Ints]
    is_labelled: np.ndarray
    labels: np.ndarray
    delays: Ints

    def of(self, mask: np.ndarray) -> Pairs:
        """The pairs for which `mask` is true."""
        if mask.all():
            return self
        return Pairs(
            self.batch.filter(pa.array(mask)),
            [codes[mask] for codes in self.codes],
            self.is_labelled[mask],
            self.labels[mask],
            self.delays[mask],
        )


def paired(
    db: DuckDBPyConnection,
    monitor: Monitor,
    snapshots: DaySnapshots,
    keys: Keys,
    tally: OutcomeTally,
) -> Iterator[Pairs]:
    """The day's predictions in file order, with their labels."""
    label = monitor.the(Role.LABEL)
    rows = row_count(_path(snapshots, Kind.PREDICTIONS))
    is_labelled = np.zeros(rows, dtype=bool)
    labels = np.zeros(rows, dtype=tally.label_dtype)
    arrived = np.full(rows, _NO_ARRIVAL)
    stamp = monitor.the(Role.TIMESTAMP, Kind.LABELS)
    has_arrival = stamp is not None and snapshots.carries(monitor, Kind.LABELS, stamp)
    if label is not None and snapshots.carries(monitor, Kind.LABELS, label):
        columns = [label, stamp] if has_arrival and stamp is not None else [label]
        for at, batch in _labels_of(db, monitor, snapshots, columns):
            is_labelled[at] = batch.column(1).is_valid().to_numpy(zero_copy_only=False)
            labels[at] = tally.encoded(batch.column(1))
            if len(columns) > 1:
                arrived[at] = _micros(batch.column(2))
    keyed = KeyedRows.of(db, monitor, snapshots, Kind.PREDICTIONS, keys)
    made = monitor.the(Role.TIMESTAMP, Kind.PREDICTIONS)
    is_timed = made is not None and snapshots.carries(monitor, Kind.PREDICTIONS, made)
    read = [*tally.columns, *([made] if is_timed and made is not None else [])]
    for place, batch, codes in keyed.batches(list(dict.fromkeys(read))):
        delays = np.full(batch.num_rows, -1)
        if is_timed and made is not None:
            delays = delay_hours(_micros(batch.column(made)), arrived[place])
        yield Pairs(batch, codes, is_labelled[place], labels[place], delays)


def _labels_of(
    db: DuckDBPyConnection, monitor: Monitor, snapshots: DaySnapshots, columns: Sequence[str]
) -> Iterator[tuple[Ints, pa.RecordBatch]]:
    return matched(
        db,
        _path(snapshots, Kind.PREDICTIONS),
        _path(snapshots, Kind.LABELS),
        monitor.the(Role.ID) or "",
        columns,
    )


def _path(snapshots: DaySnapshots, kind: Kind) -> Path:
    path = snapshots.path(kind)
    if path is None:
        raise ValueError(f"there is no snapshot of {kind} on {snapshots.day}")
    return path


def _micros(timestamps: pa.Array) -> Ints:
    """Microseconds since 1970; the lowest integer for null."""
    return timestamps.cast(pa.int64()).fill_null(_NO_ARRIVAL).to_numpy(zero_copy_only=False)


def delay_hours(predicted: Ints, arrived: Ints) -> Ints:
    """Whole hours from prediction to label, at most `DELAY_HOURS`; -1 where either is unknown.

    A label that was there before its prediction came at once.
    """
    is_known = (predicted != _NO_ARRIVAL) & (arrived != _NO_ARRIVAL)
    waited = np.where(is_known, arrived, 0) - np.where(is_known, predicted, 0)
    return np.where(is_known, np.clip(waited // _HOUR, 0, DELAY_HOURS), -1)
