"""Calls to Slack over a real connection, which take time on the clock of the round.

A call that is left without an answer ends on the wire at once and lasts its time-out on the clock:
waiting for it on the wall would add nothing but time.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from monitoring_dagster import egress
from tests.crashes.clocks import Clock
from tests.slack import web
from tests.slack.loopback import Request, running_loopback
from tests.slack.replies import Reply, Wire
from tests.slack.workspace import Workspace

UNANSWERED = "x-unanswered"
WALL_SECONDS = 60.0
"""Nothing on the wire takes as long."""


@contextlib.contextmanager
def served(workspace: Workspace) -> Iterator[str]:
    """Serve the workspace; gives what slack_sdk calls `base_url`."""

    def respond(request: Request) -> Reply:
        reply = web.answer(workspace, request)
        return Reply(headers={UNANSWERED: "1"}) if reply.wire is Wire.SILENT else reply

    with running_loopback(respond) as address:
        workspace.state.upload_url = address + web.UPLOADS
        yield address + web.API


@dataclass(frozen=True)
class Travel:
    """How long calls are on their way: mostly no time, at times nearly as long as they may be."""

    clock: Clock
    rng: random.Random

    def pass_by(self) -> None:
        """One way of a call."""
        if self.rng.random() < 0.3:
            self.clock.pause(self.rng.choice([0.1, 1.0, 3.0, 9.0]))

    def send(self, url: str, *, seconds: float, **more: Any) -> egress.Reply:
        """As `egress.send`, for a SlackChannel."""
        self.pass_by()
        reply = egress.send(url, seconds=WALL_SECONDS, **more)
        if UNANSWERED in reply.headers:
            self.clock.pause(seconds)
            raise egress.AnswerLost("timeout")
        self.pass_by()
        return reply
