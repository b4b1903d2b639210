"""Measures the operation of a day's service, per segment and model version.

Formulas live with the metrics; here is which measurements a day owes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from monitoring_dagster.metrics.groups import WHOLE, counts_of, missing, owed, uncut
from monitoring_dagster.metrics.measurement import Estimate, Measurement, Reason, Status
from monitoring_dagster.metrics.operations.error_rate import error_rate
from monitoring_dagster.metrics.operations.registry import LATENCY, TRAFFIC
from monitoring_dagster.metrics.operations.requests import requests
from monitoring_dagster.metrics.safely import safely
from monitoring_dagster.monitors.contract import Kind, Monitor, Role
from monitoring_dagster.profiles.grid import Grid, NumericCells
from monitoring_dagster.profiles.profile import Group, GroupCounts, Profile


def measure(
    monitor: Monitor, grid: Grid, current: Profile, *, hours: int, reference: Profile
) -> list[Measurement]:
    """Requests, error rate and latency per group, throughput and silent hours of the service.

    Error rate and latency are owed by monitors that declare a column of that role, silent hours
    by those whose traffic carries a time. `reference_value` is the metric of the same segment on
    the reference; counts of requests have none, since a reference spans many days.

    Args:
        monitor: says which columns there are and how traffic is cut.
        grid: the frozen cells, the latency's in seconds.
        current: the day, counted on the grid.
        hours: real length of the day: 23 or 25 where the clock changes.
        reference: the reference, counted on the grid.
    """
    service = _Service.of(monitor, grid, hours)
    return [
        Measurement(
            metric,
            estimate,
            column=column,
            segment=group.segment,
            model_version=group.model_version,
            reference_value=before.get(metric),
        )
        for group in owed(monitor, grid, current.groups)
        for before in [service.rates(reference, group)]
        for metric, column, estimate in service.estimates(current, group)
    ]


@dataclass(frozen=True)
class _Service:
    """What the monitor declares about its service."""

    hours: int
    status: str | None
    latency: str | None
    latency_cells: NumericCells | None
    timestamp: str | None

    @classmethod
    def of(cls, monitor: Monitor, grid: Grid, hours: int) -> _Service:
        traffic = Kind.FEATURES if monitor.telemetry.predictions is None else Kind.PREDICTIONS
        latency = monitor.the(Role.LATENCY)
        cells = grid.columns.get(latency) if latency else None
        return cls(
            hours,
            monitor.the(Role.STATUS),
            latency,
            cells if isinstance(cells, NumericCells) else None,
            monitor.the(Role.TIMESTAMP, traffic),
        )

    def rates(self, reference: Profile, group: Group) -> dict[str, float]:
        """What can be compared between a day and a reference of many days."""
        return {
            metric: estimate.value
            for metric, _, estimate in self.estimates(reference, group)
            if estimate.status is Status.OK and (metric == "error_rate" or metric in LATENCY)
        }

    def estimates(self, profile: Profile, group: Group) -> Iterator[tuple[str, str, Estimate]]:
        """Every metric that the group owes, with its column."""
        counts = _traffic(profile, group)
        yield "requests", "", _of(counts, "requests", requests)
        if self.status:
            found = missing(profile, self.status) or _of(counts, "error_rate", error_rate)
            yield "error_rate", self.status, found
        if self.latency and self.latency_cells:
            yield from self._latency(profile, group, self.latency, self.latency_cells)
        if group == WHOLE:
            yield from self._whole(profile, counts)

    def _whole(
        self, profile: Profile, counts: GroupCounts | Estimate
    ) -> Iterator[tuple[str, str, Estimate]]:
        for name, metric in TRAFFIC.items():
            found = _of(counts, name, metric, self.hours)
            if name == "hours_without_traffic":
                if self.timestamp is None:
                    continue
                # Requests without a time are counted in the first hour: all others look silent.
                found = missing(profile, self.timestamp) or found
            yield name, "", found

    def _latency(
        self, profile: Profile, group: Group, column: str, cells: NumericCells
    ) -> Iterator[tuple[str, str, Estimate]]:
        counted = counts_of(profile, column, group)
        for name, metric in LATENCY.items():
            if isinstance(counted, Estimate):
                yield name, column, counted
            else:
                yield name, column, safely(name, partial(metric, cells, counted))


def _traffic(profile: Profile, group: Group) -> GroupCounts | Estimate:
    """The group's requests by hour, or why they are not known; a silent segment has none."""
    if not profile.groups:
        return Estimate.without(Status.NO_DATA, Reason.NO_ROWS, "the day has no rows")
    return uncut(profile, group) or profile.groups.get(group) or GroupCounts(0, {})


def _of(
    counts: GroupCounts | Estimate, name: str, metric: Callable[..., Estimate], *more: int
) -> Estimate:
    return counts if isinstance(counts, Estimate) else safely(name, partial(metric, counts, *more))
