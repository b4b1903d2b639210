"""Clients of the Slack that lies: the real one over HTTP, and the one without sockets."""

from __future__ import annotations

import logging
from typing import Any, TypeAlias

import pytest
from slack_sdk import WebClient

from tests.slack.fixtures import Slack, slack

__all__ = ["slack"]

Client: TypeAlias = Any
"""A WebClient, whose types say of every field of an answer that it may be None."""

QUIET = logging.getLogger("tests.slack.client")
QUIET.disabled = True


def web_client(slack: Slack, **changes: Any) -> WebClient:
    """slack_sdk's client over HTTP; it repeats nothing by itself."""
    settings: dict[str, Any] = {
        "token": slack.token,
        "base_url": slack.url,
        "timeout": 20,
        "retry_handlers": [],
        "logger": QUIET,
    }
    return WebClient(**settings | changes)


@pytest.fixture
def client(slack: Slack) -> WebClient:
    """A patient client."""
    return web_client(slack)


@pytest.fixture
def impatient(slack: Slack) -> WebClient:
    """A client for calls that get no answer: it gives up soon."""
    return web_client(slack, timeout=0.3)
