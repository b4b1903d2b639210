"""What people see of a message in the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.slack.mrkdwn import Reading, read_blocks, read_message
from tests.slack.state import DELETED_TEXT, Posted


@dataclass(frozen=True, slots=True)
class Seen:
    """A message as people see it.

    Args:
        text: what notifications and screen readers say, as it was sent.
        metadata: which people do not see.
        reactions: users by emoji.
        files: titles of the files shared with it.
        replies: its thread, the oldest first.
    """

    ts: str
    user: str
    text: str
    blocks: tuple[Mapping[str, Any], ...] = ()
    parse: str = ""
    metadata: Mapping[str, Any] | None = None
    is_edited: bool = False
    is_deleted: bool = False
    reactions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    replies: tuple[Seen, ...] = ()

    @property
    def reading(self) -> Reading:
        """What is shown, and what of it is live."""
        return read_message(self.text, self.blocks, self.parse)

    @property
    def blocks_text(self) -> str:
        """What its blocks show; empty without blocks."""
        return read_blocks(self.blocks).shown

    @property
    def block_ids(self) -> tuple[str, ...]:
        """Of its blocks, in order."""
        return tuple(block["block_id"] for block in self.blocks)


def seen(message: Posted) -> Seen:
    """A message with its thread; of a deleted root only a mark and the thread are left."""
    replies = tuple(seen(reply) for reply in message.living_replies)
    if message.is_deleted:
        return Seen(message.ts, "", DELETED_TEXT, is_deleted=True, replies=replies)
    return Seen(
        ts=message.ts,
        user=message.user,
        text=message.text,
        blocks=tuple(message.blocks),
        parse=message.parse,
        metadata=message.metadata,
        is_edited=bool(message.edited_ts),
        reactions={name: tuple(users) for name, users in message.reactions.items()},
        files=tuple(file.title for file in message.files),
        replies=replies,
    )
