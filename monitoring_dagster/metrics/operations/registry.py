"""The catalogue of operations metrics, by what they are read from.

What a metric computes is in the file of its name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from monitoring_dagster.metrics.measurement import Estimate
from monitoring_dagster.metrics.operations.error_rate import error_rate
from monitoring_dagster.metrics.operations.hours_without_traffic import hours_without_traffic
from monitoring_dagster.metrics.operations.latency import latency_p50, latency_p95, latency_p99
from monitoring_dagster.metrics.operations.requests import requests
from monitoring_dagster.metrics.operations.throughput_per_hour import throughput_per_hour
from monitoring_dagster.profiles.grid import NumericCells
from monitoring_dagster.profiles.profile import ColumnCounts, GroupCounts

OfHours = Callable[[GroupCounts, int], Estimate]
OfLatency = Callable[[NumericCells, ColumnCounts], Estimate]

TRAFFIC: Mapping[str, OfHours] = {
    "throughput_per_hour": throughput_per_hour,
    "hours_without_traffic": hours_without_traffic,
}
"""Of the whole service, from its requests by hour and the day's hours."""

LATENCY: Mapping[str, OfLatency] = {
    "latency_p50": latency_p50,
    "latency_p95": latency_p95,
    "latency_p99": latency_p99,
}
"""Of every group, from the latency's cells."""

REGISTRY: Mapping[str, Callable[..., Estimate]] = {
    "requests": requests,
    "error_rate": error_rate,
    **TRAFFIC,
    **LATENCY,
}
