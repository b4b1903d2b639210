"""The message: what a channel is given to show, in the form that the channel can take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

Block = Mapping[str, Any]
"""A Block Kit block, ready for JSON."""


class Form(StrEnum):
    """How much of a message is sent: the next one is tried where the channel refuses the last."""

    FULL = "full"
    COMPACT = "compact"
    TEXT = "text"

    @property
    def simpler(self) -> Form | None:
        """The next form to try; None after the last."""
        forms = list(Form)
        place = forms.index(self) + 1
        return forms[place] if place < len(forms) else None


class NoticeKind(StrEnum):
    """What people can be owed."""

    ROOT = "root"
    ESCALATION = "escalation"
    REMINDER = "reminder"
    REOPENING = "reopening"
    RESOLUTION = "resolution"
    PICTURE = "picture"
    REMARK = "remark"
    DIGEST = "digest"


@dataclass(frozen=True, slots=True)
class Message:
    """What one channel shows as one message.

    Args:
        text: what notifications and screen readers read; mrkdwn, escaped, never empty.
        blocks: Block Kit; empty in the form `text`.
        form: how much of it this is.
        plain: the same for channels without Slack's markup: lines of plain text, not escaped.
    """

    text: str
    blocks: Sequence[Block]
    form: Form
    plain: str


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture for a thread: aggregates only."""

    png: bytes
    title: str
    alternative: str
