"""Upkeep: what has to be done again and again between evaluations, and by whom it is asked for.

In order: what time brings to incidents, what people ask for by reacting, and the delivery of what
people are owed. Sensors call it, and a replay calls it at every morning that it relives.
"""

from __future__ import annotations

import datetime as dt
import os
import random
import socket
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from monitoring_dagster.errors import IncidentUnknown, StoreError
from monitoring_dagster.incidents import answering
from monitoring_dagster.incidents.attending import attend
from monitoring_dagster.incidents.audience import Audience, Location
from monitoring_dagster.incidents.changes import SYSTEM
from monitoring_dagster.incidents.desk import Desk, Office
from monitoring_dagster.incidents.incident import Incident
from monitoring_dagster.incidents.silences import Silence
from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.notifications.configuration import Channels
from monitoring_dagster.notifications.delivered import Delivered, Happened
from monitoring_dagster.notifications.delivery import Delivery
from monitoring_dagster.notifications.file import FileChannel
from monitoring_dagster.notifications.pacing import STANDARD, Rules
from monitoring_dagster.notifications.reactions import SNOOZE, WishKind, wishes
from monitoring_dagster.notifications.rendering import draw, render
from monitoring_dagster.notifications.slack import SlackChannel
from monitoring_dagster.store import Docket, Store, incidents
from monitoring_dagster.store.audit import Entry, append
from monitoring_dagster.store.incidents import Posted
from monitoring_dagster.store.outbox import Notice

if TYPE_CHECKING:
    import sqlalchemy as sa

T = TypeVar("T")

RESOLVED_BECAUSE = "a reaction in Slack"

MOST_HEARD = 20
"""Messages that are asked for their reactions at a time: Slack answers 50 a minute."""


class Heard(NamedTuple):
    """How many wishes were new, and with which message to go on listening."""

    new: int
    next_from: int


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

    def attend(self) -> list[str]:
        """Do what time brings to every monitor's incidents; returns what failed, a text each."""
        failures: list[str] = []
        for monitor in self.monitors.values():
            try:
                self._at_desk(monitor, attend)
            except StoreError as error:
                failures.append(f"{monitor.name}: {error}")
        return failures

    def hear(self, first: int = 0) -> Heard:
        """Do what people ask for by reacting to messages, of a few of them in turn.

        A reaction counts once, from when it is first seen to when it is taken back: one that was
        there before an incident came back asks for nothing.

        Args:
            first: which of the open incidents' messages to begin with; the `next_from` of the
                call before.
        """
        posted = self.store.read(incidents.posted)
        start = first if first < len(posted) else 0
        turn = posted[start : start + MOST_HEARD]
        bots: dict[str, str] = {}
        new = 0
        for one in turn:
            channel = self.channels.named(one.sent_by)
            if isinstance(channel, SlackChannel):
                if channel.name not in bots:
                    bots[channel.name] = channel.check().user
                new += self._hear_one(channel, bots[channel.name], one)
        end = start + len(turn)
        return Heard(new, end if end < len(posted) else 0)

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
        return self._at_desk(self._audience(kept.row.monitor), lambda desk: act(desk, ref))

    def silence(
        self, monitor: str, cause: str, length: dt.timedelta, *, by: str, because: str
    ) -> Silence:
        """Call nobody for what matches for a while; returns the silence with its number.

        Raises:
            SilenceInvalid: it cannot be meant.
        """
        now = self.clock()
        wanted = Silence(0, monitor, cause, now, now + length, by, because)
        number = self._at_desk(Location(), lambda desk: answering.silence(desk, wanted))
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
        )
        return delivery.deliver(budget)

    def _hear_one(self, channel: SlackChannel, bot: str, posted: Posted) -> int:
        found = channel.reactions(posted.channel, posted.ts)
        if found.answer.error:
            return 0  # seen at the next look
        standing = wishes(found.reactions, bots=[bot], approvers=self.channels.approvers)
        asked = {(wish.kind.value, f"slack:{wish.user}") for wish in standing}

        def work(desk: Desk) -> int:
            new = incidents.newly_heard(desk.connection, posted.incident_id, asked)
            for kind, person in sorted(new):
                self._do(desk, posted.ref, WishKind(kind), person)
            return len(new)

        return self._at_desk(self._audience(posted.monitor), work)

    def _do(self, desk: Desk, ref: str, kind: WishKind, person: str) -> None:
        if kind is WishKind.ACKNOWLEDGE:
            answering.acknowledge(desk, ref, person)
        elif kind is WishKind.SNOOZE:
            answering.snooze(desk, ref, desk.now + SNOOZE, person)
        else:
            answering.resolve(desk, ref, RESOLVED_BECAUSE, person)

    @property
    def _rules(self) -> Rules:
        """How fast to send: a file takes as many messages as come."""
        is_file = isinstance(self.channels.primary, FileChannel)
        return replace(self.rules, interval=dt.timedelta()) if is_file else self.rules

    def _audience(self, name: str) -> Audience:
        """The monitor of that name; the location's habits where its document is gone."""
        return self.monitors.get(name) or Location(name)

    def _at_desk(self, audience: Audience, work: Callable[[Desk], T]) -> T:
        def at_desk(docket: Docket) -> T:
            desk = Desk(docket, audience, self.clock(), self.wall_clock(), self.office)
            done = work(desk)
            desk.close()
            return done

        return self.store.decide(audience.name, at_desk)

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
