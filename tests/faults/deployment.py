"""A small deployment whose days can be run in this process, as of any instant, and read back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from monitoring_dagster.day import Day
from monitoring_dagster.metrics.measurement import Status
from monitoring_dagster.monitors.calendar import Clock, Standing
from monitoring_dagster.monitors.contract import Kind, Monitor
from monitoring_dagster.monitors.loader import load_folder
from monitoring_dagster.store import Store
from monitoring_dagster.telemetry.lake import Lake
from monitoring_dagster.telemetry.pseudonyms import Pseudonyms
from monitoring_dagster.telemetry.sources import Access
from tests.small_world import SmallWorld, days_from

REFERENCE = days_from(dt.date(2026, 1, 1), 5)
DAYS = days_from(dt.date(2026, 1, 6), 4)
DAY = DAYS[0]
NOW = dt.datetime(2026, 1, 11, 6, tzinfo=dt.UTC)

STAGES = ("quality", "shape", "labels", "drift", "performance", "operations")


@dataclass
class Deployment(SmallWorld):
    """The stages of the day, called one after the other as the daily job does."""

    reference: list[dt.date] = field(default_factory=lambda: list(REFERENCE))
    days: list[dt.date] = field(default_factory=lambda: list(DAYS))
    store_url: str = ""
    limits: dict[str, int] = field(default_factory=dict)
    access: Access = field(init=False)
    store: Store = field(init=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.store = Store(self.store_url or f"sqlite:///{self.home / 'store.db'}")
        self.store.upgrade()

    @property
    def lake_folder(self) -> Path:
        return self.home / "lake"

    @property
    def monitor(self) -> Monitor:
        loaded = load_folder(self.monitors)
        assert loaded.problems == []
        return loaded.monitors[self.name]

    def day(self, clock: Clock | dt.datetime = NOW) -> Day:
        """The stages, living by `clock`."""
        standing = Standing(clock) if isinstance(clock, dt.datetime) else clock
        return Day(
            monitor=self.monitor,
            lake=Lake(str(self.lake_folder)),
            store=self.store,
            access=Access(roots=(str(self.home),), base=self.home, **self.limits),
            pseudonyms=Pseudonyms(b"a key of this test alone, long enough"),
            clock=standing,
            computed_at=standing.as_of(self.monitor, self.monitor.first_day),
        )

    def run(self, *days: dt.date, clock: Clock | dt.datetime = NOW) -> Day:
        """The daily job."""
        run = self.day(clock)
        run.freeze_reference()
        taken = list(days) or self.days
        for kind in Kind:
            for day in taken:
                run.take(kind, day)
        self.measure(run, taken)
        return run

    def measure(self, run: Day, days: Sequence[dt.date]) -> None:
        """What the daily job does once the snapshots are there."""
        run.check_quality(days)
        run.count_profiles(days)
        run.count_outcomes(days)
        run.measure_drift(days)
        run.measure_performance(days)
        run.measure_operations(days)

    def measured(self, **wanted: Any) -> list[dict[str, Any]]:
        """Stored measurements of one day, of the whole traffic unless said otherwise."""
        day = wanted.pop("day", DAY)
        asked = {"segment": "all", "model_version": "all"} | wanted
        found = self.store.measurements(self.name, first_day=day, last_day=day, **asked)
        return found.to_pylist()

    def value(self, metric: str, column: str | None = None, **wanted: Any) -> dict[str, Any]:
        (found,) = self.measured(metric=metric, column=column, **wanted)
        return found

    def everything(self) -> pa.Table:
        """The public table without what says when and how often it was computed."""
        circumstances = ["computed_at", "evaluation_id", "revision"]
        return self.store.measurements(self.name).drop_columns(circumstances)

    def revisions(self, stage: str | None = None) -> list[tuple[dt.date, str, int]]:
        found = self.store.evaluations(self.name).to_pylist()
        return [
            (e["day"], e["stage"], e["revision"]) for e in found if stage in (None, e["stage"])
        ]

    def write(self, kind: str, day: dt.date = DAY, **columns: Any) -> Path:
        """Write a day of a source as it is."""
        self._write(kind, day, pa.table(columns))
        return self.source(kind, day)

    def column(self, kind: str, name: str, day: dt.date = DAY) -> list[Any]:
        """What the source holds."""
        return pq.read_table(self.source(kind, day)).column(name).to_pylist()


def statuses(rows: Sequence[dict[str, Any]]) -> set[str]:
    return {row["status"] for row in rows}


def ok(row: dict[str, Any]) -> bool:
    return row["status"] == Status.OK
