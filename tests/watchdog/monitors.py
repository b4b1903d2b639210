"""Monitors as the tests of the watchdog need them: all but a few words of the small world's."""

from __future__ import annotations

from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.monitors.loader import load_text
from tests.small_world import DOCUMENT


def monitor_of(
    name: str = "small", zone: str = "UTC", first: str = "2026-01-01", more: str = ""
) -> Monitor:
    """A monitor that the schedule takes at 06:00; `more` is added to its document."""
    text = DOCUMENT.format(
        name=name, reference_first="2025-12-01", reference_last="2025-12-07", first=first
    )
    text = text.replace("time_zone: UTC", f"time_zone: {zone}")
    return load_text(text + more, f"{name}.yaml")
