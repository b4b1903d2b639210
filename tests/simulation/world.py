"""The world of a simulation: a store, two workers, a Slack that lies, one clock for all.

What happens in it, and in which order, is `machine`.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
import random
import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypeVar

from monitoring_dagster.errors import StoreUnreachable
from monitoring_dagster.incidents.attending import attend
from monitoring_dagster.incidents.briefing import Briefing, Pages
from monitoring_dagster.incidents.desk import Desk, Office
from monitoring_dagster.incidents.following import follow
from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.notifications.configuration import Channels
from monitoring_dagster.notifications.file import FileChannel
from monitoring_dagster.notifications.pacing import Rules
from monitoring_dagster.notifications.slack import SlackChannel
from monitoring_dagster.store import Docket
from monitoring_dagster.upkeep import Upkeep
from tests.notifications_delivery.wall import Clock
from tests.simulation.models import ALERTS, MODELS, MONITORS, ON_CALL, Said, verdicts
from tests.simulation.promises import View
from tests.simulation.workers import Line, Shift, WatchedStore
from tests.slack.workspace import Workspace

T = TypeVar("T")

WORKERS = ("one", "two")


class Problems(logging.Handler):
    """What the code caught and did not expect: it is logged with its traceback."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: list[BaseException] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep what was raised."""
        raised = record.exc_info[1] if record.exc_info else None
        if raised is not None and not isinstance(raised, StoreUnreachable):
            self.found.append(raised)


class Site:
    """A place for one world after the other: its store is made once, since making one is slow.

    Args:
        folder: for the store and the file that messages fall back to.
        template: a database that is up to date, and empty.
    """

    def __init__(self, folder: Path, template: Path) -> None:
        self.shift = Shift()
        self.problems = Problems()
        self.path = folder / "store.db"
        self.messages = folder / "messages.jsonl"
        self.store = WatchedStore(f"sqlite:///{self.path}", self.shift)
        self._template = template

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Hear of what the code logs, and nobody else does."""
        log = logging.getLogger("monitoring_dagster")
        before = log.propagate
        log.addHandler(self.problems)
        log.propagate = False
        try:
            yield
        finally:
            log.propagate = before
            log.removeHandler(self.problems)

    def cleared(self) -> sqlite3.Connection:
        """An empty store, and a connection to it for those who only look."""
        self.store.disconnect()
        self.problems.found.clear()
        for old in self.path.parent.iterdir():
            old.unlink()
        shutil.copyfile(self._template, self.path)
        return sqlite3.connect(self.path)


class PassingClock(Clock):
    """Passes every second while something is still to land, so that it lands in its time."""

    slack: Workspace | None = None

    @property
    def now(self) -> dt.datetime:
        """The instant that it shows."""
        return self._now

    @now.setter
    def now(self, until: dt.datetime) -> None:
        while self.slack is not None and self.slack.under_way and self._now < until:
            self._now = min(self._now + dt.timedelta(seconds=1), until)
        self._now = until


class World:
    """Everything that there is, at one instant."""

    def __init__(self, site: Site, rules: Rules, channel: type[SlackChannel]) -> None:
        self.clock = PassingClock()
        self.shift, self.store = site.shift, site.store
        self.held = site.cleared()
        self.slack = Workspace(lambda: self.clock().timestamp())
        self.clock.slack = self.slack
        self.token = self.slack.install()
        self.bot = self.slack.app(self.token)
        self.people = [self.slack.add_user(name) for name in ("ann", "bob")]
        self.rooms = [
            self.slack.add_channel(name, bots=[self.token]) for name in (ALERTS, MODELS, ON_CALL)
        ]
        self.line = Line(self.slack, self.clock, self.shift)
        self.problems = site.problems
        self.view = View(self.slack, self.bot.user, self.held)
        self.upkeep: Mapping[str, Upkeep] = {
            name: self._upkeep(site, rules, channel) for name in WORKERS
        }

    def respond(
        self, monitor: Monitor, days: Mapping[dt.date, Said], batch: str = "", *, dies: bool = False
    ) -> None:
        """Judge these days now, as one run does."""

        def work(docket: Docket) -> None:
            now = self.clock()
            desk = Desk(docket, monitor, now, now, Office(batch=batch))
            briefing = Briefing(monitor, lambda _: (), Pages())
            follow(desk, briefing, {day: verdicts(said) for day, said in days.items()})
            attend(desk)
            desk.close()
            if dies:
                self.shift.kill()

        with self.shift.working():
            self.store.decide(monitor.name, work)

    def _upkeep(self, site: Site, rules: Rules, channel: type[SlackChannel]) -> Upkeep:
        slack = channel(self.token, clock=self.clock, default_to=f"#{MODELS}", send=self.line.send)
        fallback = FileChannel(site.messages, clock=self.clock)
        return Upkeep(
            store=self.store,
            monitors=MONITORS,
            channels=Channels(slack, (fallback,), f"#{MODELS}"),
            office=Office(),
            clock=self.clock,
            wall_clock=self.clock,
            pause=self.clock.pause,
            rng=random.Random(7),
            rules=rules,
        )
