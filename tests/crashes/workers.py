"""What the processes of a round do: evaluate a day, or look after incidents as a daemon does.

Imported by processes that are started, too: everything they need is an argument.
"""

from __future__ import annotations

import contextlib
import logging
import os
import random
from dataclasses import dataclass

from monitoring_dagster.failpoints import VARIABLE
from monitoring_dagster.incidents.desk import EMBEDDED
from monitoring_dagster.notifications.configuration import Channels
from monitoring_dagster.notifications.slack import SlackChannel
from monitoring_dagster.store import Store
from monitoring_dagster.upkeep import Upkeep
from tests.crashes.clocks import Clock
from tests.crashes.days import PLACE, evaluate, monitors
from tests.crashes.wire import Travel

TICK_SECONDS = 30.0
"""As the delivery sensor's."""


@dataclass(frozen=True)
class Place:
    """Where a round takes place: its store, its Slack, the app's token, and whose days it has."""

    store: str
    slack: str
    token: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class Fate:
    """At which failpoint a process is killed, and from which of its turns on; at none if empty."""

    failpoint: str = ""
    turn: int = 0

    def comes(self, turn: int) -> None:
        """The process begins this turn."""
        is_armed = self.failpoint and turn >= self.turn
        os.environ[VARIABLE] = f"{self.failpoint}=kill" if is_armed else ""


def judge(clock: Clock, place: Place, number: int, fate: Fate) -> None:
    """Evaluate the day of that number of every monitor."""
    fate.comes(fate.turn)
    with contextlib.closing(Store(place.store)) as store:
        for monitor in monitors(place.names).values():
            evaluate(store, monitor, number, clock())


def look_after(clock: Clock, place: Place, seed: int, fate: Fate) -> None:
    """Attend and deliver again and again, like the sensors of one daemon."""
    logging.disable()
    rng = random.Random(seed)
    slack = SlackChannel(
        place.token,
        clock=clock,
        base_url=place.slack,
        allow_insecure=True,
        send=Travel(clock, rng).send,
    )
    upkeep = Upkeep(
        Store(place.store),
        monitors(place.names),
        Channels(slack, (), f"#{PLACE}"),
        EMBEDDED,
        clock=clock,
        wall_clock=clock,
        pause=clock.pause,
        rng=rng,
    )
    turn = 0
    while True:
        fate.comes(turn)
        failures = upkeep.attend()
        if failures:
            raise RuntimeError(failures)
        upkeep.deliver()
        clock.pause(TICK_SECONDS - (clock().timestamp() % TICK_SECONDS))
        turn += 1
