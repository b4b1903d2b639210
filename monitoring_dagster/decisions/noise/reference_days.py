"""The reference's own days measured against the other days: what noise is learned from.

Every day is compared with the sum of the others, so that it does not vouch for itself.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from monitoring_dagster.decisions.noise.counted import Counted
from monitoring_dagster.decisions.noise.judged import SIGNED, Key
from monitoring_dagster.metrics import labels, operations, performance, shape
from monitoring_dagster.metrics.drift.columns import ROLES
from monitoring_dagster.metrics.intervals import Z
from monitoring_dagster.metrics.measurement import Measurement, Status
from monitoring_dagster.monitors.calendar import window
from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.profiles.profile import ALL, ColumnCounts, Group, Profile
from monitoring_dagster.profiles.reference import FrozenReference

MINIMUM_ROWS = 30
"""Values below which a day says too little, as for every measurement."""


@dataclass
class Days:
    """What one metric was on the reference's days: day (ordinal), value, rows, interval."""

    ordinals: list[int] = field(default_factory=list[int])
    values: list[float] = field(default_factory=list[float])
    n: list[float] = field(default_factory=list[float])
    low: list[float] = field(default_factory=list[float])
    high: list[float] = field(default_factory=list[float])

    def add(self, day: dt.date, value: float, n: float, low: float, high: float) -> None:
        """One more day."""
        if not math.isfinite(value):
            return
        self.ordinals.append(day.toordinal())
        self.values.append(value)
        self.n.append(n)
        self.low.append(low)
        self.high.append(high)


@dataclass(frozen=True)
class Measured:
    """The reference's days, by what was measured.

    `distances` are squared (see `judged.squared`). `columns` are the laid-out reference counts.
    """

    columns: Mapping[tuple[str, str], Counted]
    distances: Mapping[Key, Days]
    signed: Mapping[Key, Days]


BEYOND_NUMBERS = 1e100
"""Values at the end of what a float holds would make every variance that they enter infinite."""


def measure(monitor: Monitor, frozen: FrozenReference) -> Measured:
    """Every judged metric of every day of the reference, per segment of the whole traffic."""
    columns = _columns(monitor, frozen)
    distances = {
        Key(metric, *place): Days() for place, c in columns.items() for metric in _distances(c)
    }
    signed: dict[Key, Days] = {}
    for day, profile in frozen.days.items():
        for key, squares, n in _of_distances(columns, profile):
            if squares < BEYOND_NUMBERS:
                distances[key].add(day, squares, n, math.nan, math.nan)
        for key, value, *rest in _of_sums(columns, frozen.profile, profile):
            if abs(value) < BEYOND_NUMBERS:
                signed.setdefault(key, Days()).add(day, value, *rest)
        _add(signed, day, _of_profile(monitor, frozen, day, profile))
    against = performance.Performance(monitor, frozen.grid, frozen.outcomes)
    for day, outcomes in frozen.daily_outcomes.items():
        _add(signed, day, against.measure(outcomes, maturity=None))
        _add(signed, day, labels.measure(monitor, outcomes, maturity=None))
    return Measured(columns, distances, signed)


def _columns(monitor: Monitor, frozen: FrozenReference) -> dict[tuple[str, str], Counted]:
    """Every column that can drift, per segment, that has enough values in the reference."""
    return {
        (name, group.segment): Counted.of(cells, counts)
        for name, cells in frozen.grid.columns.items()
        if name in monitor.columns and monitor.columns[name].role in ROLES
        for group in frozen.profile.groups
        if group.model_version == ALL
        and (counts := frozen.profile.column(name, group)) is not None
        and counts.n >= MINIMUM_ROWS
    }


def _distances(counted: Counted) -> list[str]:
    bins = counted.binned(counted.reference)
    return [
        *(metric for metric, _ in counted.of_bins(bins, bins)),
        *(metric for metric, _ in counted.of_cells(counted.reference, counted.reference)),
    ]


def _of_distances(
    columns: Mapping[tuple[str, str], Counted], profile: Profile
) -> Iterator[tuple[Key, float, float]]:
    for (name, segment), counted in columns.items():
        day = profile.column(name, Group(ALL, segment))
        if day is None or day.n < MINIMUM_ROWS or counted.n - day.n < MINIMUM_ROWS:
            continue
        current = counted.cells_of(day)
        others = np.maximum(counted.reference - current, 0)
        n = float(current.sum())
        for metric, squares in counted.of_bins(counted.binned(others), counted.binned(current)):
            yield Key(metric, name, segment), float(squares), n
        for metric, squares in counted.of_cells(others, current):
            yield Key(metric, name, segment), float(squares), n


def _of_sums(
    columns: Mapping[tuple[str, str], Counted], reference: Profile, profile: Profile
) -> Iterator[tuple[Key, float, float, float, float]]:
    """Changes of the mean, the variance and the null rate against the reference."""
    for group, counts in reference.groups.items():
        if group.model_version != ALL or group not in profile.groups:
            continue
        for name, before in counts.columns.items():
            day = profile.column(name, group)
            if day is None or day.rows < MINIMUM_ROWS or before.rows < MINIMUM_ROWS:
                continue
            change = day.nulls / day.rows - before.nulls / before.rows
            yield Key("null_rate_change", name, group.segment), change, day.rows, *_NOWHERE
            counted = columns.get((name, group.segment))
            if counted is not None and counted.deviation > 0 and day.n >= MINIMUM_ROWS:
                yield from _of_moments(name, group.segment, counted, day)


_NOWHERE = (math.nan, math.nan)


def _of_moments(
    name: str, segment: str, counted: Counted, day: ColumnCounts
) -> Iterator[tuple[Key, float, float, float, float]]:
    n = day.n
    before = counted.counts
    mean = day.total / n
    variance = (day.total_squares / n - mean * mean) * n / (n - 1)
    if not math.isfinite(variance) or variance <= 1e-9 * mean * mean:
        return  # the sums have lost their digits
    value = (mean - before.total / before.n) / counted.deviation
    reach = Z * math.sqrt(variance / n) / counted.deviation
    yield Key("mean_change", name, segment), value, n, value - reach, value + reach
    ratio = variance / counted.deviation**2
    factor = math.exp(Z * math.sqrt(max(counted.kurtosis - 1, 0.0) / n))
    yield Key("variance_ratio", name, segment), ratio, n, ratio / factor, ratio * factor


def _of_profile(
    monitor: Monitor, frozen: FrozenReference, day: dt.date, profile: Profile
) -> Iterator[Measurement]:
    yield from operations.measure(
        monitor,
        frozen.grid,
        profile,
        hours=window(monitor, day).hours,
        reference=Profile.empty(frozen.grid.id),
    )
    yield from shape.measure(
        monitor, frozen.grid, frozen.profile, profile, reference_days=len(frozen.days)
    )


def _add(signed: dict[Key, Days], day: dt.date, measured: Iterable[Measurement]) -> None:
    for m in measured:
        estimate = m.estimate
        if m.model_version == ALL and m.metric in SIGNED and estimate.status is Status.OK:
            key = Key(m.metric, m.column, m.segment)
            signed.setdefault(key, Days()).add(
                day, estimate.value, estimate.n, estimate.ci_low, estimate.ci_high
            )
