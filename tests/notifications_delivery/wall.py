"""A wall on which messages appear, a clock that only tests move, and a world of incidents.

What a wall answers is scripted; what people see on it is what counts.
"""

from __future__ import annotations

import datetime as dt
import json
import random
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from monitoring_dagster.notifications.channel import Answer, Look, Outcome, Sighting
from monitoring_dagster.notifications.delivered import Happened
from monitoring_dagster.notifications.delivery import Delivery
from monitoring_dagster.notifications.message import Form, Message, Picture
from monitoring_dagster.notifications.pacing import STANDARD, Rules
from monitoring_dagster.store import Store, outbox
from monitoring_dagster.store.outbox import Notice
from monitoring_dagster.store.response_tables import digest_incident, incident
from monitoring_dagster.store.response_tables import outbox as table

START = dt.datetime(2026, 3, 2, 6, tzinfo=dt.UTC)
PLACE = "#flights"

ON_SQLITE = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
"""For what takes long and says nothing new on the other database."""

OK = Answer(Outcome.SENT)
LIMITED = Answer(Outcome.NOT_SENT, error="ratelimited", retry_after_seconds=30)
UNREACHABLE = Answer(Outcome.NOT_SENT, error="connection_refused")
NOT_INVITED = Answer(Outcome.CONFIGURATION, error="not_in_channel")
BAD_BLOCKS = Answer(Outcome.CONTENT, error="invalid_blocks")
LOST = Answer(Outcome.AMBIGUOUS, error="timeout")
GONE = Answer(Outcome.GONE, error="message_not_found")
CLOSED = Answer(Outcome.CLOSED, error="edit_window_closed")


def in_memory() -> Path:
    """A new folder, in memory where there is one: many small transactions wait for a disk."""
    memory = Path("/dev/shm")  # noqa: S108 - mkdtemp below it
    return Path(tempfile.mkdtemp(dir=memory if memory.is_dir() else None))


class Clock:
    """Stands still until it is moved; waiting moves it."""

    def __init__(self, now: dt.datetime = START) -> None:
        self.now = now

    def __call__(self) -> dt.datetime:
        return self.now

    def move(self, **by: float) -> None:
        self.now += dt.timedelta(**by)

    def pause(self, seconds: float) -> None:
        self.move(seconds=seconds)


@dataclass(frozen=True)
class Seen:
    """A message on the wall."""

    ts: str
    key: str
    destination: str
    text: str
    thread: str | None
    at: dt.datetime
    form: Form = Form.FULL


@dataclass(frozen=True)
class Landing:
    """A scripted post: whether its message lands, how much later, and what is answered."""

    answer: Answer
    lands: bool = False
    after: dt.timedelta = dt.timedelta()
    meanwhile: Callable[[], None] | None = None
    """What happens before it lands."""
    at_last: Callable[[], None] | None = None
    """What happens after it was sent off."""


@dataclass
class Wall:
    """One way of telling people."""

    clock: Callable[[], dt.datetime]
    name: str = "wall"
    can_look: bool = True
    posts: list[Landing] = field(default_factory=list)
    """What the next posts come to; then `usual`."""
    usual: Landing = field(default_factory=lambda: Landing(OK, lands=True))
    edits: list[Answer] = field(default_factory=list)
    looks: list[Sighting] = field(default_factory=list)
    pictures: list[Answer] = field(default_factory=list)
    refuses: Callable[[Message, str], Answer | None] = lambda _message, _key: None
    landed: list[Seen] = field(default_factory=list)
    attached: list[str] = field(default_factory=list)
    calls: list[tuple[str, str]] = field(default_factory=list)

    @property
    def seen(self) -> list[Seen]:
        """What people see now, in its order."""
        return sorted((m for m in self.landed if m.at <= self.clock()), key=lambda m: m.at)

    @property
    def keys(self) -> list[str]:
        return [message.key for message in self.seen]

    def text(self, key: str) -> str:
        return next(m.text for m in self.seen if m.key == key)

    def take_down(self, key: str) -> None:
        """Somebody deletes a message."""
        self.landed = [m for m in self.landed if m.key != key]

    def post(
        self, destination: str, message: Message, *, key: str, thread: str | None = None
    ) -> Answer:
        self.calls.append(("post", key))
        if (refusal := self.refuses(message, key)) is not None:
            return refusal
        if thread is not None and all(m.ts != thread for m in self.landed):
            return GONE
        landing = self.posts.pop(0) if self.posts else self.usual
        ts = f"{len(self.calls)}.{len(self.landed):06d}"
        if landing.meanwhile is not None:
            landing.meanwhile()
        if landing.lands:
            at = self.clock() + landing.after
            self.landed.append(Seen(ts, key, destination, message.text, thread, at, message.form))
        if landing.at_last is not None:
            landing.at_last()
        if landing.answer.outcome is Outcome.SENT:
            return replace(landing.answer, channel=f"C-{destination}", ts=ts)
        return landing.answer

    def find(
        self, destination: str, key: str, *, since: dt.datetime, thread: str | None = None
    ) -> Sighting:
        self.calls.append(("find", key))
        if self.looks:
            return self.looks.pop(0)
        for m in self.seen:
            if m.key == key and m.thread == thread and m.at >= since:
                return Sighting(Look.FOUND, f"C-{destination}", m.ts)
        return Sighting(Look.ABSENT)

    def edit(self, destination: str, ts: str, message: Message, *, key: str) -> Answer:  # noqa: ARG002 - the contract
        self.calls.append(("edit", key))
        answer = self.edits.pop(0) if self.edits else OK
        places = [i for i, m in enumerate(self.landed) if m.ts == ts]
        if not places:
            return GONE
        if answer.outcome is Outcome.SENT:
            place = places[0]
            self.landed[place] = replace(self.landed[place], text=message.text, form=message.form)
        return answer

    def attach(self, destination: str, picture: Picture, *, key: str, thread: str) -> Answer:  # noqa: ARG002 - the contract
        self.calls.append(("attach", key))
        answer = self.pictures.pop(0) if self.pictures else OK
        if answer.outcome in {Outcome.SENT, Outcome.AMBIGUOUS}:
            self.attached.append(key)
        return answer


