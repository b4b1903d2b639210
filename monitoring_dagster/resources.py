"""The Dagster resources: everything outside the process that an asset or sensor touches.

A resource holds no secret and opens nothing until it is used; its settings come from the
environment of the process that uses it, so that the same definitions run everywhere.
"""

from __future__ import annotations

import datetime as dt
import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

import dagster as dg

from monitoring_dagster.day import Day, nobody
from monitoring_dagster.deciding import Deciding
from monitoring_dagster.incidents.briefing import Pages
from monitoring_dagster.incidents.desk import Office
from monitoring_dagster.launching import Launching
from monitoring_dagster.learnt import Registry
from monitoring_dagster.models import Allowed, Scoring
from monitoring_dagster.monitors.calendar import Clock, Closing, Replay, Standing
from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.notifications.configuration import channels_from_environment
from monitoring_dagster.performing import Performing
from monitoring_dagster.settings import Settings
from monitoring_dagster.store import Store
from monitoring_dagster.telemetry.lake import Lake
from monitoring_dagster.telemetry.pseudonyms import Pseudonyms
from monitoring_dagster.telemetry.sources import Access
from monitoring_dagster.upkeep import Upkeep

CLOCK_TAG = "monitoring/clock"
"""Run tag: absent for the wall clock, `replay+N` for N days after each day's own next morning,
`closing` for the mornings after a replay's last day, or the ISO instant that a run lives at."""

REPLAY = "replay+"
CLOSING = "closing"


BACKFILL_TAG = "dagster/backfill"

REPLAY_BUDGET = dt.timedelta(minutes=10)
"""For the messages of one morning; nobody waits for the next one."""


def wall_clock() -> dt.datetime:
    """The present."""
    return dt.datetime.now(dt.UTC)


def registry_of(settings: Settings) -> Registry:
    """Where this deployment's models are, and what they may be."""
    allowed = Allowed(
        Access(roots=settings.source_roots, base=settings.home),
        settings.trusted_models,
        Scoring.from_environment(os.environ),
    )
    return Registry(settings.tracking_uri, settings.trusted_types, allowed)


@dataclass
class Relived:
    """A clock that can be moved, and goes on from there."""

    instant: dt.datetime
    since: float = field(default_factory=time.monotonic)

    def move(self, now: dt.datetime) -> None:
        """Show this instant from now on."""
        self.instant, self.since = now, time.monotonic()

    def __call__(self) -> dt.datetime:
        """The instant that it shows."""
        return self.instant + dt.timedelta(seconds=time.monotonic() - self.since)


class Workplace(dg.ConfigurableResource["Workplace"]):
    """The lake, the store, the sources and the key of this deployment."""

    def day(self, monitor: Monitor, tags: Mapping[str, str] | None = None, run_id: str = "") -> Day:
        """The day's stages for one monitor, living by the clock that the run's tags name."""
        settings = Settings.from_environment()
        now = dt.datetime.now(dt.UTC)
        store = self.store()  # before the lake, whose folder says that this is no first use
        clock = clock_of(tags or {}, now)
        office = self.office(tags or {})
        return Day(
            monitor=monitor,
            lake=Lake(settings.lake_url),
            store=store,
            access=Access(roots=settings.source_roots, base=settings.home, env=dict(os.environ)),
            pseudonyms=Pseudonyms.from_environment(os.environ, settings.home),
            clock=clock,
            computed_at=now,
            run_id=run_id,
            registry=registry_of(settings),
            office=office,
            tell=self._teller(monitor, office) if isinstance(clock, Replay) else nobody,
            is_retraining_disabled=settings.is_retraining_disabled,
        )

    def office(self, tags: Mapping[str, str] | None = None) -> Office:
        """What this deployment, and the backfill that the tags name, add to incidents."""
        settings = Settings.from_environment()
        return Office(
            environment=settings.environment,
            batch=(tags or {}).get(BACKFILL_TAG, ""),
            pages=Pages(settings.dagster_url, settings.registry_url),
        )

    def upkeep(
        self, monitors: Iterable[Monitor], clock: Callable[[], dt.datetime] = wall_clock
    ) -> Upkeep:
        """What attends to incidents, hears people and delivers, by the clock."""
        settings = Settings.from_environment()
        return Upkeep(
            self.store(),
            {monitor.name: monitor for monitor in monitors},
            channels_from_environment(os.environ, settings.home, clock),
            self.office(),
            clock,
            wall_clock,
        )

    def launching(self, monitors: Iterable[Monitor]) -> Launching:
        """What launches actions that are owed."""
        return Launching(self.store(), _named(monitors), self.office(), wall_clock)

    def performing(
        self, monitors: Iterable[Monitor], tags: Mapping[str, str], run_id: str
    ) -> Performing:
        """What does an action in the run with these tags, by the clock that they name."""
        settings = Settings.from_environment()
        present = wall_clock()
        lived = clock_of(tags, present)
        instant = lived.instant if isinstance(lived, Standing) else present
        return Performing(
            store=self.store(),
            monitors=_named(monitors),
            office=self.office(),
            registry=replace(registry_of(settings), tracking_uri=settings.mlflow_uri),
            artifacts=settings.mlflow_artifacts,
            clock=wall_clock if instant == present else Relived(instant),
            wall_clock=wall_clock,
            monotonic=time.monotonic,
            run_id=run_id,
            day=lambda monitor: self.day(monitor, tags, run_id),
        )

    def deciding(self, monitors: Iterable[Monitor]) -> Deciding:
        """What people decide about models with."""
        return Deciding(
            self.store(),
            _named(monitors),
            self.office(),
            wall_clock,
            self.day,
            is_disabled=Settings.from_environment().is_retraining_disabled,
        )

    def _teller(self, monitor: Monitor, office: Office) -> Callable[[dt.datetime], object]:
        """Delivers at the instants of a replay, where no sensor lives."""
        present = Relived(wall_clock())
        upkeep = replace(self.upkeep([monitor], present), office=office)

        def tell(now: dt.datetime) -> None:
            present.move(now)
            upkeep.deliver(REPLAY_BUDGET)

        return tell

    def store(self) -> Store:
        """The store; made at the first use of an embedded home, and never again by itself.

        A store that is gone while the lake is still there was lost: the store says so.
        """
        settings = Settings.from_environment()
        store = Store(settings.store_url)
        if settings.is_untouched:
            store.upgrade()
        return store


def _named(monitors: Iterable[Monitor]) -> dict[str, Monitor]:
    return {monitor.name: monitor for monitor in monitors}


def clock_of(tags: Mapping[str, str], now: dt.datetime) -> Clock:
    """The clock that a run lives by.

    >>> now = dt.datetime(2026, 1, 2, tzinfo=dt.UTC)
    >>> clock_of({CLOCK_TAG: "2013-05-01T10:00:00+00:00"}, now).instant.date()
    datetime.date(2013, 5, 1)
    >>> clock_of({CLOCK_TAG: "replay+8"}, now).days_later
    8
    """
    tag = tags.get(CLOCK_TAG)
    if tag is None:
        return Standing(now)
    if tag == CLOSING:
        return Closing(now)
    if tag.startswith(REPLAY):
        return Replay(now, int(tag.removeprefix(REPLAY)))
    return Standing(dt.datetime.fromisoformat(tag))
