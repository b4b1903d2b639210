"""Fixtures for every folder whose tests need a Slack: import them in its conftest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.slack.clock import HandClock
from tests.slack.server import running_slack
from tests.slack.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Slack:
    """A workspace with one app, which is in one channel, and where it is served.

    Args:
        workspace: its state, faults, limits and people.
        url: slack_sdk's `base_url`.
        token: of the app.
        channel: id of `#model-alerts`.
        clock: by which the workspace lives; it stands still until a test moves it.
    """

    workspace: Workspace
    url: str
    token: str
    channel: str
    clock: HandClock


def furnished(clock: HandClock) -> tuple[Workspace, str, str]:
    """A workspace, the token of an app, and the id of the channel `#model-alerts` it is in."""
    workspace = Workspace(clock)
    token = workspace.install()
    return workspace, token, workspace.add_channel("model-alerts", bots=[token])


@pytest.fixture
def slack(monkeypatch: pytest.MonkeyPatch) -> Iterator[Slack]:
    """A Slack on the loopback interface, which no proxy of the environment comes between."""
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.setenv(name, "127.0.0.1,localhost")
    clock = HandClock()
    workspace, token, channel = furnished(clock)
    with running_slack(workspace) as running:
        yield Slack(workspace, running.url, token, channel, clock)
