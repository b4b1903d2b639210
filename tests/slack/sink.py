"""Where the fallbacks of Slack deliver to: a loopback HTTP sink for webhooks.

The sink for mails is `mail`.
"""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from tests.slack.loopback import Request, running_loopback
from tests.slack.replies import Reply, Wire

Step = int | Literal["reset", "silent", "redirect"]
"""An HTTP status, or what becomes of the connection; `redirect` leads to another host name."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One request that arrived, and the step that answered it; 200 unless scripted."""

    request: Request
    step: Step


class Sink:
    """Records every request; `url` is where to send them."""

    def __init__(self) -> None:
        self.url = ""
        self._deliveries: list[Delivery] = []
        self._steps: deque[Step] = deque()
        self._lock = threading.Lock()

    def script(self, steps: Iterable[Step]) -> None:
        """The next requests are answered by these, one each, in this order."""
        with self._lock:
            self._steps.extend(steps)

    @property
    def deliveries(self) -> list[Delivery]:
        """Everything that arrived, in order; a request that was reset arrived, too."""
        with self._lock:
            return list(self._deliveries)

    @property
    def requests(self) -> list[Request]:
        """The requests of all deliveries."""
        return [delivery.request for delivery in self.deliveries]

    def respond(self, request: Request) -> Reply:
        """Record a request and answer it by the script."""
        with self._lock:
            step = self._steps.popleft() if self._steps else 200
            self._deliveries.append(Delivery(request, step))
        if step == "reset":
            return Reply(wire=Wire.RESET)
        if step == "silent":
            return Reply(wire=Wire.SILENT)
        if step == "redirect":
            return Reply(status=302, headers={"Location": "/elsewhere"})
        return Reply("", status=step)


@contextlib.contextmanager
def running_sink() -> Iterator[Sink]:
    """A sink that listens; proxies of the environment are not touched, as in `running_slack`."""
    sink = Sink()
    with running_loopback(sink.respond) as address:
        sink.url = f"{address}/hook"
        yield sink
