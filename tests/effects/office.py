"""People's side of a deployment in this process: a Slack that lies, a clock that only tests move,
and upkeep that delivers to it. Every `upkeep()` is a new one, as after a restart.
"""

from __future__ import annotations

import datetime as dt
import itertools
import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from email.message import Message as Headers
from typing import Any, TypeVar
from urllib.parse import urlsplit

from monitoring_dagster import egress
from monitoring_dagster.incidents.desk import EMBEDDED, Office
from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.notifications.channel import Channel
from monitoring_dagster.notifications.configuration import Channels
from monitoring_dagster.notifications.delivered import Delivered
from monitoring_dagster.notifications.slack import SlackChannel
from monitoring_dagster.store import Store
from monitoring_dagster.upkeep import Upkeep
from tests.slack import web
from tests.slack.clock import HandClock
from tests.slack.fixtures import furnished
from tests.slack.loopback import Request
from tests.slack.replies import Wire
from tests.slack.seeing import Seen

T = TypeVar("T")

Meet = Callable[[str, Callable[[], egress.Reply]], egress.Reply]
"""What a call meets on its way: it is given the method, and what the call does."""

PLACE = "#model-alerts"
ROUND = dt.timedelta(minutes=5)
MOST_ROUNDS = 40


def unhindered(_: str, call: Callable[[], egress.Reply]) -> egress.Reply:
    """A call that meets nothing."""
    return call()


@dataclass
class SlackOffice:
    """A workspace with one channel, and the clock by which it and the deployment live."""

    clock: HandClock
    meet: Meet = unhindered
    calls: int = 0
    workspace: Any = field(init=False)
    token: str = field(init=False)
    channel: str = field(init=False)

    def __post_init__(self) -> None:
        self.workspace, self.token, self.channel = furnished(self.clock)
        self.person = self.workspace.add_user("ada")

    def slack(self) -> SlackChannel:
        """A channel that nobody has used yet."""
        return SlackChannel(self.token, clock=self.clock.now, default_to=PLACE, send=self._send)

    def upkeep(
        self,
        store: Store,
        monitors: Iterable[Monitor],
        *,
        office: Office = EMBEDDED,
        channel: Channel | None = None,
    ) -> Upkeep:
        """Upkeep of these monitors, with nothing remembered but what is stored."""
        return Upkeep(
            store,
            {monitor.name: monitor for monitor in monitors},
            Channels(channel or self.slack(), (), PLACE),
            office,
            self.clock.now,
            self.clock.now,
            self.clock.advance,
            random.Random(7),
        )

    def at(self, instant: dt.datetime) -> None:
        """Move the clock to an instant; never back."""
        self.clock.advance(max(0.0, (instant - self.clock.now()).total_seconds()))

    @property
    def seen(self) -> list[Seen]:
        """The roots that people see, the oldest first."""
        return self.workspace.visible()[self.channel]

    @property
    def texts(self) -> list[str]:
        """What the roots say in a line each."""
        return [root.text for root in self.seen]

    @property
    def posts(self) -> int:
        """How many messages landed, replies included."""
        return sum(landing.method == "chat.postMessage" for landing in self.workspace.landed)

    def _send(
        self, url: str, *, body: bytes, headers: Mapping[str, str], **_: object
    ) -> egress.Reply:
        self.calls += 1
        given = Headers()
        for name, value in headers.items():
            given[name] = value
        parts = urlsplit(url)
        path = parts.path + (f"?{parts.query}" if parts.query else "")

        def call() -> egress.Reply:
            reply = web.answer(self.workspace, Request("POST", path, given, body))
            if reply.wire is not Wire.ANSWERED:
                raise egress.AnswerLost("reset")
            named = {name.lower(): value for name, value in reply.headers.items()}
            return egress.Reply(reply.status, named, reply.body)

        return self.meet(parts.path.rpartition("/")[2], call)


def until_quiet(office: SlackOffice, upkeep: Callable[[], Upkeep]) -> list[Delivered]:
    """Deliver, and again after five minutes as long as something waits or has failed."""
    done: list[Delivered] = []
    for _ in itertools.repeat(None, MOST_ROUNDS):
        done.append(upkeep().deliver())
        if not done[-1].waiting and not done[-1].reasons:
            return done
        office.clock.advance(ROUND.total_seconds())
    raise AssertionError(f"still at it: {done[-1]}")
