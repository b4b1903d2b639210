"""The office: what every part of delivery works with, and the smallest things that all of them do.

The order of the work is `delivery`.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from monitoring_dagster.notifications.channel import Channel
from monitoring_dagster.notifications.delivered import Happened
from monitoring_dagster.notifications.message import Form, Message, Picture
from monitoring_dagster.notifications.pacing import Rules, pause_after
from monitoring_dagster.store import Store, destinations, outbox
from monitoring_dagster.store.claims import Terms
from monitoring_dagster.store.outbox import Notice

if TYPE_CHECKING:
    import sqlalchemy as sa

Render = Callable[["sa.Connection", Notice, Form], Message]
"""Draws a notice up, in a transaction that only reads; its `kind` is one of `NoticeKind`."""

Draw = Callable[["sa.Connection", Notice], "Picture | None"]
"""Draws the picture of a notice; None where there is nothing to show."""

Audit = Callable[["sa.Connection", Happened, Notice, dt.datetime, str], None]
"""Takes down what became of a notice, and why, in the transaction in which it does."""


@dataclass(frozen=True, slots=True)
class Office:
    """The world as delivery sees it; the arguments are those of `delivery.Delivery`."""

    store: Store
    channels: Sequence[Channel]
    clock: Callable[[], dt.datetime]
    owner: str
    render: Render
    draw: Draw
    audit: Audit
    rng: random.Random
    rules: Rules

    @property
    def primary(self) -> Channel:
        """The channel of choice."""
        return self.channels[0]

    @property
    def terms(self) -> Terms:
        """By which rules notices are claimed."""
        rules = self.rules
        return Terms(
            owner=self.owner,
            channels=tuple(channel.name for channel in self.channels),
            lease=rules.lease,
            interval=rules.interval,
            probe_every=rules.probe_every,
            patience=rules.patience,
        )

    def channel(self, name: str) -> Channel:
        """The channel of that name."""
        return next(channel for channel in self.channels if channel.name == name)

    def set_back(
        self, connection: sa.Connection, channel: str, name: str, asked_seconds: float | None
    ) -> dt.datetime:
        """Leave a destination alone after a failure; returns until when."""
        now = self.clock()
        failures = destinations.failed(connection, channel, name, now)
        until = now + pause_after(failures, asked_seconds, self.rng)
        destinations.pause(connection, channel, name, until)
        return until

    def shut(self, connection: sa.Connection, channel: str, name: str, error: str) -> dt.datetime:
        """Open the breaker of a destination; returns when it is probed."""
        now = self.clock()
        destinations.failed(connection, channel, name, now)
        destinations.block(connection, channel, name, now, error)
        until = now + self.rules.probe_every
        destinations.pause(connection, channel, name, until)
        return until

    def mend(self, connection: sa.Connection, channel: str, name: str) -> None:
        """Where a destination takes messages again, everything that waits for it may go.

        To be asked before that is written down: the outbox is locked before destinations are.
        """
        is_own = channel == self.primary.name
        if is_own and destinations.is_blocked(connection, channel, name):
            outbox.unblock(connection, name, self.clock())
