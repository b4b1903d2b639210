"""Delivery, a wall and a clock in any order of events: nothing is lost, nothing is seen twice.

`machine` takes how a delivery is made, so that other systems run through the same events.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from monitoring_dagster.notifications.channel import Look, Sighting
from monitoring_dagster.notifications.delivery import Delivery
from monitoring_dagster.store import Store
from tests.notifications_delivery.wall import (
    BAD_BLOCKS,
    LIMITED,
    LOST,
    NOT_INVITED,
    OK,
    UNREACHABLE,
    Clock,
    Landing,
    Wall,
    World,
    in_memory,
)

Factory = Callable[[World, Wall, str], Delivery]

DOWN = Sighting(Look.FAILED, error="down")
LANDING = st.integers(0, 60).map(lambda seconds: dt.timedelta(seconds=seconds))


class Killed(BaseException):
    """The process is gone, as by kill -9: nothing of its own runs after that."""


def _die() -> None:
    raise Killed


class Deliveries(RuleBasedStateMachine):
    """Any number of incidents, two workers, a wall that answers as it likes."""

    factory: Factory
    template: Path

    def __init__(self) -> None:
        super().__init__()
        self.folder = in_memory()
        path = self.folder / "store.db"
        shutil.copyfile(self.template, path)
        self.held = sqlite3.connect(path)
        self.held.execute("SELECT count(*) FROM outbox").fetchone()
        self.clock = Clock()
        self.world = World(Store(f"sqlite:///{path}"), self.clock)
        self.wall = Wall(self.clock)
        self.refs: list[str] = []
        self.replies: dict[str, str] = {}

    @initialize()
    def begin(self) -> None:
        self.opens("P2")

    @rule(priority=st.sampled_from(["P1", "P3"]))
    def opens(self, priority: str) -> None:
        self.refs.append(self.world.open(priority))

    @rule(data=st.data())
    def changes(self, data: st.DataObject) -> None:
        self.world.change(data.draw(st.sampled_from(self.refs)), {"title": "worse"})

    @rule(data=st.data())
    def resolves(self, data: st.DataObject) -> None:
        ref = data.draw(st.sampled_from(self.refs))
        self.replies[self.world.resolve(ref)] = ref

    @rule(data=st.data())
    def escalates(self, data: st.DataObject) -> None:
        ref = data.draw(st.sampled_from(self.refs))
        self.replies[self.world.reply(ref)] = ref

    @rule(answer=st.sampled_from([LIMITED, UNREACHABLE, NOT_INVITED, BAD_BLOCKS, LOST]))
    def fails(self, answer: Any) -> None:
        self.wall.posts.append(Landing(answer))

    @rule(after=LANDING)
    def loses_an_answer(self, after: dt.timedelta) -> None:
        self.wall.posts.append(Landing(LOST, lands=True, after=after))

    @rule(lands=st.booleans(), after=LANDING)
    def dies(self, lands: bool, after: dt.timedelta) -> None:
        self.wall.posts.append(Landing(OK, lands=lands, after=after, at_last=_die))

    @rule(seconds=st.integers(0, 20), after=LANDING)
    def is_overtaken(self, seconds: int, after: dt.timedelta) -> None:
        """The other worker works while this one waits for its answer."""

        def meanwhile() -> None:
            self.clock.move(seconds=seconds)
            with contextlib.suppress(Killed):
                self.factory(self.world, self.wall, "other").deliver(dt.timedelta(seconds=3))

        self.wall.posts.append(Landing(LOST, lands=True, after=after, meanwhile=meanwhile))

    @precondition(lambda self: len(self.wall.looks) < 3)
    @rule()
    def cannot_look(self) -> None:
        self.wall.looks.append(DOWN)

    @rule(worker=st.sampled_from(["one", "two"]), seconds=st.sampled_from([2, 20]))
    def delivers(self, worker: str, seconds: int) -> None:
        with contextlib.suppress(Killed):
            self.factory(self.world, self.wall, worker).deliver(dt.timedelta(seconds=seconds))

    @rule(seconds=st.sampled_from([5, 30, 60, 120]))
    def waits(self, seconds: int) -> None:
        self.clock.move(seconds=seconds)

    @invariant()
    def nothing_is_there_twice(self) -> None:
        twice = [key for key, n in Counter(m.key for m in self.wall.landed).items() if n > 1]
        assert not twice, f"seen twice: {twice}"

    @invariant()
    def replies_stand_under_their_roots(self) -> None:
        told = {m.ts for m in self.wall.landed}
        for message in self.wall.landed:
            assert message.thread is None or message.thread in told

    def teardown(self) -> None:
        try:
            self._settle()
        finally:
            self.held.close()
            shutil.rmtree(self.folder)

    def _settle(self) -> None:
        """Everything is mended, and time goes by."""
        self.wall.posts, self.wall.looks = [], []
        left = -1
        for _ in range(8):
            self.clock.move(minutes=5)
            last = self.factory(self.world, self.wall, "last")
            left = last.deliver(dt.timedelta(minutes=2)).waiting
        self.nothing_is_there_twice()
        assert left == 0, "lost"
        self._everybody_knows()

    def _everybody_knows(self) -> None:
        keys = Counter(self.wall.keys)
        for ref in self.refs:
            root = self.world.row(f"root:{ref}:1")
            assert root.status in {"sent", "digested", "quarantined"}, root.status
            if root.status == "sent":
                assert keys[root.key] == 1
                revision = self.wall.text(root.key).split()[-1]
                assert int(revision.removeprefix("r")) == root.applied_revision
        for reply in self.replies:
            status = self.world.status(reply)
            assert status in {"sent", "superseded", "quarantined"}, status
            assert keys[reply] == (status == "sent")


def machine(factory: Factory, template: Path) -> type[Deliveries]:
    """The machine with deliveries of one's own making, on copies of an empty store."""
    return type("Machine", (Deliveries,), {"factory": staticmethod(factory), "template": template})
