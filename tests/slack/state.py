"""What a workspace holds: apps, people, channels, messages, files, and what landed.

Only data and looking it up belong here; what each Web API method does with it is `chat`,
`conversations`, `people` and `files`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from tests.slack.limits import Limits
from tests.slack.replies import Refused

SLACKBOT = "USLACKBOT"
DELETED_TEXT = "This message was deleted."
TEAM = "https://monitoring.slack.com/"


class Orphans(StrEnum):
    """What becomes of a reply whose root is gone, and of one to a reply."""

    UNTHREADED = "unthreaded"
    """It lands in the channel, and only the answer's missing `thread_ts` tells: what Slack does
    (github.com/slack-go/slack/issues/1571, slackapi/python-slack-events-api/issues/87)."""
    REFUSED = "refused"
    """`thread_not_found`."""


@dataclass(slots=True)
class Habits:
    """What Slack leaves open, or sets per workspace.

    Args:
        orphans: what becomes of replies without a root.
        hides_metadata_without_scope: own metadata, too, is given only with the scope
            `metadata.message:read`.
        metadata_error: with which error metadata is refused, such as
            `metadata_must_be_sent_from_app`; empty: it is accepted.
        history_lag_seconds: how long a fresh message is missing from history and replies.
        edit_window_seconds: how long a message may be edited.
    """

    orphans: Orphans = Orphans.UNTHREADED
    hides_metadata_without_scope: bool = False
    metadata_error: str = ""
    history_lag_seconds: float = 0.0
    edit_window_seconds: float = math.inf


@dataclass(slots=True)
class App:
    """An installed app: its token, its bot and what it may do; `error` is why it may not."""

    token: str
    user: str
    scopes: set[str]
    error: str = ""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, and how: late calls are not counted, lost answers are noted in what landed."""

    app: App
    is_answered: bool = True
    is_counted: bool = True


@dataclass(slots=True)
class Person:
    """A member of the workspace."""

    id: str
    name: str
    is_bot: bool = False


@dataclass(frozen=True, slots=True)
class SharedFile:
    """A file that was uploaded and shared."""

    id: str
    name: str
    title: str
    alternative: str
    data: bytes


@dataclass(slots=True)
class Posted:
    """A message. `ts` is its id; a reply has the root's in `thread_ts`."""

    ts: str
    order: int
    channel: str
    user: str
    text: str
    posted_at: float
    blocks: list[dict[str, Any]] = field(default_factory=list)
    attachments: list[Any] = field(default_factory=list)
    metadata: dict[str, Any] | None = None
    thread_ts: str | None = None
    is_broadcast: bool = False
    parse: str = ""
    edited_ts: str = ""
    is_deleted: bool = False
    replies: list[Posted] = field(default_factory=list)
    reactions: dict[str, list[str]] = field(default_factory=dict)
    files: list[SharedFile] = field(default_factory=list)

    @property
    def living_replies(self) -> list[Posted]:
        """The replies that are still there."""
        return [reply for reply in self.replies if not reply.is_deleted]

    @property
    def is_tombstone(self) -> bool:
        """A deleted root stays as a mark while it has replies."""
        return self.is_deleted and bool(self.living_replies)

    @property
    def is_seen(self) -> bool:
        """Whether people see anything of it."""
        return not self.is_deleted or self.is_tombstone

    def as_answer(self, with_metadata: bool) -> dict[str, Any]:
        """The message as the Web API gives it."""
        answer: dict[str, Any] = {"type": "message", "ts": self.ts}
        replies = self.living_replies
        if self.is_deleted:
            answer |= {"subtype": "tombstone", "user": SLACKBOT, "text": DELETED_TEXT}
        else:
            answer |= {"user": self.user, "text": self.text}
            if self.blocks:
                answer["blocks"] = self.blocks
            if self.attachments:
                answer["attachments"] = self.attachments
            if self.metadata is not None and with_metadata:
                answer["metadata"] = self.metadata
            if self.edited_ts:
                answer["edited"] = {"user": self.user, "ts": self.edited_ts}
            if self.files:
                answer["files"] = [
                    {"id": f.id, "title": f.title, "name": f.name} for f in self.files
                ]
            if self.reactions:
                answer["reactions"] = [
                    {"name": name, "users": list(users), "count": len(users)}
                    for name, users in self.reactions.items()
                ]
        if self.thread_ts:
            answer["thread_ts"] = self.thread_ts
            if self.is_broadcast:
                answer["subtype"] = "thread_broadcast"
        elif replies:
            answer |= {
                "thread_ts": self.ts,
                "reply_count": len(replies),
                "latest_reply": replies[-1].ts,
            }
        return answer


