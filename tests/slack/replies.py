"""What a server does with a request: an answer, or what the wire makes of it.

Who decides on it is `workspace` (for Slack) and `sink`; who makes bytes of it is `loopback`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

JSON = {"Content-Type": "application/json; charset=utf-8"}


class Wire(StrEnum):
    """What happens to the connection."""

    ANSWERED = "answered"
    RESET = "reset"
    """The connection is reset (RST) instead of an answer."""
    SILENT = "silent"
    """No answer comes for as long as the client waits."""
    CUT = "cut"
    """The connection ends in the middle of the answer's body."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer.

    Args:
        status: of HTTP.
        content: JSON object, or the text or bytes of the body.
        headers: beyond Content-Length and Connection.
        wire: what happens to the connection.
    """

    content: Mapping[str, Any] | str | bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    wire: Wire = Wire.ANSWERED

    @property
    def body(self) -> bytes:
        """The body as it is sent."""
        if isinstance(self.content, bytes):
            return self.content
        text = self.content if isinstance(self.content, str) else json.dumps(self.content)
        return text.encode()

    @property
    def json(self) -> Mapping[str, Any]:
        """The JSON object; raises TypeError if it is another answer."""
        if not isinstance(self.content, Mapping):
            raise TypeError(f"not JSON: {self.content!r:.100}")
        return self.content

    @property
    def is_ok(self) -> bool:
        """Whether it arrives and says `ok: true`."""
        return (
            self.wire is Wire.ANSWERED
            and self.status == 200
            and isinstance(self.content, Mapping)
            and self.content.get("ok") is True
        )


class Refused(Exception):
    """Slack's own no: `ok: false` with an error, and what else the answer says."""

    def __init__(self, error: str, *messages: str, **more: Any) -> None:
        super().__init__(error)
        self.error = error
        self.more = more
        if messages:
            listed = [f"[ERROR] {message}" for message in messages]
            self.more = more | {"response_metadata": {"messages": listed}}


class TooFast(Exception):
    """HTTP 429: the call was not even looked at."""

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__(f"retry after {retry_after_seconds} s")
        self.retry_after_seconds = retry_after_seconds
