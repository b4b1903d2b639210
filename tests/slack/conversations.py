"""The methods `conversations.*`: what is in channels, and which channels there are."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from typing import Any

from tests.slack.arguments import Arguments
from tests.slack.replies import Refused
from tests.slack.state import App, Caller, Posted, Room, State, order_of


def history(state: State, caller: Caller, arguments: Arguments) -> dict[str, Any]:
    """conversations.history: roots and broadcast replies, the newest first."""
    room = _readable_room(state, caller.app, arguments)
    span = _Span(state, arguments)
    below = _position(arguments)
    found: list[Posted] = []
    limit = _limit(state, arguments, 100)
    for message in reversed(room.messages):
        if message.order < span.oldest:
            break
        if (below is None or message.order < below) and span.shows(message):
            found.append(message)
            if len(found) > limit:
                break
    page, has_more = found[:limit], len(found) > limit
    return _page(state, caller.app, arguments, page, has_more)


def replies(state: State, caller: Caller, arguments: Arguments) -> dict[str, Any]:
    """conversations.replies: on every page the root, then replies, the oldest first."""
    room = _readable_room(state, caller.app, arguments)
    named = room.by_ts.get(arguments.required("ts"))
    root = room.by_ts[named.thread_ts] if named is not None and named.thread_ts else named
    if root is None or not root.is_seen:
        raise Refused("thread_not_found")
    span = _Span(state, arguments)
    above = _position(arguments)
    limit = _limit(state, arguments, 1000)
    found = [m for m in root.replies if (above is None or m.order > above) and span.shows(m)]
    page, has_more = found[:limit], len(found) > limit
    return _page(state, caller.app, arguments, [root, *page], has_more)


def info(state: State, caller: Caller, arguments: Arguments) -> dict[str, Any]:
    """conversations.info."""
    _require_any(caller.app, "read")
    room = state.room(arguments.required("channel"), caller.app)
    _require(caller.app, room, "read")
    return {"channel": room.as_answer(caller.app.user)}


def join(state: State, caller: Caller, arguments: Arguments) -> dict[str, Any]:
    """conversations.join: public channels only."""
    room = state.room(arguments.required("channel"), caller.app)
    if room.is_private:
        raise Refused("method_not_supported_for_channel_type")
    if room.is_archived:
        raise Refused("is_archived")
    known = {"warning": "already_in_channel"} if caller.app.user in room.members else {}
    room.members.add(caller.app.user)
    return {"channel": room.as_answer(caller.app.user)} | known


def list_(state: State, caller: Caller, arguments: Arguments) -> dict[str, Any]:
    """conversations.list: in pages, private channels only where the bot is a member."""
    app = caller.app
    types = (arguments.text("types") or "public_channel").split(",")
    for kind in types:
        needed = "groups:read" if kind == "private_channel" else "channels:read"
        if needed not in app.scopes:
            raise missing_scope(app, needed)
    shown = [
        room
        for room in state.rooms.values()
        if ("private_channel" if room.is_private else "public_channel") in types
        and (not room.is_private or app.user in room.members)
        and not (room.is_archived and arguments.flag("exclude_archived"))
    ]
    start = _position(arguments) or 0
    end = start + _limit(state, arguments, 100)
    cursor = _cursor(end) if end < len(shown) else ""
    return {
        "channels": [room.as_answer(app.user) for room in shown[start:end]],
        "response_metadata": {"next_cursor": cursor},
    }


def missing_scope(app: App, needed: str) -> Refused:
    """The refusal as Slack words it."""
    return Refused("missing_scope", needed=needed, provided=",".join(sorted(app.scopes)))


class _Span:
    """The part of the history that a call asks for, as far as it can be seen yet."""

    def __init__(self, state: State, arguments: Arguments) -> None:
        self._is_inclusive = arguments.flag("inclusive")
        oldest, latest = arguments.text("oldest"), arguments.text("latest")
        self.oldest = order_of(oldest, "invalid_ts_oldest") if oldest else 0
        self._latest = order_of(latest, "invalid_ts_latest") if latest else None
        self._visible_at = state.clock() - state.habits.history_lag_seconds

    def shows(self, message: Posted) -> bool:
        if not message.is_seen or message.posted_at > self._visible_at:
            return False
        if message.order in (self.oldest, self._latest):
            return self._is_inclusive
        return message.order > self.oldest and (
            self._latest is None or message.order < self._latest
        )


def _readable_room(state: State, app: App, arguments: Arguments) -> Room:
    _require_any(app, "history")
    room = state.room(arguments.required("channel"), app)
    _require(app, room, "history")
    if app.user not in room.members:
        raise Refused("not_in_channel")
    return room


def _require_any(app: App, right: str) -> None:
    if not {f"channels:{right}", f"groups:{right}"} & app.scopes:
        raise missing_scope(app, f"channels:{right},groups:{right}")


def _require(app: App, room: Room, right: str) -> None:
    needed = f"{'groups' if room.is_private else 'channels'}:{right}"
    if needed not in app.scopes:
        raise missing_scope(app, needed)


def _limit(state: State, arguments: Arguments, default: int) -> int:
    limit = arguments.number("limit", default, "invalid_limit")
    if not 1 <= limit <= 1000:
        raise Refused("invalid_limit")
    return min(limit, state.limits.objects_per_page)


def _page(
    state: State, app: App, arguments: Arguments, page: Iterable[Posted], has_more: bool
) -> dict[str, Any]:
    shows_metadata = arguments.flag("include_all_metadata") and not (
        state.habits.hides_metadata_without_scope and "metadata.message:read" not in app.scopes
    )
    messages = list(page)
    answer: dict[str, Any] = {
        "messages": [message.as_answer(shows_metadata) for message in messages],
        "has_more": has_more,
    }
    if has_more:
        answer["response_metadata"] = {"next_cursor": _cursor(messages[-1].order)}
    return answer


def _cursor(position: int) -> str:
    return base64.b64encode(f"next:{position}".encode()).decode()


def _position(arguments: Arguments) -> int | None:
    """Where a page goes on; None at the first."""
    if not (cursor := arguments.text("cursor")):
        return None
    try:
        name, _, position = base64.b64decode(cursor, validate=True).decode().partition(":")
        if name == "next":
            return int(position)
    except (binascii.Error, ValueError):
        pass
    raise Refused("invalid_cursor")
