"""Retention: which partitions are past their days, and dropping them whole.

Days come from the monitor, the clock from the caller. Asking without dropping is `expired`.
"""

from __future__ import annotations

import datetime as dt
import re

from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.telemetry.lake import Lake

_DAY = r"(?P<day>\d{4}-\d{2}-\d{2})"
_REFERENCE = r"(?:reference/[^/]+/)?"

# Raw rows of a reference go like those of production; what was counted of it is its grid, and
# stays as long as the monitor.
_PARTITIONS = {
    "snapshots_days": re.compile(
        rf"({_REFERENCE}(?:snapshots/[^/]+|label_arrivals|samples)/{_DAY})/"
    ),
    "quarantine_days": re.compile(rf"({_REFERENCE}quarantine/[^/]+/{_DAY})/"),
    "profiles_days": re.compile(rf"((?:profiles|outcomes|quality)/{_DAY}\.[a-z]+)$"),
}


def expired(lake: Lake, monitor: Monitor, today: dt.date) -> list[str]:
    """Partitions that are older than the monitor keeps them: folders and files of the lake.

    With `snapshots_days: 400`, the snapshot of the day 400 days before `today` is kept, that of
    the day before it is not.

    Args:
        lake: where to look.
        monitor: says how long each kind of data is kept.
        today: the clock, in the monitor's calendar.
    """
    found: set[str] = set()
    for path in lake.list(monitor.name):
        inside = path.removeprefix(f"{monitor.name}/")
        for rule, pattern in _PARTITIONS.items():
            match = pattern.match(inside)
            if match is None:
                continue
            kept = dt.timedelta(days=getattr(monitor.retention, rule))
            if dt.date.fromisoformat(match["day"]) < today - kept:
                found.add(f"{monitor.name}/{match[1]}")
    return sorted(found)


def sweep(lake: Lake, monitor: Monitor, today: dt.date) -> list[str]:
    """Drop every expired partition; what a crash leaves over is dropped the next time.

    Returns:
        What was dropped.
    """
    partitions = expired(lake, monitor, today)
    for partition in partitions:
        if lake.exists(partition):
            lake.delete(partition)
        else:
            lake.drop(partition)
    return partitions
