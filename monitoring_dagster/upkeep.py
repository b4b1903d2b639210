"""Upkeep: what has to be done again and again between evaluations, and by whom it is asked for.

In order: the delivery of what people are owed, what time brings to incidents, what people ask for
by reacting, and the delivery of what follows. Sensors call it, and a replay calls its delivery at
every morning that it relives. What a reaction does is `hearing`.
"""

from __future__ import annotations

import datetime as dt
import logging
import os
import random
import socket
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from monitoring_dagster import hearing
from monitoring_dagster.errors import IncidentUnknown, MonitoringError, SilenceInvalid, StoreBusy
from monitoring_dagster.hearing import Heard
from monitoring_dagster.incidents import answering, attending, gathered
from monitoring_dagster.incidents.audience import Audience, Location
from monitoring_dagster.incidents.changes import SYSTEM
from monitoring_dagster.incidents.desk import Desk, Office, silence_of
from monitoring_dagster.incidents.incident import Incident
from monitoring_dagster.incidents.silences import Silence
from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.monitors.vocabulary import LOCATION
from monitoring_dagster.notifications.configuration import Channels
from monitoring_dagster.notifications.delivered import Delivered, Happened
from monitoring_dagster.notifications.delivery import Delivery
from monitoring_dagster.notifications.file import FileChannel
from monitoring_dagster.notifications.pacing import STANDARD, Rules
from monitoring_dagster.notifications.rendering import draw, render
from monitoring_dagster.reports.terminal import near
from monitoring_dagster.store import Docket, Store, incidents, silences
from monitoring_dagster.store.audit import Entry, append
from monitoring_dagster.store.outbox import Notice

if TYPE_CHECKING:
    import sqlalchemy as sa

T = TypeVar("T")

log = logging.getLogger(__name__)

STORMS = "storms"
"""Whose turn is taken for what belongs to no single monitor."""

BRIEFLY_SECONDS = 1.0
"""For how long upkeep waits for a monitor that somebody else has locked. An evaluation may keep it
for minutes, and attends to it itself."""

SHARES = (0.4, 0.6, 0.9)
"""By which part of its time a tick has delivered, attended and heard; the rest is delivery."""

AT_LEAST = dt.timedelta(seconds=2)
"""For what has come up in the meantime, however long that has taken."""


class Done(NamedTuple):
    """What a tick has done.

    Args:
        delivered: by both of its deliveries.
        heard: by listening.
        failures: what failed, a text each; the rest was done all the same.
    """

    delivered: Delivered
    heard: Heard
    failures: list[str]


