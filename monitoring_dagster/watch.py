"""The watch: gathers what is known of the monitoring itself, and keeps one incident per alarm.

Level-triggered: what is wrong at this look has an open incident after it, what is not any more has
none. What is wrong is decided by `incidents.watchdog`; who asks, and how often, by the sensor.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from monitoring_dagster.errors import StoreError
from monitoring_dagster.failpoints import failpoint
from monitoring_dagster.incidents import watching
from monitoring_dagster.incidents.alarms import Alarm, Check, Task
from monitoring_dagster.incidents.attending import attend
from monitoring_dagster.incidents.audience import Audience, Location
from monitoring_dagster.incidents.cause import CauseKind
from monitoring_dagster.incidents.desk import EMBEDDED, Desk, Office
from monitoring_dagster.incidents.watchdog import (
    LOOKED_BACK_DAYS,
    UNSEEN_FOR,
    Facts,
    MonitorFacts,
    findings,
)
from monitoring_dagster.incidents.watching import Settled
from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.monitors.problems import Problem
from monitoring_dagster.monitors.vocabulary import LOCATION
from monitoring_dagster.retraining import seen as actions_seen
from monitoring_dagster.store import Docket, Store, heartbeats
from monitoring_dagster.store import watching as stored
from monitoring_dagster.store.backlog import backlog

if TYPE_CHECKING:
    import sqlalchemy as sa

log = logging.getLogger(__name__)

OF_TELLING = frozenset({Check.DELIVERY_OVERDUE, Check.TWO_DAEMONS})
"""While one of these is alarmed about, nobody is told that all is well."""

REMEMBERED = dt.timedelta(days=1)
"""For how long a daemon that is gone is remembered."""

_DAEMON, _MONITOR = "daemon", "monitor"
"""Names in the table of heartbeats: who evaluates sensors, and which monitors there are."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What only the outside knows.

    Args:
        channel: name of the channel of choice (`notifications.channel.Channel.name`).
        problems: of documents that cannot be used.
        tasks: what is under way.
        daemon: id of the daemon that evaluates sensors; empty where nobody says so.
        audit: what the last verification of the audit log found wrong; empty for nothing.
    """

    channel: str
    problems: Sequence[Problem] = ()
    tasks: Sequence[Task] = ()
    daemon: str = ""
    audit: str = ""


@dataclass(slots=True)
class Watched:
    """What came of a look.

    Args:
        alarms: everything that is wrong.
        opened: names of the incidents that were opened or came back.
        resolved: names of those that are over.
        failed: monitors that could not be looked at, with the reason.
        left: monitors for which there was no time.
    """

    alarms: list[Alarm] = field(default_factory=list)
    opened: list[str] = field(default_factory=list)
    resolved: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)

    @property
    def can_tell(self) -> bool:
        """Whether alerts reach people: nothing is wrong with delivery, daemons or this look."""
        return not self.failed and not any(alarm.check in OF_TELLING for alarm in self.alarms)

    def add(self, alarms: Iterable[Alarm], settled: Settled) -> None:
        """Take down what came of one audience."""
        self.alarms += alarms
        self.opened += settled.opened
        self.resolved += settled.resolved


def watch(
    store: Store,
    monitors: Sequence[Monitor],
    seen: Seen,
    *,
    now: dt.datetime,
    written_at: dt.datetime,
    office: Office = EMBEDDED,
    has_time: Callable[[], bool] = lambda: True,
) -> Watched:
    """Look at everything once, and bring the incidents in line with what is wrong.

    Of monitors that nothing is wrong with, and nothing was, only a reading transaction is made. One
    that cannot be looked at does not keep the others from it.

    Args:
        store: with what was evaluated, what is owed, and the incidents.
        monitors: those whose documents are valid.
        seen: what only the outside knows.
        now: the instant of the look.
        written_at: the instant of the wall clock, which the audit log tells.
        office: of the deployment.
        has_time: asked before each monitor; those after the first that has none are left.

    Raises:
        StoreError: the store cannot be used.
    """
    watched = Watched()
    look = _Look(store, seen, now, written_at, office, {m.name for m in monitors})
    _safely(watched, LOCATION, look.at_location)
    open_at = store.read(lambda c: stored.with_open(c, CauseKind.MONITORING))
    for monitor in monitors:
        if watched.left or not has_time():
            watched.left.append(monitor.name)
            continue
        _safely(watched, monitor.name, lambda m=monitor: look.at_monitor(m, m.name in open_at))
    for gone in sorted(open_at - look.names - {LOCATION}):
        _safely(watched, gone, lambda name=gone: look.at_gone(name))
    return watched


def _safely(watched: Watched, name: str, look: Callable[[], tuple[list[Alarm], Settled]]) -> None:
    try:
        alarms, settled = look()
        failpoint("watch.settled")
        watched.add(alarms, settled)
    except StoreError:
        raise
    except Exception as error:
        log.exception("the watchdog could not look at %s", name)
        watched.failed[name] = f"{type(error).__name__}: {error}"


@dataclass(frozen=True)
class _Look:
    """One look: how facts are gathered, and incidents settled in the same transaction."""

    store: Store
    seen: Seen
    now: dt.datetime
    written_at: dt.datetime
    office: Office
    names: set[str]

    def at_location(self) -> tuple[list[Alarm], Settled]:
        """What is wrong with all monitors together."""

        def work(docket: Docket) -> tuple[list[Alarm], Settled]:
            self._beat(docket.connection)
            found = findings(self._of_location(docket.connection), self.now)
            return found, self._settle(docket, Location(), found)

        return self.store.decide(LOCATION, work)

    def at_monitor(self, monitor: Monitor, was_open: bool) -> tuple[list[Alarm], Settled]:
        """What is wrong with one monitor; `was_open` says whether anything was."""
        found = self.store.read(lambda c: findings(self._of_monitor(c, monitor), self.now))
        if not found and not was_open:
            return [], Settled()

        def work(docket: Docket) -> tuple[list[Alarm], Settled]:
            # Asked again: in the meantime somebody else may have settled it.
            found = findings(self._of_monitor(docket.connection, monitor), self.now)
            return found, self._settle(docket, monitor, found)

        return self.store.decide(monitor.name, work)

    def at_gone(self, name: str) -> tuple[list[Alarm], Settled]:
        """A monitor that is not loaded any more: nothing is expected of it."""
        settled = self.store.decide(name, lambda d: self._settle(d, Location(name), []))
        return [], settled

    def _settle(self, docket: Docket, whose: Audience, found: Sequence[Alarm]) -> Settled:
        desk = Desk(docket, whose, self.now, self.written_at, self.office)
        settled = watching.settle(desk, found)
        if whose.name == LOCATION:
            attend(desk)  # nobody else does: the location is no monitor
        desk.close()
        return settled

    def _beat(self, connection: sa.Connection) -> None:
        """Remember who is there: the monitors, and the daemon."""
        heartbeats.keep_only(connection, _MONITOR, self.names)
        for name in sorted(self.names):
            heartbeats.beat(connection, _MONITOR, name, self.now)
        heartbeats.forget(connection, _DAEMON, self.now - REMEMBERED)
        if self.seen.daemon:
            heartbeats.beat(connection, _DAEMON, self.seen.daemon, self.now)

    def _of_location(self, connection: sa.Connection) -> Facts:
        return Facts(
            tasks=[task for task in self.seen.tasks if task.monitor not in self.names],
            problems=self.seen.problems,
            backlog=backlog(connection, self.seen.channel, self.now, UNSEEN_FOR),
            daemons=heartbeats.beats(connection, _DAEMON),
            audit=self.seen.audit,
            pages=self.office.pages,
        )

    def _of_monitor(self, connection: sa.Connection, monitor: Monitor) -> Facts:
        since = {beat.owner: beat.since for beat in heartbeats.beats(connection, _MONITOR)}
        known = MonitorFacts(
            monitor,
            since.get(monitor.name, self.now),
            stored.evaluated_until(connection, monitor.name),
            stored.snapshot_days(connection, monitor.name, LOOKED_BACK_DAYS),
            actions_seen.latest(connection, monitor, self.office.pages.registry),
            actions_seen.worse(connection, monitor, self.now),
        )
        tasks = [task for task in self.seen.tasks if task.monitor == monitor.name]
        return Facts(monitors=[known], tasks=tasks, pages=self.office.pages)
