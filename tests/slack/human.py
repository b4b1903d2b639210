"""The people of a workspace: what they do by hand with messages and channels."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from tests.slack.state import App, State


class Human:
    """Does what members of the workspace can do by hand."""

    def __init__(self, state: State, alone: Callable[[], AbstractContextManager[None]]) -> None:
        self._state = state
        self._alone = alone

    def react(self, user: str, ts: str, emoji: str) -> None:
        """Put an emoji, such as `eyes`, on a message; twice is once."""
        with self._alone():
            users = self._state.message(ts).reactions.setdefault(emoji.strip(":"), [])
            if user not in users:
                users.append(user)

    def unreact(self, user: str, ts: str, emoji: str) -> None:
        """Take it away again."""
        with self._alone():
            reactions = self._state.message(ts).reactions
            reactions[emoji.strip(":")].remove(user)
            if not reactions[emoji.strip(":")]:
                del reactions[emoji.strip(":")]

    def post(self, user: str, channel: str, text: str) -> str:
        """Write into a channel; gives the ts."""
        with self._alone():
            return self._state.add(self._state.rooms[channel], user, text, None).ts

    def reply(self, user: str, ts: str, text: str) -> str:
        """Write into the thread of a root; gives the reply's ts."""
        with self._alone():
            root = self._state.message(ts)
            return self._state.add(self._state.rooms[root.channel], user, text, ts).ts

    def delete(self, ts: str) -> None:
        """Delete a message; a root with replies leaves a mark, its replies stay."""
        with self._alone():
            self._state.message(ts).is_deleted = True

    def archive(self, channel: str) -> None:
        """Archive a channel."""
        with self._alone():
            self._state.rooms[channel].is_archived = True

    def unarchive(self, channel: str) -> None:
        """Open an archived channel again."""
        with self._alone():
            self._state.rooms[channel].is_archived = False

    def rename(self, channel: str, name: str) -> None:
        """Give a channel another name; its id stays."""
        with self._alone():
            self._state.rooms[channel].name = name

    def remove(self, app: App, channel: str) -> None:
        """Remove an app's bot from a channel."""
        with self._alone():
            self._state.rooms[channel].members.discard(app.user)

    def invite(self, app: App, channel: str) -> None:
        """Invite an app's bot into a channel."""
        with self._alone():
            self._state.rooms[channel].members.add(app.user)
