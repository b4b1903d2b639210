"""What the doctor finds about the way of alerts to people, without posting anything."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from monitoring_dagster.notifications import probe
from monitoring_dagster.notifications.advice import NEEDED, what_to_do
from monitoring_dagster.notifications.channel import Outcome
from monitoring_dagster.notifications.configuration import channels_from_environment
from monitoring_dagster.notifications.message import Form
from monitoring_dagster.store import Store, outbox
from tests.doctor.conftest import Patient
from tests.slack.fixtures import Slack

MANIFEST = Path(__file__).parents[2] / "deploy" / "slack" / "manifest.yaml"


def test_a_deployment_without_slack_is_well_and_says_where_messages_go(patient: Patient) -> None:
    found = patient.findings()
    assert all(finding.is_well for finding in found.values()), found
    assert found["slack"].text.startswith("not connected: messages are written to FileChannel(")
    assert "notifications/messages.jsonl" in found["slack"].text
    assert found["fallbacks"].text == "none is needed: the file is the first way and the last"
    assert found["outbox"].text == "nobody is owed anything yet"


def test_a_connected_deployment_names_team_scopes_and_channels(connected: Patient) -> None:
    found = connected.findings()
    assert found["slack"].text == "team Monitoring as @monitoring, with every scope"
    assert found["slack clock"].text == "differs from Slack's by 0 s"
    assert found["slack #model-alerts"].text == "#model-alerts (C00000001), the bot is in it"
    assert all(finding.is_well for finding in found.values()), found


def test_scopes_that_are_missing_are_named_with_what_they_are_for(
    connected: Patient, slack: Slack
) -> None:
    slack.workspace.app(slack.token).scopes -= {"reactions:read", "files:write"}
    finding = connected.findings()["slack"]
    assert not finding.is_well
    assert finding.text == (
        "scopes are missing: reactions:read (takes 👀, 🔕 and ✅ as answers), files:write (puts "
        "pictures into threads); add what is missing under OAuth & Permissions at "
        "api.slack.com/apps, and reinstall the app"
    )


def test_a_token_that_is_no_good_is_told_by_its_variable_and_never_shown(
    connected: Patient,
) -> None:
    connected.env["MONITORING_DAGSTER_SLACK_TOKEN"] = "xoxb-1-wrong"  # noqa: S105 - a canary
    found = connected.findings()
    assert found["slack"].text.startswith(
        "MONITORING_DAGSTER_SLACK_TOKEN: invalid_auth: the token is none of this workspace: copy"
    )
    assert "xoxb-1-wrong" not in str(found)


def test_settings_that_cannot_be_used_are_told_once(connected: Patient) -> None:
    connected.env["MONITORING_DAGSTER_WEBHOOK_URL"] = "http://example.org"
    found = connected.findings()
    problems = [f.text for f in found.values() if "MONITORING_DAGSTER_WEBHOOK_URL" in f.text]
    assert len(problems) == 1
    assert not found["slack"].is_well


def test_every_channel_that_a_monitor_names_is_looked_for(connected: Patient, slack: Slack) -> None:
    slack.workspace.add_channel("flights")
    document = connected.home / "monitors" / "small.yaml"
    with document.open("a", encoding="utf-8") as file:
        file.write(
            "alerting:\n  channel: '#flights'\n"
            "  escalation:\n    - {after_hours: 1, channel: '#nowhere'}\n"
        )
    found = connected.findings()
    assert found["slack #model-alerts"].is_well
    assert found["slack #flights"].text == (
        "not_in_channel: in #flights, write /invite @monitoring"
    )
    assert found["slack #nowhere"].text.startswith(
        "channel_not_found: there is no #nowhere that the bot can see: check the name, and invite"
    )


def test_a_channel_that_was_archived_is_told(connected: Patient, slack: Slack) -> None:
    slack.workspace.human.archive(slack.channel)
    assert connected.findings()["slack #model-alerts"].text == (
        "is_archived: unarchive #model-alerts, or name another channel"
    )


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        pytest.param(-29, "differs from Slack's by 29 s", id="half a minute is nothing"),
        pytest.param(-45, "this clock is 45 s behind Slack's: set it by NTP", id="it is behind"),
        pytest.param(45, "this clock is 45 s ahead of Slack's: set it by NTP", id="it is ahead"),
    ],
)
def test_a_clock_that_is_wrong_is_noticed(
    connected: Patient, slack: Slack, seconds: float, told: str
) -> None:
    clock = type(slack.clock)(slack.clock() + seconds)
    connected.clock = clock
    assert connected.findings()["slack clock"].text.startswith(told)


def test_a_second_channel_is_a_fallback_that_is_looked_at_too(
    connected: Patient, slack: Slack
) -> None:
    slack.workspace.add_channel("backup", bots=[slack.token])
    assert connected.findings()["fallbacks"].text.startswith("file only, where nobody looks")
    connected.env["MONITORING_DAGSTER_SLACK_SECOND_CHANNEL"] = "#backup"
    found = connected.findings()
    assert found["fallbacks"].text == "slack_second, then file"
    assert found["slack_second #backup"].is_well


def test_what_names_no_channel_goes_to_the_one_that_the_doctor_looks_at(
    connected: Patient, slack: Slack
) -> None:
    channel = channels_from_environment(connected.env, connected.home, connected.clock.now).primary
    message = probe.message(form=Form.FULL, key="k", ref="TEST-1")
    answer = channel.post("", message, key="k")
    assert (answer.outcome, answer.channel) == (Outcome.SENT, slack.channel)
    assert channel.find("", "k", since=connected.clock.now()).ts == answer.ts
    assert channel.edit("", answer.ts, message, key="k").outcome is Outcome.SENT


def owe(patient: Patient, minutes: float) -> None:
    store = Store(patient.settings.store_url)
    store.upgrade()
    at = patient.clock.now() - dt.timedelta(minutes=minutes)
    about: dict[str, Any] = {"kind": "escalation", "incident_id": None, "digest_id": None}
    row = {"key": "one", "destination": "", "priority": "P2", "payload": "{}", **about}
    row |= {"created_at": at, "next_at": at}
    store.write(lambda connection: outbox.enqueue(connection, [row]))


def test_messages_that_wait_are_counted_and_those_that_wait_too_long_are_told(
    connected: Patient,
) -> None:
    owe(connected, minutes=14)
    assert connected.findings()["outbox"].text.startswith("1 messages wait, the oldest since 02:")
    connected.wait(120)
    finding = connected.findings()["outbox"]
    assert not finding.is_well
    assert finding.text.startswith("1 messages are overdue, the oldest since 2026-02-02 02:26 UTC")


def test_the_manifest_is_one_that_slack_takes_and_asks_for_what_is_needed() -> None:
    manifest = YAML(typ="safe", pure=True).load(MANIFEST)
    assert set(manifest) == {
        "_metadata",
        "display_information",
        "features",
        "oauth_config",
        "settings",
    }
    shown = manifest["display_information"]
    assert len(shown["name"]) <= 35
    assert len(shown["description"]) <= 140
    assert len(manifest["features"]["bot_user"]["display_name"]) <= 80
    assert manifest["features"]["bot_user"]["display_name"] == "monitoring"
    assert set(manifest["oauth_config"]["scopes"]["bot"]) == set(NEEDED)
    # Tokens that rotate, sockets and request URLs would need what nobody here provides.
    assert set(manifest["settings"].values()) == {False}


@pytest.mark.parametrize(
    "error",
    ["restricted_action_read_only_channel", "http_503", "a_word_that_is_new", "unreachable"],
)
def test_there_is_advice_for_every_refusal(error: str) -> None:
    told = what_to_do(error, place="#alerts")
    assert told
    assert "{" not in told
