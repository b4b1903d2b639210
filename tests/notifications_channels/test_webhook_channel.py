"""The webhook: signed, repeatable, and never sent where it must not go."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import pytest

from monitoring_dagster.errors import SettingInvalid
from monitoring_dagster.notifications.channel import Channel, Look, Outcome
from monitoring_dagster.notifications.webhook import SIGNATURE, WebhookChannel
from tests.notifications_channels.conftest import KEY, NOON, PICTURE, SECRET, message, noon
from tests.notifications_channels.test_egress import resolving
from tests.slack.loopback import nobody_listening, running_loopback
from tests.slack.replies import Reply
from tests.slack.sink import Sink, running_sink


def channel_to(sink: Sink, secret: str = SECRET) -> WebhookChannel:
    return WebhookChannel(sink.url, secret, clock=noon, allow_insecure=True, seconds=0.3)


def test_a_message_arrives_signed_and_under_its_key() -> None:
    with running_sink() as sink:
        channel: Channel = channel_to(sink)
        answer = channel.post("#flight-delay", message(), key=KEY, thread="MD-1:root:1")
    assert (answer.outcome, answer.ts) == (Outcome.SENT, KEY)
    (request,) = sink.requests
    assert json.loads(request.body) == {
        "key": KEY,
        "thread": "MD-1:root:1",
        "destination": "#flight-delay",
        "at": "2026-03-02T12:00:00+00:00",
        "text": "AUC fell",
        "plain": "AUC fell\nin plain words",
    }
    assert request.headers["Idempotency-Key"] == KEY
    second = int(NOON.timestamp())
    signed = f"{second}.".encode() + request.body
    digest = hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
    assert request.headers[SIGNATURE] == f"t={second},v1={digest}"


def test_without_a_secret_it_is_not_signed() -> None:
    with running_sink() as sink:
        channel_to(sink, "").post("#x", message(), key=KEY)
    assert SIGNATURE not in sink.requests[0].headers


@pytest.mark.parametrize("key", ["a\r\nX-Evil: 1", "ü", "\ud800", "a b"], ids=ascii)
def test_no_key_can_end_the_header(key: str) -> None:
    with running_sink() as sink:
        assert channel_to(sink).post("#x", message(), key=key).outcome is Outcome.SENT
    (request,) = sink.requests
    assert "X-Evil" not in request.headers
    assert json.loads(request.body)["key"] == key


@pytest.mark.parametrize(
    ("step", "outcome"),
    [
        (200, Outcome.SENT),
        (202, Outcome.SENT),
        (204, Outcome.SENT),
        (408, Outcome.NOT_SENT),
        (409, Outcome.NOT_SENT),
        (425, Outcome.NOT_SENT),
        (429, Outcome.NOT_SENT),
        (500, Outcome.NOT_SENT),
        (503, Outcome.NOT_SENT),
        ("reset", Outcome.NOT_SENT),
        ("silent", Outcome.NOT_SENT),
        (413, Outcome.CONTENT),
        (400, Outcome.CONFIGURATION),
        (401, Outcome.CONFIGURATION),
        (404, Outcome.CONFIGURATION),
        (410, Outcome.CONFIGURATION),
        (422, Outcome.CONFIGURATION),
        ("redirect", Outcome.CONFIGURATION),
    ],
    ids=str,
)
def test_an_answer_of_the_receiver_means(step: Any, outcome: Outcome) -> None:
    with running_sink() as sink:
        sink.script([step])
        assert channel_to(sink).post("#x", message(), key=KEY).outcome is outcome
    assert len(sink.requests) == 1


def test_a_pause_is_taken_over() -> None:
    said = Reply("", status=503, headers={"Retry-After": "7200"})
    with running_loopback(lambda _: said) as address:
        channel = WebhookChannel(address, clock=noon, allow_insecure=True)
        assert channel.post("#x", message(), key=KEY).retry_after_seconds == 900


def test_nobody_listening_means_not_sent_by_the_webhook() -> None:
    with nobody_listening() as address:
        channel = WebhookChannel(address, clock=noon, allow_insecure=True)
        assert channel.post("#x", message(), key=KEY).outcome is Outcome.NOT_SENT


@pytest.mark.parametrize("address", ["10.0.0.7", "169.254.169.254", "127.0.0.1", "::1"])
def test_a_name_that_leads_inside_is_refused(address: str) -> None:
    channel = WebhookChannel("https://a.example/", clock=noon, resolve=resolving(address))
    answer = channel.post("#x", message(), key=KEY)
    assert (answer.outcome, answer.error) == (Outcome.CONFIGURATION, "address_refused")


@pytest.mark.parametrize(
    "url", [f"http://a.example/{SECRET}", f"https://localhost/{SECRET}", f"https://{SECRET}@a/"]
)
def test_a_url_that_must_not_be_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(SettingInvalid, match="MONITORING_DAGSTER_WEBHOOK_URL") as caught:
        WebhookChannel(url, clock=noon)
    assert SECRET not in str(caught.value)


def test_neither_url_nor_secret_is_shown() -> None:
    channel = WebhookChannel(f"https://a.example/{SECRET}", SECRET, clock=noon)
    assert SECRET not in repr(channel)


def test_what_was_sent_cannot_be_found_edited_or_given_a_picture() -> None:
    channel = WebhookChannel("https://a.example/", clock=noon)
    assert not channel.can_look
    assert channel.find("#x", KEY, since=NOON).look is Look.FAILED
    assert channel.edit("#x", KEY, message(), key=KEY).outcome is Outcome.CLOSED
    assert channel.attach("#x", PICTURE, key=KEY, thread=KEY).outcome is Outcome.CONTENT
