"""Who is at work, and what comes between two things that they do.

Whatever a worker does outside of its own memory is a transaction or a call. Before and after each
of them it can die, sleep, be overtaken by the other one, or lose the store.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import email.message
import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit

import sqlalchemy as sa

from monitoring_dagster import egress
from monitoring_dagster.errors import StoreUnreachable
from monitoring_dagster.store import Store
from tests.notifications_delivery.wall import Clock
from tests.slack import web
from tests.slack.loopback import Request
from tests.slack.replies import Reply, Wire
from tests.slack.workspace import Workspace

T = TypeVar("T")

UNPLUGGED = "somebody pulled the plug"

A_MOMENT = dt.timedelta(seconds=5)
"""For so long a process may stand still at a call without being told: less than clocks differ."""


class Moment(Enum):
    """When something comes in between."""

    TRANSACTION = "before or after a transaction"
    CALLING = "before a call"
    CALLED = "after a call, before its answer"


class Killed(BaseException):
    """The process is gone, as by kill -9: nothing of its own runs after that."""


@dataclass
class Mishap:
    """What happens to a worker at the moment of a number.

    Args:
        at: how many moments go by before it.
        what: does it; False where it has to wait for another kind of moment.
    """

    at: int
    what: Callable[[Moment], bool]


@dataclass
class Worker:
    """Somebody at work; once dead, whatever it still tries comes to nothing."""

    mishap: Mishap | None = None
    is_dead: bool = False


class Shift:
    """The workers at work; the last one works while the others stand still."""

    def __init__(self) -> None:
        self._at_work: list[Worker] = []

    @contextlib.contextmanager
    def working(self, mishap: Mishap | None = None) -> Iterator[Worker]:
        """Work, until it is done or the worker is dead."""
        worker = Worker(mishap)
        self._at_work.append(worker)
        try:
            with contextlib.suppress(Killed, StoreUnreachable):
                yield worker
        finally:
            self._at_work.remove(worker)

    def kill(self) -> None:
        """Whoever is at work is gone."""
        self._at_work[-1].is_dead = True
        raise Killed

    def passes(self, moment: Moment) -> None:
        """A moment at which something may come in between."""
        if not self._at_work:
            return
        worker = self._at_work[-1]
        if worker.is_dead:
            raise Killed
        mishap = worker.mishap
        if mishap is None:
            return
        mishap.at -= 1
        if mishap.at < 0:
            worker.mishap = None  # what it does may pass such moments, too
            if not mishap.what(moment):
                worker.mishap = mishap


class WatchedStore(Store):
    """The real store, with a moment before and after each transaction."""

    def __init__(self, url: str, shift: Shift) -> None:
        super().__init__(url)
        self._shift = shift
        engine = self._database.engine
        # One connection for all: opening one takes as long as a transaction.
        engine.pool = sa.StaticPool(
            engine.pool._creator, dialect=engine.dialect, _dispatch=engine.pool.dispatch
        )

    def disconnect(self) -> None:
        """Let the file go, so that another can take its place."""
        self._database.engine.dispose()

    def write(self, work: Callable[[sa.Connection], T], *, wait_seconds: float | None = None) -> T:
        """As the store does."""
        return self._between(
            lambda: super(WatchedStore, self).write(work, wait_seconds=wait_seconds)
        )

    def read(self, work: Callable[[sa.Connection], T]) -> T:
        """As the store does."""
        return self._between(lambda: super(WatchedStore, self).read(work))

    def _between(self, work: Callable[[], T]) -> T:
        self._shift.passes(Moment.TRANSACTION)
        done = work()
        self._shift.passes(Moment.TRANSACTION)
        return done


class Line:
    """The line from the workers to Slack: no sockets, and all that goes wrong with them.

    Args:
        workspace: the other end.
        clock: moves on while nobody answers.
        shift: the workers.
    """

    def __init__(self, workspace: Workspace, clock: Clock, shift: Shift) -> None:
        self.is_down = False
        self._workspace = workspace
        self._clock = clock
        self._shift = shift

    def send(
        self, url: str, *, body: bytes, headers: Mapping[str, str], seconds: float, **_: Any
    ) -> egress.Reply:
        """As `egress.send`."""
        self._shift.passes(Moment.CALLING)
        if self.is_down:
            raise egress.NothingSent("connection_refused")
        given = email.message.Message()
        for name, value in headers.items():
            given[name] = value
        reply = web.answer(self._workspace, Request("POST", urlsplit(url).path, given, body))
        self._shift.passes(Moment.CALLED)
        return self._arrived(reply, seconds)

    def _arrived(self, reply: Reply, seconds: float) -> egress.Reply:
        if reply.wire is Wire.SILENT:
            self._clock.move(seconds=seconds)
            raise egress.AnswerLost("timeout")
        if reply.wire is not Wire.ANSWERED:
            raise egress.AnswerLost("connection_reset")
        named = {name.lower(): value for name, value in reply.headers.items()}
        return egress.Reply(reply.status, named, reply.body)


class Scene(Protocol):
    """Where mishaps happen."""

    @property
    def clock(self) -> Clock:
        """Is moved while somebody stands still."""
        ...

    @property
    def shift(self) -> Shift:
        """Those at work."""
        ...


def mishap(
    kind: str, at: int, length: dt.timedelta, scene: Scene, meanwhile: Callable[[], None]
) -> Mishap:
    """A mishap of a kind, one of MISHAPS.

    Args:
        kind: what happens.
        at: how many moments go by before it.
        length: for how long somebody sleeps before anything else happens.
        scene: where it happens.
        meanwhile: what happens while somebody who is overtaken still sleeps.
    """
    return Mishap(at, functools.partial(MISHAPS[kind], scene, length, meanwhile))


def _dies(scene: Scene, _length: dt.timedelta, _meanwhile: Callable[[], None], _: Moment) -> bool:
    scene.shift.kill()
    return True


def _sleeps(
    scene: Scene, length: dt.timedelta, _meanwhile: Callable[[], None], moment: Moment
) -> bool:
    scene.clock.now += min(length, A_MOMENT) if moment is Moment.CALLING else length
    return True


def _is_overtaken(
    scene: Scene, length: dt.timedelta, meanwhile: Callable[[], None], moment: Moment
) -> bool:
    if moment is Moment.CALLING:
        return False  # it would stand still for longer than clocks differ
    scene.clock.now += length
    meanwhile()
    return True


def _loses_the_store(
    _scene: Scene, _length: dt.timedelta, _meanwhile: Callable[[], None], moment: Moment
) -> bool:
    if moment is Moment.TRANSACTION:
        raise StoreUnreachable(UNPLUGGED)
    return False


MISHAPS = {
    "dies": _dies,
    "sleeps": _sleeps,
    "is overtaken": _is_overtaken,
    "loses the store": _loses_the_store,
}
