"""Every stage of a span of days for the first monitors of a folder; prints seconds as JSON.

`python run_days.py MONITORS FIRST LAST`, with a deployment's settings in the environment.
"""

from __future__ import annotations

import datetime as dt
import json
import sys
import time
from collections.abc import Callable

from monitoring_dagster.day import Day
from monitoring_dagster.monitors.calendar import days_between
from monitoring_dagster.monitors.loader import load_folder
from monitoring_dagster.resources import CLOCK_TAG, REPLAY, Workplace
from monitoring_dagster.settings import Settings

STAGES = (
    "check_quality",
    "count_profiles",
    "count_outcomes",
    "measure_drift",
    "measure_performance",
    "estimate_performance",
    "measure_operations",
    "evaluate",
)


def main() -> None:
    """Run the stages one after the other, each for all days, monitor by monitor."""
    count, first, last = int(sys.argv[1]), *map(dt.date.fromisoformat, sys.argv[2:4])
    days = list(days_between(first, last))
    taken: dict[str, dict[str, float]] = {}
    found = load_folder(Settings.from_environment().monitors).monitors
    for name in sorted(found)[:count]:
        replay = {CLOCK_TAG: f"{REPLAY}{found[name].telemetry.labels.maturity_days + 1}"}
        work = Workplace().day(found[name], replay)
        _timed(taken, "take snapshots", lambda work=work: _take(work, days))
        _timed(taken, "freeze_reference", work.freeze_reference)
        for stage in STAGES:
            _timed(taken, stage, lambda work=work, stage=stage: getattr(work, stage)(days))
    print(json.dumps({"days": len(days), "stages": taken}))


def _take(work: Day, days: list[dt.date]) -> None:
    for day in days:
        for kind in work.kinds:
            work.take(kind, day)


def _timed(taken: dict[str, dict[str, float]], what: str, work: Callable[[], object]) -> None:
    start, cpu = time.perf_counter(), time.process_time()
    work()
    seconds, used = time.perf_counter() - start, time.process_time() - cpu
    known = taken.setdefault(what.replace("_", " "), {"seconds": 0.0, "cpu": 0.0})
    known["seconds"] += seconds
    known["cpu"] += used


if __name__ == "__main__":
    main()