@dataclass(slots=True)
class Room:
    """A channel of the workspace; `messages` are its roots and broadcast replies, oldest first."""

    id: str
    name: str
    is_private: bool
    members: set[str] = field(default_factory=set)
    is_archived: bool = False
    messages: list[Posted] = field(default_factory=list)
    by_ts: dict[str, Posted] = field(default_factory=dict)

    def as_answer(self, user: str) -> dict[str, Any]:
        """The channel as the Web API gives it to a bot."""
        return {
            "id": self.id,
            "name": self.name,
            "is_channel": not self.is_private,
            "is_group": self.is_private,
            "is_private": self.is_private,
            "is_archived": self.is_archived,
            "is_member": user in self.members,
            "num_members": len(self.members),
        }


@dataclass(frozen=True, slots=True)
class Landing:
    """One write that Slack accepted, whether or not the caller was told."""

    method: str
    channel: str
    ts: str
    thread_ts: str | None
    text: str
    metadata: dict[str, Any] | None
    block_ids: tuple[str, ...]
    at: float
    is_answered: bool


@dataclass(slots=True)
class State:
    """Everything in a workspace."""

    clock: Callable[[], float]
    limits: Limits = field(default_factory=Limits)
    habits: Habits = field(default_factory=Habits)
    apps: dict[str, App] = field(default_factory=dict)
    people: dict[str, Person] = field(default_factory=dict)
    rooms: dict[str, Room] = field(default_factory=dict)
    landed: list[Landing] = field(default_factory=list)
    uploads: dict[str, Any] = field(default_factory=dict)
    upload_url: str = "https://files.slack.com/upload/v1/"
    _last_order: int = 0

    def room(self, channel: str, app: App) -> Room:
        """The channel with this id, if the app may know of it.

        Raises:
            Refused: `channel_not_found`.
        """
        room = self.rooms.get(channel)
        if room is None or (room.is_private and app.user not in room.members):
            raise Refused("channel_not_found")
        return room

    def room_by_id_or_name(self, channel: str, app: App) -> Room:
        """As `room`; takes names, too, with or without #, as chat.postMessage does."""
        if channel in self.rooms:
            return self.room(channel, app)
        name = channel.removeprefix("#")
        named = next((room.id for room in self.rooms.values() if room.name == name), channel)
        return self.room(named, app)

    def next_order(self) -> int:
        """Microseconds since 1970, greater than all before even if the clock goes backwards."""
        self._last_order = max(int(self.clock() * 1_000_000), self._last_order + 1)
        return self._last_order

    def add(self, room: Room, user: str, text: str, thread_ts: str | None, **more: Any) -> Posted:
        """Put a message into a channel, or into the thread of a root that exists."""
        order = self.next_order()
        message = Posted(
            ts=as_ts(order),
            order=order,
            channel=room.id,
            user=user,
            text=text,
            posted_at=self.clock(),
            thread_ts=thread_ts,
            **more,
        )
        room.by_ts[message.ts] = message
        if thread_ts is not None:
            room.by_ts[thread_ts].replies.append(message)
        if thread_ts is None or message.is_broadcast:
            room.messages.append(message)
        return message

    def root(self, room: Room, thread_ts: str | None) -> str | None:
        """The root that a reply goes to; None: it goes into the channel.

        Raises:
            Refused: `invalid_thread_ts`, or `thread_not_found` if that is the habit.
        """
        if not thread_ts:
            return None
        order_of(thread_ts, "invalid_thread_ts")
        root = room.by_ts.get(thread_ts)
        if root is not None and root.thread_ts is None and root.is_seen:
            return thread_ts
        if self.habits.orphans is Orphans.REFUSED:
            raise Refused("thread_not_found")
        return None

    def lands(self, caller: Caller, method: str, message: Posted) -> None:
        """Note a write that was accepted."""
        landing = Landing(
            method=method,
            channel=message.channel,
            ts=message.ts,
            thread_ts=message.thread_ts,
            text=message.text,
            metadata=message.metadata,
            block_ids=tuple(block["block_id"] for block in message.blocks),
            at=self.clock(),
            is_answered=caller.is_answered,
        )
        self.landed.append(landing)

    def message(self, ts: str) -> Posted:
        """The message of this id in any channel, deleted or not; raises KeyError."""
        for room in self.rooms.values():
            if ts in room.by_ts:
                return room.by_ts[ts]
        raise KeyError(ts)


def as_ts(order: int) -> str:
    """Slack's id of a message.

    >>> as_ts(1503435956000247)
    '1503435956.000247'
    """
    return f"{order // 1_000_000}.{order % 1_000_000:06d}"


def order_of(ts: str, error: str) -> int:
    """Reverse of `as_ts`; takes whole and fractional seconds of any length.

    >>> order_of("1503435956.0002471", "invalid_ts_oldest")
    1503435956000247
    """
    seconds, _, fraction = ts.partition(".")
    digits = f"{fraction:0<6}"[:6]
    if not (seconds.isdecimal() and digits.isdecimal() and seconds.isascii() and digits.isascii()):
        raise Refused(error)
    return int(seconds) * 1_000_000 + int(digits)
