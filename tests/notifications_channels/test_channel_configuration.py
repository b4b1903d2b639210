"""The environment gives the channels and their order; what it holds secret is shown nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from monitoring_dagster.errors import SettingInvalid
from monitoring_dagster.notifications import configuration
from monitoring_dagster.notifications.configuration import channels_from_environment
from monitoring_dagster.notifications.variables import MEANING
from tests.notifications_channels.conftest import SECRET, noon
from tests.slack.workspace import SCOPES

P = "MONITORING_DAGSTER_"
SLACK = {P + "SLACK_TOKEN": SECRET}
WEBHOOK = {P + "WEBHOOK_URL": f"https://hooks.example.org/{SECRET}", P + "WEBHOOK_SECRET": SECRET}
MAIL = {
    P + "SMTP_URL": f"smtps://me:{SECRET}@mail.example.org",
    P + "SMTP_FROM": "watch@example.org",
    P + "SMTP_TO": "a@example.org, b@example.org",
}


@pytest.mark.parametrize(
    ("env", "names"),
    [
        ({}, ["file"]),
        (SLACK, ["slack", "file"]),
        (SLACK | {P + "SLACK_SECOND_CHANNEL": "#b"}, ["slack", "slack_second", "file"]),
        (WEBHOOK | MAIL, ["webhook", "mail", "file"]),
        (MAIL, ["mail", "file"]),
        (
            {
                **MAIL,
                **WEBHOOK,
                **SLACK,
                P + "SLACK_SECOND_TOKEN": SECRET,
                P + "SLACK_SECOND_CHANNEL": "#b",
            },
            ["slack", "slack_second", "webhook", "mail", "file"],
        ),
    ],
    ids=[
        "nothing is set",
        "Slack alone",
        "a second channel",
        "no Slack",
        "mail alone",
        "everything",
    ],
)
def test_the_channels_stand_in_their_order(
    env: dict[str, str], names: list[str], tmp_path: Path
) -> None:
    channels = channels_from_environment(env, tmp_path, noon)
    assert [channel.name for channel in channels.every] == names
    assert channels.primary.name == names[0]
    assert channels.named("file") is channels.every[-1]
    assert channels.named("pigeon") is None
    assert SECRET not in repr(channels)


def test_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"{SECRET}\n")
    env = {P + "SLACK_TOKEN_FILE": str(tmp_path / "token")}
    assert channels_from_environment(env, tmp_path, noon).primary.name == "slack"


def test_the_rest_is_taken_over(tmp_path: Path) -> None:
    env = {
        P + "SLACK_CHANNEL": "#flight-delay",
        P + "SLACK_APPROVERS": "U0123, W0456",
        P + "HEARTBEAT_URL": f"https://hc.example.org/{SECRET}",
    }
    channels = channels_from_environment(env, tmp_path, noon)
    assert channels.default_destination == "#flight-delay"
    assert channels.approvers == {"U0123", "W0456"}
    assert channels.heartbeat_url.endswith(SECRET)
    assert SECRET not in repr(channels)


def test_without_a_heartbeat_nothing_is_called(tmp_path: Path) -> None:
    assert channels_from_environment({}, tmp_path, noon).heartbeat() == "off"


@pytest.mark.parametrize(
    ("env", "variable"),
    [
        ({P + "SLACK_TOKEN": f"{SECRET}\n{SECRET}"}, "SLACK_TOKEN"),
        ({P + "SLACK_TOKEN": f"{SECRET} {SECRET}"}, "SLACK_TOKEN"),
        ({P + "SLACK_TOKEN": "  "}, "SLACK_TOKEN"),
        ({P + "SLACK_TOKEN_FILE": "/no/such/file"}, "SLACK_TOKEN_FILE"),
        (SLACK | {P + "SLACK_BASE_URL": f"https://{SECRET}@evil.example/"}, "SLACK_BASE_URL"),
        (SLACK | {P + "SLACK_BASE_URL": "http://127.0.0.1:1/"}, "SLACK_BASE_URL"),
        (SLACK | {P + "SLACK_ALLOW_INSECURE": "perhaps"}, "SLACK_ALLOW_INSECURE"),
        ({P + "SLACK_SECOND_TOKEN": SECRET}, "SLACK_SECOND_CHANNEL"),
        ({P + "SLACK_SECOND_CHANNEL": "#b"}, "SLACK_TOKEN"),
        ({P + "SLACK_APPROVERS": "ada"}, "SLACK_APPROVERS"),
        ({P + "WEBHOOK_URL": f"http://hooks.example.org/{SECRET}"}, "WEBHOOK_URL"),
        (WEBHOOK | {P + "WEBHOOK_SECRET": f"a\x00{SECRET}"}, "WEBHOOK_SECRET"),
        ({P + "HEARTBEAT_URL": f"http://hc.example.org/{SECRET}"}, "HEARTBEAT_URL"),
        (MAIL | {P + "SMTP_URL": f"mail:{SECRET}@example.org"}, "SMTP_URL"),
        (MAIL | {P + "SMTP_FROM": ""}, "SMTP_FROM"),
        (MAIL | {P + "SMTP_TO": "everybody"}, "SMTP_TO"),
        (MAIL | {P + "SMTP_PASSWORD_FILE": "/no/such/file"}, "SMTP_PASSWORD_FILE"),
    ],
)
def test_an_error_names_the_variable_and_no_secret(
    env: dict[str, str], variable: str, tmp_path: Path
) -> None:
    with pytest.raises(SettingInvalid, match=P + variable) as caught:
        channels_from_environment(env, tmp_path, noon)
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("more", "proxy"),
    [
        ({}, None),
        ({"HTTPS_PROXY": "http://proxy:1"}, "http://proxy:1"),
        ({"https_proxy": "http://proxy:1", "no_proxy": "a.example,.slack.com"}, None),
        ({"https_proxy": "http://proxy:1", "NO_PROXY": "*"}, None),
        ({"https_proxy": "http://proxy:1", "no_proxy": "notslack.com"}, "http://proxy:1"),
    ],
)
def test_slack_is_reached_by_the_proxy_that_the_environment_names(
    more: dict[str, str], proxy: str | None
) -> None:
    assert configuration._proxy(more, "https://slack.com/api/") == proxy


def test_every_variable_that_is_read_has_a_meaning() -> None:
    names = {
        value
        for name, value in vars(configuration).items()
        if name.isupper() and isinstance(value, str) and value.startswith(P)
    }
    assert names == set(MEANING)
    assert all(text.endswith(".") and len(text) <= 100 for text in MEANING.values())


def test_the_manifest_asks_for_what_is_in_use_and_no_more() -> None:
    text = (Path(__file__).parents[2] / "deploy/slack/manifest.yaml").read_text(encoding="utf-8")
    manifest = YAML(typ="safe", pure=True).load(text)
    scopes = set(manifest["oauth_config"]["scopes"]["bot"])
    assert scopes == SCOPES - {"channels:join", "users:read"}
    assert "request_url" not in text
