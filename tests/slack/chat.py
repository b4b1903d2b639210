"""The methods `chat.*`: posting, editing and deleting messages."""

from __future__ import annotations

from typing import Any

from tests.slack.arguments import Arguments
from tests.slack.blocks import checked_blocks, checked_metadata
from tests.slack.replies import Refused
from tests.slack.state import TEAM, Caller, Posted, Room, State, as_ts

LONGEST_TEXT = 40_000
"""Longer texts are cut when they are posted."""
LONGEST_EDITED_TEXT = 4_000
"""Longer texts are refused when a message is edited."""
MOST_ATTACHMENTS = 100


def post_message(state: State, caller: Caller, arguments: Arguments) -> dict[str, Any]:
    """chat.postMessage."""
    app = caller.app
    room = state.room_by_id_or_name(arguments.required("channel"), app)
    if caller.is_counted:
        state.limits.count_message(room.id, state.clock())
    if room.is_archived:
        raise Refused("is_archived")
    if app.user not in room.members and "chat:write.public" not in app.scopes:
        raise Refused("not_in_channel")
    text = arguments.text("text")
    blocks = _blocks(arguments) or []
    attachments = _attachments(arguments) or []
    _refuse_empty(text, blocks, attachments)
    message = state.add(
        room,
        app.user,
        text[:LONGEST_TEXT],
        state.root(room, arguments.text("thread_ts")),
        blocks=blocks,
        attachments=attachments,
        metadata=_metadata(state, arguments),
        parse=arguments.text("parse"),
        is_broadcast=arguments.flag("reply_broadcast"),
    )
    state.lands(caller, "chat.postMessage", message)
    answer = {"channel": room.id, "ts": message.ts, "message": message.as_answer(True)}
    if len(text) > LONGEST_TEXT:
        answer["warning"] = "message_truncated"
    return answer


def update(state: State, caller: Caller, arguments: Arguments) -> dict[str, Any]:
    """chat.update: what is not given stays, an empty list or object takes it away."""
    room, message = _own_message(state, caller, arguments, "cant_update_message")
    if room.is_archived:
        raise Refused("is_inactive")
    if state.clock() - message.posted_at > state.habits.edit_window_seconds:
        raise Refused("edit_window_closed")
    text = arguments.text("text") if "text" in arguments else message.text
    if len(text) > LONGEST_EDITED_TEXT:
        raise Refused("msg_too_long")
    blocks = _blocks(arguments) if "blocks" in arguments else message.blocks
    attachments = _attachments(arguments) if "attachments" in arguments else message.attachments
    if not {"text", "blocks", "attachments"} & arguments.names:
        raise Refused("no_text")
    _refuse_empty(text, blocks, attachments)
    metadata = _metadata(state, arguments) if "metadata" in arguments else message.metadata
    message.text, message.blocks, message.attachments = text, blocks or [], attachments or []
    message.metadata, message.parse = metadata, arguments.text("parse")
    message.edited_ts = as_ts(int(state.clock() * 1_000_000))
    state.lands(caller, "chat.update", message)
    answer = message.as_answer(True)
    return {"channel": room.id, "ts": message.ts, "text": text, "message": answer}


def delete(state: State, caller: Caller, arguments: Arguments) -> dict[str, Any]:
    """chat.delete."""
    room, message = _own_message(state, caller, arguments, "cant_delete_message")
    if room.is_archived:
        raise Refused("is_archived")
    message.is_deleted = True
    state.lands(caller, "chat.delete", message)
    return {"channel": room.id, "ts": message.ts}


def get_permalink(state: State, caller: Caller, arguments: Arguments) -> dict[str, Any]:
    """chat.getPermalink."""
    room = state.room(arguments.required("channel"), caller.app)
    message = room.by_ts.get(arguments.required("message_ts"))
    if message is None or not message.is_seen:
        raise Refused("message_not_found")
    permalink = f"{TEAM}archives/{room.id}/p{message.ts.replace('.', '')}"
    if message.thread_ts:
        permalink += f"?thread_ts={message.thread_ts}&cid={room.id}"
    return {"channel": room.id, "permalink": permalink}


def _own_message(
    state: State, caller: Caller, arguments: Arguments, error: str
) -> tuple[Room, Posted]:
    """The named message, if it is the caller's; what is left of a deleted one is Slack's."""
    room = state.room(arguments.required("channel"), caller.app)
    message = room.by_ts.get(arguments.required("ts"))
    if message is None or not message.is_seen:
        raise Refused("message_not_found")
    if message.is_deleted or message.user != caller.app.user:
        raise Refused(error)
    return room, message


def _blocks(arguments: Arguments) -> list[dict[str, Any]] | None:
    blocks = arguments.structure("blocks", "invalid_blocks_format")
    return blocks if blocks is None else checked_blocks(blocks)


def _attachments(arguments: Arguments) -> list[Any] | None:
    attachments = arguments.structure("attachments", "invalid_attachments")
    if attachments is not None and not isinstance(attachments, list):
        raise Refused("invalid_attachments")
    if attachments is not None and len(attachments) > MOST_ATTACHMENTS:
        raise Refused("too_many_attachments")
    return attachments


def _metadata(state: State, arguments: Arguments) -> dict[str, Any] | None:
    metadata = arguments.structure("metadata", "invalid_metadata_format")
    if not metadata:
        return None
    if state.habits.metadata_error:
        raise Refused(state.habits.metadata_error)
    return checked_metadata(metadata)


def _refuse_empty(text: str, blocks: list[Any] | None, attachments: list[Any] | None) -> None:
    if not text.strip() and not blocks and not attachments:
        raise Refused("no_text")
