"""Snapshots: one day's features, predictions and labels as immutable Parquet."""

from __future__ import annotations

import dagster as dg

from assets.stage import daily
from monitoring_dagster.monitors.contract import Kind, Monitor
from monitoring_dagster.reports import figures

_DESCRIPTIONS = {
    Kind.FEATURES: "What the model was asked, contract-checked and pseudonymised.",
    Kind.PREDICTIONS: "What the model answered, when, how fast, in which version.",
    Kind.LABELS: "What is known now about the predictions of the day; provisional until mature.",
}


def snapshots(monitor: Monitor) -> list[dg.AssetsDefinition]:
    """The assets `[monitor, features|predictions|labels]`, as far as the monitor has sources."""
    return [
        _snapshot(monitor, kind) for kind in Kind if getattr(monitor.telemetry, kind) is not None
    ]


def _snapshot(monitor: Monitor, kind: Kind) -> dg.AssetsDefinition:
    return daily(
        monitor,
        kind.value,
        lambda day, days: {when: figures.of_snapshot(day.take(kind, when)) for when in days},
        deps=["predictions"] if kind is Kind.LABELS else [],
        kinds={"parquet"},
        description=_DESCRIPTIONS[kind],
    )
