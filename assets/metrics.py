"""Metrics: drift, performance, its estimate, and operations of a day, stored as measurements."""

import dagster as dg

from assets.stage import daily
from monitoring_dagster.metrics.estimated import LIMITS
from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.reports import figures


def drift(monitor: Monitor) -> dg.AssetsDefinition:
    """The asset `[monitor, drift]`."""
    return daily(
        monitor,
        "drift",
        lambda day, days: figures.of_drift(day.measure_drift(days), day.store, monitor),
        deps=["profile"],
        kinds={"python"},
        description="How far the day's columns are from the reference, with intervals.",
    )


def performance(monitor: Monitor) -> dg.AssetsDefinition:
    """The asset `[monitor, performance]`."""
    return daily(
        monitor,
        "performance",
        lambda day, days: figures.of_performance(day.measure_performance(days), day.store, monitor),
        deps=["outcomes"],
        kinds={"python"},
        description="How well the day was predicted, as far as labels are known.",
    )


def estimated_performance(monitor: Monitor) -> dg.AssetsDefinition:
    """The asset `[monitor, estimated_performance]`."""
    return daily(
        monitor,
        "estimated_performance",
        lambda day, days: figures.of_estimates(day.estimate_performance(days), day.store, monitor),
        deps=["profile", *(["outcomes"] if monitor.telemetry.labels is not None else [])],
        kinds={"python"},
        description=f"How well the day was predicted, estimated without its labels. {LIMITS}",
    )


def operations(monitor: Monitor) -> dg.AssetsDefinition:
    """The asset `[monitor, operations]`."""
    return daily(
        monitor,
        "operations",
        lambda day, days: figures.of_operations(day.measure_operations(days), day.store, monitor),
        deps=["profile"],
        kinds={"python"},
        description="Latency, errors and throughput of the day.",
    )
