"""Profiles: the day counted once, on the grid of the reference."""

from __future__ import annotations

import dagster as dg

from assets.stage import daily
from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.reports import figures


def profile(monitor: Monitor) -> dg.AssetsDefinition:
    """The asset `[monitor, profile]`: counts of features and predictions."""
    return daily(
        monitor,
        "profile",
        lambda day, days: {s.day: figures.of_shape(s) for s in day.count_profiles(days)},
        deps=[
            "reference",
            *[k for k in ("features", "predictions") if getattr(monitor.telemetry, k) is not None],
        ],
        kinds={"duckdb", "parquet"},
        description="The day counted in one pass, per segment and model version.",
    )


def outcomes(monitor: Monitor) -> dg.AssetsDefinition:
    """The asset `[monitor, outcomes]`: predictions counted against their labels."""
    return daily(
        monitor,
        "outcomes",
        lambda day, days: {s.day: figures.of_labels(s) for s in day.count_outcomes(days)},
        deps=["reference", "predictions", "labels"],
        kinds={"duckdb", "parquet"},
        description="Predictions counted against their labels, with coverage and delay.",
    )
