"""Deliveries in processes of their own, which may be killed, on a wall that outlives them.

Imported by this room's tests only; a process that is started needs functions it can import.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import random
from dataclasses import asdict
from pathlib import Path
from typing import Any

from monitoring_dagster.failpoints import VARIABLE
from monitoring_dagster.notifications.channel import Answer, Sighting
from monitoring_dagster.notifications.delivery import Delivery, Rules
from monitoring_dagster.notifications.message import Form, Message
from monitoring_dagster.store import Store
from tests.notifications_delivery.wall import Seen, Wall, render

AT_ONCE = Rules(interval=dt.timedelta(0), budget=dt.timedelta(days=1))


class PaperWall(Wall):
    """A wall in a file, which every process reads before it looks and appends what it changes."""

    def __init__(self, path: Path, now: dt.datetime) -> None:
        super().__init__(lambda: now)
        self.path = path
        self._read()

    def _read(self) -> None:
        shown: dict[str, Seen] = {}
        for line in self.path.read_text().splitlines() if self.path.exists() else []:
            values = json.loads(line)
            at, form = dt.datetime.fromisoformat(values.pop("at")), Form(values.pop("form"))
            shown[values["ts"]] = Seen(**values, at=at, form=form)
        self.landed = list(shown.values())

    def _append(self, message: Seen) -> None:
        line = json.dumps({**asdict(message), "at": message.at.isoformat()}) + "\n"
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(descriptor, line.encode())
        os.close(descriptor)

    def post(
        self, destination: str, message: Message, *, key: str, thread: str | None = None
    ) -> Answer:
        self._read()
        before = len(self.landed)
        answer = super().post(destination, message, key=key, thread=thread)
        for posted in self.landed[before:]:
            # Two processes count alike, but do not die alike.
            ts = f"{os.getpid()}.{random.randrange(10**9):09d}"
            self._append(Seen(**{**asdict(posted), "ts": ts, "form": posted.form}))
            return Answer(answer.outcome, answer.channel, ts)
        return answer

    def find(self, *args: Any, **more: Any) -> Sighting:
        self._read()
        return super().find(*args, **more)

    def edit(self, destination: str, ts: str, message: Message, *, key: str) -> Answer:
        self._read()
        answer = super().edit(destination, ts, message, key=key)
        for shown in self.landed:
            if shown.ts == ts:
                self._append(shown)
        return answer


def deliver(url: str, wall: str, now: dt.datetime, owner: str, failpoints: str = "") -> None:
    """Deliver everything that can be delivered at an instant."""
    os.environ[VARIABLE] = failpoints
    with contextlib.closing(Store(url, wait_seconds=20)) as store:
        Delivery(
            store,
            [PaperWall(Path(wall), now)],
            clock=lambda: now,
            owner=owner,
            render=render,
            audit=lambda *_: None,
            rng=random.Random(7),
            rules=AT_ONCE,
        ).deliver()
