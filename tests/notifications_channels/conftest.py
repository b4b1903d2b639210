"""What the tests of channels share: a clock, a message in each form, and a Slack on loopback."""

from __future__ import annotations

import datetime as dt

import pytest

from monitoring_dagster.notifications.message import Form, Message, Picture
from monitoring_dagster.notifications.slack import SlackChannel
from tests.slack.fixtures import Slack, slack

__all__ = ["slack"]

NOON = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)
KEY = "MD-7F3A9C:root:1"
SECRET = "xoxb-12-VERYSECRETxyz"  # noqa: S105 - a canary
PICTURE = Picture(png=b"\x89PNG\r\n\x1a\nbytes", title="Trend", alternative="It falls.")


def noon() -> dt.datetime:
    return NOON


def message(text: str = "AUC fell", form: Form = Form.FULL) -> Message:
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": text}}]
    return Message(text, () if form is Form.TEXT else blocks, form, f"{text}\nin plain words")


@pytest.fixture
def channel(slack: Slack) -> SlackChannel:
    return slack_channel(slack)


def slack_channel(slack: Slack, **options: object) -> SlackChannel:
    given = {"clock": lambda: now(slack), "base_url": slack.url, "allow_insecure": True}
    return SlackChannel(slack.token, **{**given, "timeout": 5, **options})


def now(slack: Slack) -> dt.datetime:
    return dt.datetime.fromtimestamp(slack.clock(), dt.UTC)
