"""The client: one call to Slack's Web API, and what came of it without anything being raised.

Slack's SDK names the methods and their arguments; how bytes travel is `egress`, which follows no
redirect (the SDK's own way hands the token to whatever host it is sent to) and never repeats a
call (the SDK's default posts twice where an answer is lost).
"""

from __future__ import annotations

import datetime as dt
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from monitoring_dagster import egress
from monitoring_dagster.errors import SettingInvalid
from monitoring_dagster.notifications import answers
from monitoring_dagster.notifications.channel import Answer, Outcome

if TYPE_CHECKING:
    from urllib.request import Request

    from slack_sdk import WebClient
    from slack_sdk.web import SlackResponse

BASE_URL = "https://slack.com/api/"
HOSTS = ("slack.com", "slack-gov.com")
LONGEST_ANSWER = 32 * 1024 * 1024
"""Bytes; a page of a channel's history may hold many long messages."""

_NOT_JSON = '{"ok": false, "error": "not_json"}'

Clock = Callable[[], dt.datetime]


@dataclass(frozen=True, slots=True)
class Called:
    """What came of a call; `data` is empty unless Slack answered with a JSON object."""

    answer: Answer
    data: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_ok(self) -> bool:
        """Whether Slack did what was asked."""
        return self.answer.outcome is Outcome.SENT

    @property
    def read_answer(self) -> Answer:
        """What a call that only reads means: where it fails, surely nothing was sent."""
        if self.answer.outcome is not Outcome.AMBIGUOUS:
            return self.answer
        return Answer(
            Outcome.NOT_SENT,
            error=self.answer.error,
            retry_after_seconds=self.answer.retry_after_seconds,
        )


class SlackClient:
    """Calls Slack with a bot's token, which nothing that it gives or raises shows.

    Args:
        token: of the bot, `xoxb-…`.
        base_url: on slack.com or slack-gov.com.
        allow_insecure: whether `base_url` may be this very machine, for tests.
        clock: for pauses that Slack says as a date.
        timeout: seconds for the connection, and again for the whole answer.
        proxy: `http://host:port` through which Slack is reached; None for none.
        send: how bytes travel.

    Raises:
        SettingInvalid: the token or the URL cannot be used.
    """

    def __init__(
        self,
        token: str,
        *,
        base_url: str = BASE_URL,
        allow_insecure: bool = False,
        clock: Clock,
        timeout: float = 10,
        proxy: str | None = None,
        send: egress.Send = egress.send,
    ) -> None:
        if not token or not token.isascii() or not token.isprintable() or " " in token:
            raise SettingInvalid(
                "MONITORING_DAGSTER_SLACK_TOKEN (or ..._SECOND_TOKEN) is empty or holds blanks or "
                "unusual characters (its value is not shown); give the app's bot token, xoxb-..."
            )
        self.base_url = egress.checked_url(
            base_url.rstrip("/") + "/",
            named="MONITORING_DAGSTER_SLACK_BASE_URL",
            hosts=HOSTS,
            allow_insecure=allow_insecure,
        )
        self._token = token
        self._clock = clock
        self._timeout = timeout
        self._is_here = egress.is_loopback(urlsplit(base_url).hostname or "")
        self._proxy = None if self._is_here else proxy
        self._send = send
        self._client: WebClient | None = None

    def __repr__(self) -> str:
        return f"SlackClient({self.base_url!r})"

    def call(self, method: Callable[[WebClient], SlackResponse]) -> Called:
        """Call a method of the SDK's client, as in `call(lambda client: client.auth_test())`."""
        from slack_sdk.errors import SlackApiError

        try:
            response = method(self._made())
        except SlackApiError as error:
            response = error.response
        except (egress.NothingSent, egress.AnswerLost) as error:
            return Called(answers.failed(error))
        data: Mapping[str, Any] = response.data if isinstance(response.data, dict) else {}
        headers: Mapping[str, str] = response.headers
        body = None if data.get("error") == "not_json" else data
        answer = answers.classified(response.status_code, headers, body, now=self._clock())
        return Called(answer, data, headers)

    def upload(self, url: str, data: bytes) -> Answer:
        """Send bytes to an address that Slack gave for them, without the token."""
        try:
            egress.checked_url(url, named="the upload", hosts=HOSTS, allow_insecure=self._is_here)
            reply = self._sent(url, data, {"Content-Type": "application/octet-stream"})
        except SettingInvalid:
            return Answer(Outcome.CONFIGURATION, error="upload_url_refused")
        except (egress.NothingSent, egress.AnswerLost) as error:
            return Answer(Outcome.NOT_SENT, error=error.reason)
        if reply.status == 200:
            return Answer(Outcome.SENT)
        return Answer(Outcome.NOT_SENT, error=f"http_{reply.status}")

    def _sent(self, url: str, body: bytes, headers: Mapping[str, str]) -> egress.Reply:
        is_here = egress.is_loopback(urlsplit(url).hostname or "")
        return self._send(
            url,
            body=body,
            headers=headers,
            reach=egress.Reach.LOOPBACK if is_here else egress.Reach.ANY,
            seconds=self._timeout,
            longest_answer=LONGEST_ANSWER,
            proxy=self._proxy,
        )

    def _made(self) -> WebClient:
        if self._client is None:
            self._client = _web_client(self._token, self.base_url, self._sent)
        return self._client


def _web_client(
    token: str, base_url: str, send: Callable[[str, bytes, Mapping[str, str]], egress.Reply]
) -> WebClient:
    """The SDK's client with our way of sending in the place of its own."""
    from slack_sdk import WebClient

    class Client(WebClient):
        def _perform_urllib_http_request_internal(self, url: str, req: Request) -> dict[str, Any]:
            body = req.data if isinstance(req.data, bytes) else b""
            reply = send(url, body, dict(req.header_items()))
            return {
                "status": reply.status,
                "headers": reply.headers,
                "body": _json_object(reply.body),
            }

    # The SDK writes messages into the log at DEBUG and beginnings of answers at ERROR; what went
    # wrong is in the answer, so nothing of that is wanted.
    quiet = logging.Logger("monitoring_dagster.slack_sdk", level=logging.CRITICAL)
    return Client(token=token, base_url=base_url, retry_handlers=[], logger=quiet)


def _json_object(body: bytes) -> str:
    """The body, if it is what Slack answers with; else an answer that says that it is not."""
    text = body.decode("utf-8", errors="replace")
    try:
        return text if isinstance(json.loads(text), dict) else _NOT_JSON
    except (ValueError, RecursionError):
        return _NOT_JSON
