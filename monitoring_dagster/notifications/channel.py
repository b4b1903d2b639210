"""The channel: what every way of telling people can do, and how its answers are understood.

Slack's is `slack`; those it falls back to are `webhook`, `mail` and `file`. When something is
sent, looked up or given up is decided in `delivery`.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from monitoring_dagster.notifications.message import Message, Picture


class Outcome(StrEnum):
    """What an answer means for the message."""

    SENT = "sent"
    NOT_SENT = "not_sent"
    """Surely not: it may be sent again, after the pause that was asked for."""
    CONFIGURATION = "configuration"
    """Nothing will be accepted there until somebody mends it."""
    CONTENT = "content"
    """This content is refused; a simpler form may be accepted."""
    AMBIGUOUS = "ambiguous"
    """It may be there: it must be looked for before it is sent again."""
    GONE = "gone"
    """The message that should be edited or answered is not there any more."""
    CLOSED = "closed"
    """The message is there and can no longer be edited."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one call.

    Args:
        outcome: what it means.
        channel: id of the channel as the answer gives it; empty where it gives none.
        ts: id of the message in its channel; empty unless it was sent or found.
        error: short name of what went wrong, such as `ratelimited`; never a secret or a body.
        retry_after_seconds: how long to leave the whole destination alone; None if not said.
    """

    outcome: Outcome
    channel: str = ""
    ts: str = ""
    error: str = ""
    retry_after_seconds: float | None = None


class Look(StrEnum):
    """What came of looking for a message."""

    FOUND = "found"
    ABSENT = "absent"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Sighting:
    """Where a message was found; or that it is not there; or why that cannot be said."""

    look: Look
    channel: str = ""
    ts: str = ""
    error: str = ""
    retry_after_seconds: float | None = None


class Channel(Protocol):
    """One way of telling people. None of its methods raises for what the other side does.

    Args of the methods: `destination` is where people look, such as `#flight-delay` or `C0123`;
    `key` is the notice's own key, by which it is found again; `thread` the `ts` of the message
    that is answered.
    """

    @property
    def name(self) -> str:
        """Such as `slack`; kept with what was sent by it."""
        ...

    @property
    def can_look(self) -> bool:
        """Whether what was sent can be found again, edited and answered."""
        ...

    def post(
        self, destination: str, message: Message, *, key: str, thread: str | None = None
    ) -> Answer:
        """Send a message."""
        ...

    def find(
        self, destination: str, key: str, *, since: dt.datetime, thread: str | None = None
    ) -> Sighting:
        """Look for the message of `key` among those since `since`."""
        ...

    def edit(self, destination: str, ts: str, message: Message, *, key: str) -> Answer:
        """Replace what a message shows; doing it twice is doing it once."""
        ...

    def attach(self, destination: str, picture: Picture, *, key: str, thread: str) -> Answer:
        """Put a picture into a thread."""
        ...
