"""Metrics: drift, performance and operations of a day, stored as measurements."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

import dagster as dg

from assets.stage import Figures, daily
from monitoring_dagster.day import Day
from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.reports import figures


def drift(monitor: Monitor) -> dg.AssetsDefinition:
    """The asset `[monitor, drift]`."""

    def body(day: Day, days: Sequence[dt.date]) -> Mapping[dt.date, Figures]:
        return figures.of_drift(day.measure_drift(days), day.store, monitor)

    return daily(
        monitor,
        "drift",
        body,
        deps=["profile"],
        kinds={"python"},
        description="How far the day's columns are from the reference, with intervals.",
    )


def performance(monitor: Monitor) -> dg.AssetsDefinition:
    """The asset `[monitor, performance]`."""

    def body(day: Day, days: Sequence[dt.date]) -> Mapping[dt.date, Figures]:
        return figures.of_performance(day.measure_performance(days), day.store, monitor)

    return daily(
        monitor,
        "performance",
        body,
        deps=["outcomes"],
        kinds={"python"},
        description="How well the day was predicted, as far as labels are known.",
    )


def operations(monitor: Monitor) -> dg.AssetsDefinition:
    """The asset `[monitor, operations]`."""

    def body(day: Day, days: Sequence[dt.date]) -> Mapping[dt.date, Figures]:
        return figures.of_operations(day.measure_operations(days), day.store, monitor)

    return daily(
        monitor,
        "operations",
        body,
        deps=["profile"],
        kinds={"python"},
        description="Latency, errors and throughput of the day.",
    )
