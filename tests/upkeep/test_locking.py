"""Judges, deliverers and people who attend, all at once: nobody waits for each other in a ring."""

from __future__ import annotations

import contextlib
import datetime as dt
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import sqlalchemy as sa

from monitoring_dagster.decisions.verdict import Level
from monitoring_dagster.store import Store
from tests.incidents_lifecycle.small_desk import morning
from tests.upkeep.deployment import Clock, broken, harm, judge, monitor, upkeep

DEADLOCKS = sa.text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")


def test_judges_and_deliverers_at_once_never_deadlock(postgres_url: str, tmp_path: Path) -> None:
    again: list[float] = []

    def pause(seconds: float) -> None:
        again.append(seconds)
        time.sleep(seconds)

    with contextlib.closing(Store(postgres_url, wait_seconds=20, pause=pause)) as store:
        store.upgrade()
        monitors = [monitor(f"m{number:02d}") for number in range(24)]

        def judges(part: int) -> None:
            for number in range(3):
                level = Level.CRITICAL if number < 2 else Level.OK
                for one in monitors[part::2]:
                    said = [harm(level=level), broken(f"metric_{number}")]
                    judge(store, one, morning(0), {number: said})

        def delivers(part: int) -> None:
            folder = tmp_path / f"{part}"
            folder.mkdir()
            kept = upkeep(store, monitors, Clock(morning(0)), folder)
            for _ in range(4):
                kept.attend()
                kept.deliver(dt.timedelta(seconds=3))

        with ThreadPoolExecutor(4) as pool:
            at_work = [pool.submit(work, part) for work in (judges, delivers) for part in range(2)]
        for one in at_work:
            one.result()
        assert again == []
        assert store.read(lambda connection: connection.scalar(DEADLOCKS)) == 0
