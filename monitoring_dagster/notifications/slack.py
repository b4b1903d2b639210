"""Slack: incidents as messages and threads, which are found again, edited and reacted to.

What an answer means is `answers`, by what a message is found `markers`, how a call travels
`slack_client`. Whether and when something is sent is decided in `delivery`.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from monitoring_dagster import egress
from monitoring_dagster.failpoints import failpoint
from monitoring_dagster.notifications import markers, reactions
from monitoring_dagster.notifications.channel import Answer, Look, Outcome, Sighting
from monitoring_dagster.notifications.markers import marker
from monitoring_dagster.notifications.message import Message, Picture
from monitoring_dagster.notifications.slack_client import BASE_URL, Called, Clock, SlackClient

if TYPE_CHECKING:
    from slack_sdk import WebClient
    from slack_sdk.web import SlackResponse

__all__ = ["Checked", "Reacted", "Room", "SlackChannel", "marker"]

EARLIER = dt.timedelta(seconds=300)
"""How much earlier than it was first sent a message is looked for: clocks differ."""

PER_PAGE = 500
MOST_PAGES = 20
"""Pages of a history or a list; what lies beyond them is not said to be absent."""

_ID = re.compile(r"[CGD][A-Z0-9]{2,}")
_LONGEST_ALTERNATIVE = 1_000


@dataclass(frozen=True, slots=True)
class Reacted:
    """The reactions to a message; or why they cannot be said, in `answer`."""

    answer: Answer
    reactions: tuple[reactions.Reaction, ...] = ()


@dataclass(frozen=True, slots=True)
class Checked:
    """What Slack says of the token; or why it says nothing, in `answer`.

    Args:
        user: id of the bot as a user, `bot` its id as a bot, `name` what people invite it by.
        scopes: what the token may do; empty where Slack does not say.
        server_at: Slack's clock when it answered; None where it does not say.
    """

    answer: Answer
    team: str = ""
    team_id: str = ""
    user: str = ""
    bot: str = ""
    name: str = ""
    scopes: frozenset[str] = frozenset()
    server_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Room:
    """A channel as Slack knows it; or why it says nothing, in `answer`."""

    answer: Answer
    id: str = ""
    name: str = ""
    is_member: bool = False
    is_archived: bool = False


class SlackChannel:
    """A bot of one workspace.

    Args:
        token: of the bot; shown by nothing.
        clock: the clock; aware.
        base_url: on slack.com or slack-gov.com.
        allow_insecure: whether `base_url` may be this very machine, for tests.
        timeout: seconds for the connection, and again for the whole answer.
        proxy: `http://host:port` through which Slack is reached.
        name: what is kept with a message that was sent by it.
        default_to: a channel that takes messages that name none.
        always_to: a channel that takes every message, whatever its destination.
        send: how bytes travel; a simulation has its own way.

    Raises:
        SettingInvalid: the token or the URL cannot be used.
    """

    can_look = True

    def __init__(
        self,
        token: str,
        *,
        clock: Clock,
        base_url: str = BASE_URL,
        allow_insecure: bool = False,
        timeout: float = 10,
        proxy: str | None = None,
        name: str = "slack",
        default_to: str = "",
        always_to: str | None = None,
        send: egress.Send = egress.send,
    ) -> None:
        self.name = name
        self._client = SlackClient(
            token,
            base_url=base_url,
            allow_insecure=allow_insecure,
            clock=clock,
            timeout=timeout,
            proxy=proxy,
            send=send,
        )
        self.always_to = always_to
        self._default_to = default_to
        self._ids: dict[str, str] = {}
        self._user = ""

    def __repr__(self) -> str:
        return f"SlackChannel({self.name!r}, {self._client.base_url!r})"

    def post(
        self, destination: str, message: Message, *, key: str, thread: str | None = None
    ) -> Answer:
        """Send a message; `error` is `unthreaded` where it came to stand outside of its thread.

        Slack does that where the thread's root is gone.
        """
        where = self._where(destination)
        content = {name: part for name, part in markers.content(message, key).items() if part}
        called = self._client.call(
            lambda client: client.chat_postMessage(
                channel=self._ids.get(where, where),
                thread_ts=thread,
                parse="none",
                link_names=False,
                unfurl_links=False,
                unfurl_media=False,
                **content,
            )
        )
        failpoint("slack.posted")
        answer = _with_place(called)
        if answer.outcome is not Outcome.SENT:
            return answer
        self._ids[where] = answer.channel
        posted = called.data.get("message")
        is_lost = thread and isinstance(posted, Mapping) and not posted.get("thread_ts")
        return replace(answer, error="unthreaded") if is_lost else answer

    def find(
        self, destination: str, key: str, *, since: dt.datetime, thread: str | None = None
    ) -> Sighting:
        """Look for the message of `key` among the bot's own.

        Where the thread is gone, in the channel as well: Slack drops its replies there.
        """
        if problem := self._know_myself():
            return _failed(problem)
        channel, problem = self._id(destination)
        if problem:
            return _failed(problem)
        oldest = f"{(since - EARLIER).timestamp():.6f}"
        if thread:
            sighting = self._look(
                lambda client, cursor: client.conversations_replies(
                    channel=channel,
                    ts=thread,
                    oldest=oldest,
                    limit=PER_PAGE,
                    include_all_metadata=True,
                    cursor=cursor,
                ),
                key,
            )
            if sighting.error != "thread_not_found":
                return _placed(sighting, channel)
        sighting = self._look(
            lambda client, cursor: client.conversations_history(
                channel=channel,
                oldest=oldest,
                limit=PER_PAGE,
                include_all_metadata=True,
                cursor=cursor,
            ),
            key,
        )
        return _placed(sighting, channel)

    def edit(self, destination: str, ts: str, message: Message, *, key: str) -> Answer:
        """Replace what a message shows; doing it twice is doing it once."""
        channel, problem = self._id(destination)
        if problem:
            return problem
        called = self._client.call(
            lambda client: client.chat_update(
                channel=channel,
                ts=ts,
                parse="none",
                link_names=False,
                **markers.content(message, key),
            )
        )
        failpoint("slack.edited")
        if not called.is_ok:
            return called.answer
        return replace(called.answer, channel=channel, ts=ts)

    def attach(self, destination: str, picture: Picture, *, key: str, thread: str) -> Answer:
        """Put a picture into a thread. It is not looked for again: at most one comes of it."""
        channel, problem = self._id(destination)
        if problem:
            return problem
        given = self._client.call(
            lambda client: client.files_getUploadURLExternal(
                filename=f"{marker(key)}.png",
                length=len(picture.png),
                alt_txt=_encodable(picture.alternative)[:_LONGEST_ALTERNATIVE],
            )
        )
        file, url = given.data.get("file_id"), given.data.get("upload_url")
        if not given.is_ok:
            return given.read_answer
        if not isinstance(file, str) or not isinstance(url, str):
            return Answer(Outcome.NOT_SENT, error="no_upload_url")
        uploaded = self._client.upload(url, picture.png)
        if uploaded.outcome is not Outcome.SENT:
            return uploaded
        shared = self._client.call(
            lambda client: client.files_completeUploadExternal(
                files=[{"id": file, "title": _encodable(picture.title)}],
                channel_id=channel,
                thread_ts=thread,
            )
        )
        failpoint("slack.attached")
        return replace(shared.answer, channel=channel) if shared.is_ok else shared.answer

    def delete(self, destination: str, ts: str) -> Answer:
        """Take a message of the bot's own away; one that is gone is `gone`."""
        channel, problem = self._id(destination)
        if problem:
            return problem
        called = self._client.call(lambda client: client.chat_delete(channel=channel, ts=ts))
        failpoint("slack.deleted")
        return called.answer

    def permalink(self, destination: str, ts: str) -> str:
        """The address of a message for people; empty where Slack gives none."""
        channel, problem = self._id(destination)
        if problem:
            return ""
        called = self._client.call(
            lambda client: client.chat_getPermalink(channel=channel, message_ts=ts)
        )
        link = called.data.get("permalink")
        is_link = called.is_ok and isinstance(link, str) and link.startswith("https://")
        return str(link) if is_link else ""

    def reactions(self, destination: str, ts: str) -> Reacted:
        """Who reacted to a message, and with what."""
        channel, problem = self._id(destination)
        if problem:
            return Reacted(problem)
        called = self._client.call(
            lambda client: client.reactions_get(channel=channel, timestamp=ts, full=True)
        )
        message = called.data.get("message")
        found = reactions.parsed(message) if isinstance(message, Mapping) else ()
        return Reacted(called.read_answer, found if called.is_ok else ())

    def marks(self, destination: str, ts: str, key: str) -> tuple[Sequence[str], Answer | None]:
        """By which marks the message at `ts` can be told to be that of `key`; or the problem."""
        channel, problem = self._id(destination)
        if problem:
            return (), problem
        called = self._client.call(
            lambda client: client.conversations_history(
                channel=channel,
                oldest=ts,
                latest=ts,
                inclusive=True,
                include_all_metadata=True,
            )
        )
        if not called.is_ok:
            return (), called.read_answer
        found = [m for m in _dicts(called.data, "messages") if m.get("ts") == ts]
        return markers.of(found[0], key) if found else (), None

    def room(self, destination: str) -> Room:
        """What Slack says of a channel; nothing is written there."""
        channel, problem = self._id(destination)
        if problem:
            return Room(problem)
        called = self._client.call(lambda client: client.conversations_info(channel=channel))
        if not called.is_ok:
            return Room(called.read_answer)
        info = called.data.get("channel")
        if not isinstance(info, Mapping):
            return Room(Answer(Outcome.NOT_SENT, error="no_channel"))
        return Room(
            called.answer,
            id=channel,
            name=_text(info, "name"),
            is_member=info.get("is_member") is True,
            is_archived=info.get("is_archived") is True,
        )

    def check(self) -> Checked:
        """Whether the token is good, what it may do, and what time it is there."""
        called = self._client.call(lambda client: client.auth_test())
        if not called.is_ok:
            return Checked(called.read_answer)
        scopes = called.headers.get("x-oauth-scopes", "").split(",")
        return Checked(
            called.answer,
            team=_text(called.data, "team"),
            team_id=_text(called.data, "team_id"),
            user=_text(called.data, "user_id"),
            bot=_text(called.data, "bot_id"),
            name=_text(called.data, "user"),
            scopes=frozenset(scope.strip() for scope in scopes if scope.strip()),
            server_at=_date(called.headers.get("date", "")),
        )

    def _know_myself(self) -> Answer | None:
        """Make sure of the bot's own id; the problem if that fails."""
        if self._user:
            return None
        checked = self.check()
        self._user = checked.user
        if checked.answer.outcome is Outcome.SENT and not checked.user:
            return Answer(Outcome.NOT_SENT, error="no_user_id")
        return None if self._user else checked.answer

    def _where(self, destination: str) -> str:
        """The channel that a destination means, by its id or its name."""
        return self.always_to or destination or self._default_to

    def _id(self, destination: str) -> tuple[str, Answer | None]:
        """The id of a channel that may be given by its name; or the problem of finding it."""
        where = self._where(destination)
        if _ID.fullmatch(where):
            return where, None
        if where in self._ids:
            return self._ids[where], None
        name = where.removeprefix("#")
        for called in self._pages(
            lambda client, cursor: client.conversations_list(
                types="public_channel,private_channel", limit=PER_PAGE, cursor=cursor
            )
        ):
            if not called.is_ok:
                return "", called.read_answer
            for room in _dicts(called.data, "channels"):
                if room.get("name") == name and isinstance(room.get("id"), str):
                    self._ids[where] = room["id"]
                    return room["id"], None
        return "", Answer(Outcome.CONFIGURATION, error="channel_not_found")

    def _look(self, method: Callable[[WebClient, str | None], SlackResponse], key: str) -> Sighting:
        for called in self._pages(method):
            if not called.is_ok:
                return _failed(called.answer)
            if not isinstance(called.data.get("messages"), list):
                return Sighting(Look.FAILED, error="no_messages")
            for message in _dicts(called.data, "messages"):
                if markers.is_of(message, key, self._user):
                    return Sighting(Look.FOUND, ts=_text(message, "ts"))
        return Sighting(Look.ABSENT)

    def _pages(self, method: Callable[[WebClient, str | None], SlackResponse]) -> Iterator[Called]:
        """Page by page to the end; the last one is a failure where there is no end."""
        cursor: str | None = None
        for _ in range(MOST_PAGES):
            called = self._client.call(lambda client, at=cursor: method(client, at))
            yield called
            cursor = _next_cursor(called.data)
            if not called.is_ok:
                return
            if not cursor:
                if called.data.get("has_more"):
                    yield Called(Answer(Outcome.NOT_SENT, error="no_next_page"))
                return
        yield Called(Answer(Outcome.NOT_SENT, error="too_many_pages"))


