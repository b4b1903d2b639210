"""Markers: by what a message in Slack is found again as the one of a notice's key.

Three of them, since each can be lost alone: metadata, the first block's id, and a word at the end
of the text where neither goes along.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from monitoring_dagster.notifications.message import Block, Form, Message

EVENT_TYPE = "monitoring_dagster"
_LONGEST_BLOCK_ID = 255


def marker(key: str) -> str:
    """What stands for a key wherever others can read it: 32 characters, nothing of the key.

    >>> marker("flight_delay:root")
    'be81956b73b3e616b7b98aec24608cd8'
    """
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def metadata(key: str) -> dict[str, Any]:
    """Metadata of the message; every member and app of a workspace can read it."""
    return {"event_type": EVENT_TYPE, "event_payload": {"key": marker(key)}}


def block_id(key: str) -> str:
    """Id of the message's first block; of a key that is too long, its marker.

    >>> block_id("root:MD-7F3A9C:1")
    'md:root:MD-7F3A9C:1'
    """
    written = f"md:{key}"
    fits = len(written.encode("utf-16-le", "surrogatepass")) <= 2 * _LONGEST_BLOCK_ID
    return written if fits and written.isprintable() else f"md:{marker(key)}"


def word(key: str) -> str:
    """The last word of a message that is text only.

    >>> word("flight_delay:root")
    'md-be81956b73b3e616b7b9'
    """
    return f"md-{marker(key)[:20]}"


def content(message: Message, key: str) -> dict[str, Any]:
    """What Slack is sent of a message, with the markers that its form can bear.

    The empty `blocks` of the form `text` matter in an edit: without them the old ones stay.
    """
    if message.form is Form.TEXT or not message.blocks:
        return {"text": f"{message.text}\n{word(key)}", "blocks": []}
    return {
        "text": message.text,
        "blocks": _stamped(message.blocks, key),
        "metadata": metadata(key),
    }


def is_of(message: Mapping[str, Any], key: str, user: str) -> bool:
    """Whether a message of a channel's history is that of `key`, posted by `user`.

    Whoever can write in the channel could write a text that ends in the word, and so make an
    alert look sent: only the bot's own messages count.
    """
    return message.get("user") == user and bool(of(message, key))


def of(message: Mapping[str, Any], key: str) -> Sequence[str]:
    """The marks of `key` that a message of a channel's history bears, in words."""
    marks = {
        "metadata": _by_metadata(message, key),
        "the id of its first block": _by_block(message, key),
        "its last word": _by_word(message, key),
    }
    return [name for name, is_there in marks.items() if is_there]


def _stamped(blocks: Sequence[Block], key: str) -> list[dict[str, Any]]:
    first, *others = blocks
    return [{**first, "block_id": block_id(key)}, *(dict(block) for block in others)]


def _by_metadata(message: Mapping[str, Any], key: str) -> bool:
    known = message.get("metadata")
    if not isinstance(known, Mapping) or known.get("event_type") != EVENT_TYPE:
        return False
    payload = known.get("event_payload")
    return isinstance(payload, Mapping) and payload.get("key") == marker(key)


def _by_block(message: Mapping[str, Any], key: str) -> bool:
    blocks = message.get("blocks")
    first = blocks[0] if isinstance(blocks, list) and blocks else None
    return isinstance(first, Mapping) and first.get("block_id") == block_id(key)


def _by_word(message: Mapping[str, Any], key: str) -> bool:
    text = message.get("text")
    return isinstance(text, str) and text.split()[-1:] == [word(key)]