@dataclass(frozen=True)
class Upkeep:
    """What upkeep works with.

    Args:
        store: with incidents and outbox.
        monitors: those of the deployment, by name.
        channels: by which people are told.
        office: of the deployment.
        clock: the clock; aware. In a replay that of the morning that is relived.
        wall_clock: the clock that the audit log goes by.
        pause: waits for so many seconds; `clock` has to move on meanwhile.
        rng: for the jitter of pauses.
        rules: the figures of delivery.
    """

    store: Store
    monitors: Mapping[str, Monitor]
    channels: Channels
    office: Office
    clock: Callable[[], dt.datetime]
    wall_clock: Callable[[], dt.datetime]
    pause: Callable[[float], None] = time.sleep
    rng: random.Random = field(default_factory=random.Random)
    rules: Rules = STANDARD

    def tick(self, budget: dt.timedelta, hear_from: int = 0) -> Done:
        """Deliver, attend, hear and deliver what has come of it, all within the budget.

        Delivery comes first and last, and nothing that fails between keeps it from being done.

        Args:
            budget: for all of it.
            hear_from: with which message to go on listening.

        Raises:
            StoreError: the store cannot be used.
        """
        began = self.clock()
        deliver, attend, hear = (budget * share for share in SHARES)
        before = self.deliver(deliver)
        failures = self.attend(began + attend)
        heard = self.hear(hear_from, until=min(began + hear, self.clock() + hearing.BUDGET))
        after = self.deliver(max(AT_LEAST, began + budget - self.clock()))
        return Done(before.then(after), heard, [*failures, *heard.failures])

    def attend(self, until: dt.datetime | None = None) -> list[str]:
        """Do what time brings to every monitor's incidents; returns what failed, a text each.

        What fails of one monitor does not keep the others from it. One that somebody else keeps
        locked is attended to the next time.

        Args:
            until: no monitor is begun after it; which of them come first is random.
        """
        failures: list[str] = []
        now = self.clock()
        names = self.store.read(lambda connection: self._wanting(connection, now))
        if until is not None:
            self.rng.shuffle(names)
        for name in names:
            if until is not None and self.clock() >= until:
                log.warning("no time was left to attend to all monitors")
                break
            self._tried(name, lambda of=name: self._attend_to(of), failures)
        self._tried("storms", self._attend_to_storms, failures)
        return failures

    def hear(self, first: int = 0, until: dt.datetime | None = None) -> Heard:
        """Do what people ask for by reacting to messages, of a few of them in turn.

        A reaction counts once, from when it is first seen to when it is taken back: one that was
        there before an incident came back asks for nothing. One to a digest is about all open
        incidents that it tells.

        Args:
            first: which of the open incidents' messages to begin with; the `next_from` of the
                call before.
            until: nothing is asked for after it.
        """
        return hearing.hear(self, first, until or self.clock() + hearing.BUDGET)

    def answer(self, ref: str, act: Callable[[Desk, str], Incident]) -> Incident:
        """Do with the incident `ref` what somebody wants; returns it as it is then.

        Raises:
            IncidentUnknown: there is none.
        """
        kept = self.store.read(lambda connection: incidents.by_ref(connection, ref))
        if kept is None:
            raise IncidentUnknown(
                f"there is no incident {ref}; `monitoring-dagster incidents list` names those "
                "that are open"
            )
        return self.at_desk(self.audience(kept.row.monitor), lambda desk: act(desk, ref))

    def silence(
        self, monitor: str, cause: str, length: dt.timedelta, *, by: str, because: str
    ) -> Silence:
        """Call nobody for what matches for a while; returns the silence with its number.

        Raises:
            SilenceInvalid: it cannot be meant.
        """
        names = [*self.monitors, LOCATION]
        if not any(fnmatchcase(name, monitor) for name in names):
            raise SilenceInvalid(f"no monitor matches {monitor!r}; {near(monitor, names)}")
        now = self.clock()
        wanted = Silence(0, monitor, cause, now, now + length, by, because)
        number = self.at_desk(Location(), lambda desk: answering.silence(desk, wanted))
        return replace(wanted, id=number)

    def deliver(self, budget: dt.timedelta | None = None) -> Delivered:
        """Deliver what people are owed."""
        delivery = Delivery(
            self.store,
            self.channels.every,
            clock=self.clock,
            owner=f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}",
            render=render,
            draw=draw,
            audit=self._audit,
            rng=self.rng,
            pause=self.pause,
            rules=self._rules,
            default_destination=self.channels.default_destination,
        )
        return delivery.deliver(budget)

    def _wanting(self, connection: sa.Connection, now: dt.datetime) -> list[str]:
        """The monitors to which something may be due."""
        if silences.is_any_over(connection, now):
            return list(self.monitors)
        wanting = incidents.monitors_with_open(connection)
        return [name for name in self.monitors if name in wanting]

    def _attend_to(self, name: str) -> None:
        """Attend to a monitor if something is due, which can be seen without its lock."""
        audience = self.monitors[name]
        if self.store.look_up(name, lambda docket: attending.is_due(self._desk(docket, audience))):
            self.at_desk(audience, attending.attend, wait_seconds=BRIEFLY_SECONDS)

    def _attend_to_storms(self) -> None:
        def asked(connection: sa.Connection) -> tuple[list[Silence], dt.datetime]:
            return [silence_of(row) for row in silences.standing(connection)], self.clock()

        def is_due(connection: sa.Connection) -> bool:
            return gathered.is_due(connection, self.audience, *asked(connection))

        def attend(docket: Docket) -> None:
            connection = docket.connection
            standing, now = asked(connection)
            gathered.attend(connection, self.audience, standing, now, self.wall_clock())

        if self.store.read(is_due):
            self.store.decide(STORMS, attend, wait_seconds=BRIEFLY_SECONDS)

    def _tried(self, name: str, work: Callable[[], None], failures: list[str]) -> None:
        """Do it; what fails is told, and the rest goes on."""
        try:
            work()
        except StoreBusy:
            log.info("somebody else has %s; it is attended to the next time", name)
        except Exception as error:
            log.exception("attending to %s failed", name)
            what = str(error) if isinstance(error, MonitoringError) else repr(error)
            failures.append(f"{name}: {what}")

    @property
    def _rules(self) -> Rules:
        """How fast to send: a file takes as many messages as come."""
        is_file = isinstance(self.channels.primary, FileChannel)
        return replace(self.rules, interval=dt.timedelta()) if is_file else self.rules

    def audience(self, name: str) -> Audience:
        """The monitor of that name; the location's habits where its document is gone."""
        return self.monitors.get(name) or Location(name)

    def at_desk(
        self, audience: Audience, work: Callable[[Desk], T], *, wait_seconds: float | None = None
    ) -> T:
        """Work at the desk of somebody's incidents, in one transaction.

        Raises:
            StoreBusy: somebody else has had them for longer than `wait_seconds`.
        """

        def at_desk(docket: Docket) -> T:
            desk = self._desk(docket, audience)
            done = work(desk)
            desk.close()
            return done

        return self.store.decide(audience.name, at_desk, wait_seconds=wait_seconds)

    def _desk(self, docket: Docket, audience: Audience) -> Desk:
        return Desk(docket, audience, self.clock(), self.wall_clock(), self.office)

    def _audit(
        self,
        connection: sa.Connection,
        happened: Happened,
        notice: Notice,
        at: dt.datetime,
        text: str,
    ) -> None:
        about = {"kind": notice.kind, "destination": notice.destination, "at": at.isoformat()}
        entry = Entry(SYSTEM, happened.value, "notice", notice.key, {**about, "text": text})
        append(connection, [entry], self.wall_clock())