def render(connection: sa.Connection, notice: Notice, form: Form) -> Message:
    """Says what stands in the store: a root its incident, a digest its incidents."""
    doubt = " (possible duplicate)" if notice.is_doubtful else ""
    payload = json.loads(notice.payload)
    if payload.get("is_broken"):
        raise ValueError("cannot be drawn up")
    if notice.kind == "root":
        c = incident.c
        row = connection.execute(
            sa.select(c.ref, c.status, c.revision).where(c.id == notice.incident_id)
        ).one()
        text = f"{row.ref} {row.status} r{row.revision}"
    elif notice.kind == "digest":
        c = digest_incident.c
        count = connection.execute(
            sa.select(sa.func.count()).where(c.digest_id == notice.digest_id)
        ).scalar_one()
        text = f"{count} incidents"
    else:
        text = f"{notice.kind} {payload.get('headline', '')}".strip()
    return Message(text + doubt, [], form, text + doubt)


class World:
    """A store with incidents, whose notices are enqueued as the desk does."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.store = store
        self.clock = clock
        self.audited: list[tuple[Happened, str, str]] = []
        self._numbers: Iterator[int] = iter(range(1, 1_000_000))

    def open(
        self, priority: str = "P2", *, place: str = PLACE, is_told: bool = True, payload: str = "{}"
    ) -> str:
        """Open an incident; returns its ref."""
        ref = f"MD-{next(self._numbers):05d}"

        def work(connection: sa.Connection) -> None:
            row = _incident(ref, priority, self.clock())
            number = connection.execute(
                sa.insert(incident).values(row).returning(incident.c.id)
            ).scalar_one()
            if is_told:
                root = self._row(f"root:{ref}:1", "root", number, priority, place, payload)
                outbox.enqueue(connection, [root])

        self.store.write(work)
        return ref

    def reply(self, ref: str, kind: str = "escalation", *, place: str = PLACE, n: int = 0) -> str:
        """Owe a reply; returns its key."""
        return self.change(ref, {}, kind, place=place, n=n)

    def resolve(self, ref: str) -> str:
        return self.change(ref, {"status": "resolved", "resolved_at": self.clock()}, "resolution")

    def change(
        self,
        ref: str,
        values: dict[str, Any],
        kind: str | None = None,
        *,
        place: str = PLACE,
        n: int = 0,
    ) -> str:
        """Change the incident, and owe a reply if a kind is given."""
        key = f"{kind}:{ref}:{n}"

        def work(connection: sa.Connection) -> None:
            c = incident.c
            changed = {**values, "revision": c.revision + 1} if values else {"updated_at": START}
            connection.execute(sa.update(incident).where(c.ref == ref).values(changed))
            row = connection.execute(sa.select(c.id, c.priority).where(c.ref == ref)).one()
            if kind is not None:
                outbox.enqueue(
                    connection, [self._row(key, kind, row.id, row.priority, place, "{}")]
                )

        self.store.write(work)
        return key

    def delivery(
        self,
        *walls: Wall,
        owner: str = "worker",
        rules: Rules = STANDARD,
        kind: type[Delivery] = Delivery,
        **more: Any,
    ) -> Delivery:
        return kind(
            self.store,
            walls,
            **{
                "clock": self.clock,
                "owner": owner,
                "render": render,
                "audit": self._audit,
                "rng": random.Random(7),
                "pause": self.clock.pause,
                "rules": rules,
                **more,
            },
        )

    def status(self, key: str) -> str:
        return self.row(key).status

    def row(self, key: str) -> Any:
        query = sa.select(table).where(table.c.key == key)
        return self.store.read(lambda connection: connection.execute(query).one())

    def owed(self) -> list[str]:
        query = sa.select(table.c.key).order_by(table.c.id)
        return self.store.read(lambda connection: list(connection.execute(query).scalars()))

    def _audit(
        self,
        connection: sa.Connection,  # noqa: ARG002 - the contract
        happened: Happened,
        notice: Notice,
        at: dt.datetime,  # noqa: ARG002 - the contract
        why: str,
    ) -> None:
        self.audited.append((happened, notice.key, why))

    def _row(
        self, key: str, kind: str, number: int, priority: str, place: str, payload: str
    ) -> dict[str, Any]:
        now = self.clock()
        return {
            "key": key,
            "kind": kind,
            "incident_id": number,
            "digest_id": None,
            "destination": place,
            "priority": priority,
            "payload": payload,
            "created_at": now,
            "next_at": now,
        }


def _incident(ref: str, priority: str, now: dt.datetime) -> dict[str, Any]:
    return {
        "ref": ref,
        "monitor": "flight_delay",
        "dedup_key": ref,
        "cause_kind": "inputs",
        "cause_name": "",
        "status": "open",
        "priority": priority,
        "title": "inputs drift",
        "since": now.date(),
        "last_day": now.date(),
        "opened_at": now,
        "reopened": 0,
        "is_flapping": False,
        "is_late": False,
        "escalations": 0,
        "reminders": 0,
        "revision": 1,
        "context": "{}",
        "updated_at": now,
    }
