"""How many calls Slack takes: messages per channel and second, calls per method and minute.

Figures: docs.slack.dev/apis/web-api/rate-limits.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

from tests.slack.replies import TooFast

CALLS_PER_MINUTE = {
    "chat.update": 50,
    "chat.delete": 50,
    "conversations.history": 50,
    "conversations.replies": 50,
    "conversations.info": 50,
    "conversations.join": 50,
    "conversations.list": 20,
    "reactions.get": 50,
    "users.info": 100,
    "files.getUploadURLExternal": 100,
    "files.completeUploadExternal": 100,
}
"""Slack's tiers 2, 3 and 4; other methods are not limited by the minute."""


@dataclass(slots=True)
class Limits:
    """The limits of one app in one workspace; every figure may be changed at any time.

    Args:
        messages_per_second: what a channel takes in the long run.
        message_burst: how many it takes at once after a pause.
        per_minute: calls of each method in any 60 seconds.
        objects_per_page: the most that history, replies and the list of channels give at once.
    """

    messages_per_second: float = 1.0
    message_burst: int = 4
    per_minute: dict[str, int] = field(default_factory=lambda: dict(CALLS_PER_MINUTE))
    objects_per_page: int = 999
    _calls: dict[str, deque[float]] = field(default_factory=dict)
    _buckets: dict[str, tuple[float, float]] = field(default_factory=dict)

    def distributed_outside_the_marketplace(self) -> None:
        """What apps get that are sold and not listed (since 2025-05-29): one page a minute."""
        self.per_minute |= {"conversations.history": 1, "conversations.replies": 1}
        self.objects_per_page = 15

    def lift(self) -> None:
        """No limits at all, for tests that are about something else."""
        self.per_minute.clear()
        self.messages_per_second = self.message_burst = 1_000_000

    def count_call(self, method: str, now: float) -> None:
        """Raises TooFast when the method has been called too often in the last minute."""
        allowed = self.per_minute.get(method)
        if allowed is None:
            return
        calls = self._calls.setdefault(method, deque())
        while calls and calls[0] <= now - 60:
            calls.popleft()
        if len(calls) >= allowed:
            raise TooFast(max(1, math.ceil(calls[0] + 60 - now)))
        calls.append(now)

    def count_message(self, channel: str, now: float) -> None:
        """Raises TooFast when the channel has had its share of messages."""
        left, since = self._buckets.get(channel, (float(self.message_burst), now))
        regained = max(0.0, now - since) * self.messages_per_second
        left = min(float(self.message_burst), left + regained)
        if left < 1:
            self._buckets[channel] = (left, now)
            raise TooFast(max(1, math.ceil((1 - left) / self.messages_per_second)))
        self._buckets[channel] = (left - 1, now)
