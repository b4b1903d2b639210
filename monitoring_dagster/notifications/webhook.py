"""Webhook: messages as signed JSON to an address of the user's own.

It can be told, and not asked: nothing is found again, edited or answered. The receiver knows a
repetition by its `Idempotency-Key`, and who sent it by its signature.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import json
import socket
from collections.abc import Callable
from urllib.parse import quote

from monitoring_dagster import egress
from monitoring_dagster.failpoints import failpoint
from monitoring_dagster.notifications import answers
from monitoring_dagster.notifications.channel import Answer, Outcome
from monitoring_dagster.notifications.message import Message
from monitoring_dagster.notifications.one_way import OneWay

SIGNATURE = "X-Monitoring-Dagster-Signature"

REPEATABLE = frozenset({408, 409, 425, 429})
"""Statuses after which the same message may be sent again, beside those from 500 on."""

TOO_LARGE = 413


class WebhookChannel(OneWay):
    """One address, on a public host, reached by https.

    Args:
        url: the address; shown by nothing, since what is in it may be a secret.
        secret: the key of the signature; shown by nothing. Unsigned without one.
        clock: the clock; aware.
        allow_insecure: whether the address may be on this very machine, for tests.
        seconds: for the connection, and again for the whole answer.
        resolve: how names are looked up.

    Raises:
        SettingInvalid: the address may not be sent to.
    """

    name = "webhook"

    def __init__(
        self,
        url: str,
        secret: str = "",
        *,
        clock: Callable[[], dt.datetime],
        allow_insecure: bool = False,
        seconds: float = egress.SECONDS,
        resolve: egress.Resolve = socket.getaddrinfo,
    ) -> None:
        self._url = egress.checked_url(
            url, named="MONITORING_DAGSTER_WEBHOOK_URL", allow_insecure=allow_insecure
        )
        self._secret = secret
        self._clock = clock
        self._seconds = seconds
        self._resolve = resolve

    def __repr__(self) -> str:
        return "WebhookChannel()"

    def post(
        self, destination: str, message: Message, *, key: str, thread: str | None = None
    ) -> Answer:
        """Send a message. Its `ts` is its key, since the receiver gives it no other name."""
        at = self._clock()
        body = json.dumps(
            {
                "key": key,
                "thread": thread,
                "destination": destination,
                "at": at.isoformat(),
                "text": message.text,
                "plain": message.plain,
            },
            sort_keys=True,
        ).encode()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "monitoring-dagster",
            # A key is ours and plain; whatever it holds, it cannot end the header.
            "Idempotency-Key": quote(key, safe="!#$&'()*+,/:;=?@[]|~", errors="replace"),
        }
        if self._secret:
            headers[SIGNATURE] = signature(self._secret, int(at.timestamp()), body)
        answer = self._answer(body, headers, key)
        failpoint("webhook.posted")
        return answer

    def _answer(self, body: bytes, headers: dict[str, str], key: str) -> Answer:
        try:
            reply = egress.send(
                self._url,
                body=body,
                headers=headers,
                reach=egress.reach_of(self._url),
                seconds=self._seconds,
                resolve=self._resolve,
            )
        except egress.AddressRefused as error:
            return Answer(Outcome.CONFIGURATION, error=error.reason)
        except (egress.NothingSent, egress.AnswerLost) as error:
            return Answer(Outcome.NOT_SENT, error=error.reason)
        return classified(reply, key=key, now=self._clock())


def signature(secret: str, at: int, body: bytes) -> str:
    """The signature of a body: HMAC-SHA-256 of the second it was sent in, a full stop, the body.

    >>> signature("secret", 1_767_225_600, b"{}")
    't=1767225600,v1=fa7eaa06bf97d7815f3f456e97cde70c9e50cb005f01660c8d10b10c21964887'
    """
    signed = f"{at}.".encode() + body
    return f"t={at},v1={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}"


def classified(reply: egress.Reply, *, key: str, now: dt.datetime) -> Answer:
    """What an answer means. What may have arrived counts as not sent: the receiver knows the key.

    Args:
        reply: any status; a redirect is not followed.
        key: of the message.
        now: the clock, for pauses that are said as a date; aware.
    """
    if 200 <= reply.status < 300:
        return Answer(Outcome.SENT, ts=key)
    error = f"http_{reply.status}"
    if reply.status in REPEATABLE or reply.status >= 500:
        is_asked = reply.status == 429 or "retry-after" in reply.headers
        pause = answers.retry_after(reply.headers, now) if is_asked else None
        return Answer(Outcome.NOT_SENT, error=error, retry_after_seconds=pause)
    outcome = Outcome.CONTENT if reply.status == TOO_LARGE else Outcome.CONFIGURATION
    return Answer(outcome, error=error)
