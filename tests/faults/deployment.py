"""A small deployment whose days are run in this process, as of any instant, and read back."""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from monitoring_dagster.day import Day
from monitoring_dagster.monitors.calendar import Standing
from monitoring_dagster.monitors.contract import Kind, Monitor
from monitoring_dagster.monitors.loader import load_text
from monitoring_dagster.store import Store
from monitoring_dagster.telemetry import snapshots
from monitoring_dagster.telemetry.lake import Lake
from monitoring_dagster.telemetry.manifest import Manifest
from monitoring_dagster.telemetry.pseudonyms import Pseudonyms
from monitoring_dagster.telemetry.sources import Access
from tests.small_world import SmallWorld, days_from

REFERENCE = days_from(dt.date(2026, 1, 2), 4)
DAYS = days_from(dt.date(2026, 1, 6), 2)
DAY, NEXT = DAYS
NOW = dt.datetime(2026, 1, 10, 6, tzinfo=dt.UTC)
EVENTS = (Kind.FEATURES, Kind.PREDICTIONS)

Row = dict[str, Any]


@dataclass
class Deployment(SmallWorld):
    """The stages of a day, called one after the other as the daily job calls them.

    Unless it `learns`, no expectation is derived from the reference: a fault then shows in the
    measurements instead of being withheld, and the checks take less time. A home that is there
    is opened as it is.
    """

    reference: list[dt.date] = field(default_factory=lambda: list(REFERENCE))
    days: list[dt.date] = field(default_factory=lambda: list(DAYS))
    limits: dict[str, int] = field(default_factory=dict)
    learns: bool = False
    store: Store = field(init=False)

    def __post_init__(self) -> None:
        self.monitors = self.home / "monitors"
        self.store = Store(f"sqlite:///{self.home / 'store.db'}")
        if not self.monitors.exists():
            super().__post_init__()
            for day in self.days:
                self.write_labels(day)
            self.store.upgrade()

    @property
    def lake_folder(self) -> Path:
        return self.home / "lake"

    def write_monitor(self, name: str | None = None, **changes: str) -> Path:
        unlearnt = {"segments:": "quality: {learn: false}\nsegments:"}
        return super().write_monitor(name, **({} if self.learns else unlearnt) | changes)

    @property
    def monitor(self) -> Monitor:
        path = self.monitors / f"{self.name}.yaml"
        return parsed(path.read_text(encoding="utf-8"), path.name)

    def day(self, now: dt.datetime = NOW) -> Day:
        return Day(
            monitor=self.monitor,
            lake=Lake(str(self.lake_folder)),
            store=self.store,
            access=Access(roots=(str(self.home),), base=self.home, **self.limits),
            pseudonyms=Pseudonyms(b"a key of this test alone, long enough"),
            clock=Standing(now),
            computed_at=now,
        )

    def run(self, *days: dt.date, now: dt.datetime = NOW) -> None:
        """The daily job; the reference is frozen before."""
        self.take(*days, now=now)
        self.measure(*days, now=now)

    def take(self, *days: dt.date, now: dt.datetime = NOW) -> None:
        """The first half of the daily job."""
        run = self.day(now)
        for kind in Kind:
            for day in days or self.days:
                run.take(kind, day)

    def measure(self, *days: dt.date, now: dt.datetime = NOW) -> None:
        """The second half: what is done with the snapshots."""
        run = self.day(now)
        stages = [
            run.check_quality,
            run.count_profiles,
            run.count_outcomes,
            run.measure_drift,
            run.measure_performance,
            run.measure_operations,
        ]
        for stage in stages:
            stage(list(days) or self.days)

    def measured(self, day: dt.date = DAY, **wanted: Any) -> list[Row]:
        """Stored measurements of one day, of the whole traffic unless said otherwise."""
        asked = {"segment": "all", "model_version": "all"} | wanted
        found = self.store.measurements(self.name, first_day=day, last_day=day, **asked)
        return found.to_pylist()

    def one(self, metric: str, column: str | None = None, **wanted: Any) -> Row:
        (found,) = self.measured(metric=metric, column=column, **wanted)
        return found

    def told(self, day: dt.date = DAY) -> dict[tuple[str, str, str, str, str], Row]:
        """What is known of a day by what it is about, without when and how often it was found."""
        rows = self.measured(day, segment=None, model_version=None)
        key = ("stage", "metric", "column", "segment", "model_version")
        when = ("computed_at", "evaluation_id", "revision", "config_hash")
        return {
            tuple(row[k] for k in key): {k: v for k, v in row.items() if k not in when}
            for row in rows
        }

    def everything(self) -> dict[dt.date, dict[tuple[str, str, str, str, str], Row]]:
        return {day: self.told(day) for day in self.days}

    def revisions(self, stage: str) -> dict[dt.date, int]:
        """How often a stage has evaluated each day."""
        evaluations = self.store.evaluations(self.name).to_pylist()
        found = [(e["day"], e["revision"]) for e in evaluations if e["stage"] == stage]
        return dict(sorted(found))

    def manifest(self, kind: Kind, day: dt.date = DAY) -> Manifest:
        found = snapshots.manifest(Lake(str(self.lake_folder)), self.name, kind, day)
        assert found is not None
        return found

    def change(self, kind: Kind, by: Callable[[pa.Table], pa.Table], day: dt.date = DAY) -> None:
        """Rewrite a day of a source."""
        self._write(kind, day, by(pq.read_table(self.source(kind, day))))


parsed = functools.lru_cache(load_text)


def about(row: Row, column: str) -> bool:
    """Whether a measurement is about a column, or of a part of the traffic that it cuts."""
    return row["column"] == column or row["segment"].startswith(f"{column}=")


def instants(values: Sequence[dt.datetime | None]) -> pa.Array:
    return pa.array(values, pa.timestamp("us", "UTC"))
