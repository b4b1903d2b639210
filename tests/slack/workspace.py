"""A Slack workspace that behaves like Slack, faults included, without a network.

This module takes the calls: who may make them, what fails on the way, what lands. What each method
does is in `chat`, `conversations`, `people` and `files`; sockets are in `server`.
"""

from __future__ import annotations

import contextlib
import functools
import heapq
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from tests.slack import chat, conversations, files, people
from tests.slack.arguments import Arguments
from tests.slack.faults import LANDS, FaultKind, Faults
from tests.slack.human import Human
from tests.slack.limits import Limits
from tests.slack.mrkdwn import Reading
from tests.slack.replies import JSON, Refused, Reply, TooFast
from tests.slack.seeing import Seen, seen
from tests.slack.spoiling import instead, spoilt
from tests.slack.state import App, Caller, Habits, Landing, Person, Posted, Room, State

UPLOAD = "upload"
"""The name under which faults meet the upload of a file's bytes."""

SCOPES = frozenset(
    {
        "channels:history",
        "channels:join",
        "channels:read",
        "chat:write",
        "files:write",
        "groups:history",
        "groups:read",
        "reactions:read",
        "users:read",
    }
)
"""What an app may do unless a test says otherwise: everything that is in use."""

Handler = Callable[[State, Caller, Arguments], dict[str, Any]]

METHODS: Mapping[str, tuple[Handler, str]] = {
    "auth.test": (people.auth_test, ""),
    "chat.postMessage": (chat.post_message, "chat:write"),
    "chat.update": (chat.update, "chat:write"),
    "chat.delete": (chat.delete, "chat:write"),
    "chat.getPermalink": (chat.get_permalink, ""),
    "conversations.history": (conversations.history, ""),
    "conversations.replies": (conversations.replies, ""),
    "conversations.info": (conversations.info, ""),
    "conversations.join": (conversations.join, "channels:join"),
    "conversations.list": (conversations.list_, ""),
    "reactions.get": (people.reactions_get, "reactions:read"),
    "users.info": (people.users_info, "users:read"),
    "files.getUploadURLExternal": (files.get_upload_url, "files:write"),
    "files.completeUploadExternal": (files.complete_upload, "files:write"),
}
"""What each method does, and the scope it needs; those without one look for it themselves."""


class Perform(Protocol):
    """Does what a call asks for; a caller who is not answered will not see the reply."""

    def __call__(self, *, is_answered: bool, is_counted: bool) -> Reply: ...


@dataclass(frozen=True, slots=True)
class Call:
    """One call that arrived; `outcome` is `ok`, Slack's error, or the fault that met it."""

    method: str
    at: float
    outcome: str