def _with_place(called: Called) -> Answer:
    """The answer to a post with where it stands; without that it is not known to stand at all."""
    channel, ts = _text(called.data, "channel"), _text(called.data, "ts")
    if not called.is_ok:
        return called.answer
    if not channel or not ts:
        return Answer(Outcome.AMBIGUOUS, error="no_ts")
    return replace(called.answer, channel=channel, ts=ts)


def _failed(answer: Answer) -> Sighting:
    return Sighting(Look.FAILED, error=answer.error, retry_after_seconds=answer.retry_after_seconds)


def _placed(sighting: Sighting, channel: str) -> Sighting:
    return replace(sighting, channel=channel) if sighting.look is Look.FOUND else sighting


def _text(data: Mapping[str, Any], name: str) -> str:
    value = data.get(name)
    return value if isinstance(value, str) else ""


def _dicts(data: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    value = data.get(name)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _next_cursor(data: Mapping[str, Any]) -> str:
    more = data.get("response_metadata")
    return _text(more, "next_cursor") if isinstance(more, Mapping) else ""


def _date(text: str) -> dt.datetime | None:
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    return at if at.tzinfo else at.replace(tzinfo=dt.UTC)


def _encodable(text: str) -> str:
    """The SDK sends these as form fields, which cannot hold half a character."""
    return text.encode("utf-8", "replace").decode()