class Workspace:
    """An empty workspace; safe for use by many threads.

    `faults` says what fails, `limits` how much is taken, `habits` what Slack leaves open; `human`
    is the people; `landed` is every write that was accepted, `calls` every call that arrived,
    `elsewhere` what followed a redirect to another host, with its headers.

    >>> workspace = Workspace(lambda: 1_770_000_000.0)
    >>> token = workspace.install()
    >>> channel = workspace.add_channel("alerts", bots=[token])
    >>> reply = workspace.call("chat.postMessage", {"channel": "#alerts", "text": "Hi"}, token)
    >>> reply.json["ts"]
    '1770000000.000000'
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.state = State(clock)
        self.faults = Faults()
        self.human = Human(self.state, self.settled)
        self.calls: list[Call] = []
        self.elsewhere: list[Mapping[str, str]] = []
        self._late: list[tuple[float, int, Perform]] = []
        self._lock = threading.RLock()

    @property
    def limits(self) -> Limits:
        """How much is taken."""
        return self.state.limits

    @property
    def habits(self) -> Habits:
        """What Slack leaves open."""
        return self.state.habits

    @property
    def landed(self) -> list[Landing]:
        """Every write that was accepted up to now, in order."""
        with self.settled():
            return list(self.state.landed)

    def install(self, scopes: Collection[str] = SCOPES, name: str = "monitoring") -> str:
        """Install an app with a bot of its own; gives its token."""
        with self._lock:
            user = self.add_user(name, is_bot=True)
            token = f"xoxb-{len(self.state.apps) + 1}-{user}"
            self.state.apps[token] = App(token, user, set(scopes))
            return token

    def app(self, token: str) -> App:
        """The app of a token; its scopes and its error may be changed."""
        return self.state.apps[token]

    def add_user(self, name: str, *, is_bot: bool = False) -> str:
        """Add a member; gives the id."""
        with self._lock:
            user = f"U{len(self.state.people) + 1:08d}"
            self.state.people[user] = Person(user, name, is_bot)
            return user

    def add_channel(
        self, name: str, *, bots: Collection[str] = (), is_private: bool = False
    ) -> str:
        """Add a channel in which the bots of these tokens are; gives the id."""
        with self._lock:
            channel = f"{'G' if is_private else 'C'}{len(self.state.rooms) + 1:08d}"
            members = {self.state.apps[token].user for token in bots}
            self.state.rooms[channel] = Room(channel, name, is_private, members)
            return channel

    def call(self, method: str, arguments: Mapping[str, Any], token: str | None) -> Reply:
        """One call of the Web API, with the fault that meets it."""
        perform = functools.partial(self._perform, method, Arguments(arguments), token)
        return self._meet(method, perform)

    def upload(self, file_id: str, data: bytes) -> Reply:
        """A POST of a file's bytes to the address that was given for it."""

        def perform(*, is_answered: bool, is_counted: bool) -> Reply:
            return files.take_bytes(self.state, file_id, data)

        return self._meet(UPLOAD, perform)

    def visible(self) -> dict[str, list[Seen]]:
        """What people see: the roots of each channel, by the channel's id, the oldest first."""
        with self.settled():
            return {
                channel: [seen(message) for message in room.messages if message.is_seen]
                for channel, room in self.state.rooms.items()
            }

    def message(self, ts: str) -> Posted:
        """The message of this id, deleted or not; raises KeyError."""
        with self.settled():
            return self.state.message(ts)

    def rendered_text(self, ts: str) -> Reading:
        """What people see of a message, and which mentions, links and styles of it are live."""
        return seen(self.message(ts)).reading

    def copies(self, field: str) -> Counter[Any]:
        """How often chat.postMessage landed, by the value of a field of the metadata's payload."""
        return Counter(
            landing.metadata["event_payload"].get(field)
            for landing in self.landed
            if landing.method == "chat.postMessage" and landing.metadata
        )

    @property
    def under_way(self) -> int:
        """How many slow calls have not landed yet."""
        with self.settled():
            return len(self._late)

    @contextlib.contextmanager
    def settled(self) -> Iterator[None]:
        """Nobody else changes anything, and what is due by now has landed."""
        with self._lock:
            now = self.state.clock()
            while self._late and self._late[0][0] <= now:
                heapq.heappop(self._late)[2](is_answered=False, is_counted=False)
            yield

    def _meet(self, method: str, perform: Perform) -> Reply:
        """Let a call meet its fault."""
        with self.settled():
            now = self.state.clock()
            fault = self.faults.next(method)
            if fault is None:
                reply = perform(is_answered=True, is_counted=True)
            elif fault.kind in LANDS:
                reply = spoilt(perform(is_answered=False, is_counted=True), fault)
            else:
                reply = instead(fault, now)
                if fault.kind is FaultKind.SLOW_THEN_LANDED:
                    due = now + float(fault.detail)
                    heapq.heappush(self._late, (due, len(self.calls), perform))
            self.calls.append(Call(method, now, str(fault.kind) if fault else outcome(reply)))
            return reply

    def _perform(
        self,
        method: str,
        arguments: Arguments,
        token: str | None,
        *,
        is_answered: bool,
        is_counted: bool,
    ) -> Reply:
        now = self.state.clock()
        headers = dict(JSON)
        try:
            app = self._authenticated(token)
            headers["X-OAuth-Scopes"] = ",".join(sorted(app.scopes))
            if method not in METHODS:
                raise Refused("unknown_method", req_method=method)
            handler, scope = METHODS[method]
            if scope and scope not in app.scopes:
                raise conversations.missing_scope(app, scope)
            if is_counted:
                self.limits.count_call(method, now)
            answer = handler(self.state, Caller(app, is_answered, is_counted), arguments)
        except Refused as refused:
            return Reply({"ok": False, "error": refused.error, **refused.more}, headers=headers)
        except TooFast as too_fast:
            headers["Retry-After"] = str(too_fast.retry_after_seconds)
            return Reply({"ok": False, "error": "ratelimited"}, status=429, headers=headers)
        return Reply({"ok": True, **answer}, headers=headers)

    def _authenticated(self, token: str | None) -> App:
        if not token:
            raise Refused("not_authed")
        app = self.state.apps.get(token)
        if app is None:
            raise Refused("invalid_auth")
        if app.error:
            raise Refused(app.error)
        return app


def outcome(reply: Reply) -> str:
    """`ok`, Slack's error, or the HTTP status of an answer without one."""
    if isinstance(reply.content, Mapping):
        return "ok" if reply.content["ok"] else reply.content["error"]
    return "ok" if reply.status == 200 else str(reply.status)
