"""`doctor --live`: a test message in a Slack that lies, and what people are told to do."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import pytest
from typer.testing import CliRunner

from monitoring_dagster.cli import app
from monitoring_dagster.doctor import Finding
from tests.doctor.conftest import Patient
from tests.slack.fixtures import Slack

STEPS = [
    "live",
    "live: post in #model-alerts",
    "live: find it again",
    "live: its marks",
    "live: read reactions",
    "live: edit it",
    "live: delete it",
]


def ill(findings: Sequence[Finding]) -> dict[str, str]:
    return {f.what.removeprefix("live: "): f.text for f in findings if not f.is_well}


def seen(slack: Slack) -> int:
    return sum(map(len, slack.workspace.visible().values()))


def test_the_test_message_is_posted_found_edited_and_deleted(
    connected: Patient, slack: Slack
) -> None:
    tried = connected.tried()
    assert [finding.what for finding in tried] == STEPS
    assert ill(tried) == {}
    written = [landing.method for landing in slack.workspace.landed]
    assert written == ["chat.postMessage", "chat.update", "chat.delete"]
    assert seen(slack) == 0
    marks = next(f.text for f in tried if f.what == "live: its marks")
    assert marks == "found by metadata and the id of its first block"


def test_without_a_token_there_is_nothing_to_try(patient: Patient) -> None:
    (finding,) = patient.tried()
    assert not finding.is_well
    assert "there is no Slack to try: set MONITORING_DAGSTER_SLACK_TOKEN" in finding.text


@pytest.mark.parametrize(
    ("scope", "step", "told"),
    [
        pytest.param(
            "chat:write",
            "post in #model-alerts",
            "missing_scope: it needs chat:write: add what is missing under OAuth & Permissions",
            id="it may not write",
        ),
        pytest.param(
            "channels:history",
            "find it again",
            "Until then a message whose answer is lost is sent again after 15 minutes",
            id="it may not read the channel",
        ),
        pytest.param(
            "reactions:read",
            "read reactions",
            "missing_scope: it needs reactions:read: ",
            id="it may not read reactions",
        ),
    ],
)
def test_a_scope_that_is_missing_is_named(
    connected: Patient, slack: Slack, scope: str, step: str, told: str
) -> None:
    slack.workspace.app(slack.token).scopes -= {scope, scope.replace("channels", "groups")}
    problems = ill(connected.tried())
    assert list(problems) == [step]
    assert told in problems[step]
    assert seen(slack) == 0


def test_a_bot_that_is_not_in_the_channel_is_to_be_invited(
    connected: Patient, slack: Slack
) -> None:
    slack.workspace.human.remove(slack.workspace.app(slack.token), slack.channel)
    problems = ill(connected.tried())
    assert problems == {
        "post in #model-alerts": "not_in_channel: in #model-alerts, write /invite @monitoring"
    }


def test_a_token_that_was_revoked_is_said_in_words_and_not_shown(
    connected: Patient, slack: Slack
) -> None:
    slack.workspace.app(slack.token).error = "token_revoked"
    problems = ill(connected.tried())
    assert problems["post in #model-alerts"].startswith("token_revoked: the token was revoked: ")
    assert slack.token not in str(problems)


def test_metadata_that_cannot_be_read_back_is_replaced_by_another_mark(
    connected: Patient, slack: Slack
) -> None:
    slack.workspace.habits.hides_metadata_without_scope = True
    tried = connected.tried()
    assert ill(tried) == {}
    (marks,) = [finding.text for finding in tried if finding.what == "live: its marks"]
    assert marks == (
        "the metadata cannot be read; messages are found by the id of its first block instead"
    )


def test_metadata_that_is_refused_leads_to_the_form_that_is_taken(
    connected: Patient, slack: Slack
) -> None:
    slack.workspace.habits.metadata_error = "metadata_must_be_sent_from_app"
    tried = connected.tried()
    assert ill(tried) == {}
    posted, marks = tried[1].text, tried[3].text
    assert "refused (metadata_must_be_sent_from_app), the form `text` is taken" in posted
    assert marks == "found by its last word"
    assert seen(slack) == 0


def test_a_history_that_lags_behind_is_waited_for(connected: Patient, slack: Slack) -> None:
    slack.workspace.habits.history_lag_seconds = 3
    assert ill(connected.tried()) == {}
    assert connected.pauses == [2.0, 2.0]


def test_a_message_that_is_never_found_is_deleted_all_the_same(
    connected: Patient, slack: Slack
) -> None:
    slack.workspace.habits.history_lag_seconds = 3600
    problems = ill(connected.tried())
    assert list(problems) == ["find it again"]
    assert "a message may be sent twice" in problems["find it again"]
    assert seen(slack) == 0


def test_a_message_whose_answer_is_lost_is_found_and_deleted(
    connected: Patient, slack: Slack
) -> None:
    slack.workspace.faults.script(["500_after"], methods={"chat.postMessage"})
    problems = ill(connected.tried())
    assert list(problems) == ["post in #model-alerts"]
    assert "the answer was lost (http_500): the message may be there" in str(problems)
    assert seen(slack) == 0


def test_a_message_that_got_lost_is_said_to_be_lost(connected: Patient, slack: Slack) -> None:
    slack.workspace.faults.script(["500_before"], methods={"chat.postMessage"})
    problems = ill(connected.tried())
    assert problems["the test message"] == "nobody knows where it is: look in the channel"


def test_a_message_that_cannot_be_edited_is_answered_instead(
    connected: Patient, slack: Slack
) -> None:
    slack.workspace.habits.edit_window_seconds = -1
    tried = connected.tried()
    assert ill(tried) == {}
    (edited,) = [finding.text for finding in tried if finding.what == "live: edit it"]
    assert edited == "messages cannot be edited here: what changes is said in replies instead"


def test_a_message_that_cannot_be_deleted_is_to_be_deleted_by_hand(
    connected: Patient, slack: Slack
) -> None:
    slack.workspace.faults.script(["ok_false:fatal_error"], methods={"chat.delete"})
    problems = ill(connected.tried())
    assert problems["delete it"].endswith("Delete the test message by hand")


def test_the_command_says_every_step_and_ends_with_what_is_to_be_mended(
    connected: Patient, slack: Slack, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in connected.env.items():
        monkeypatch.setenv(name, value)
    slack.clock.advance(dt.datetime.now(dt.UTC).timestamp() - slack.clock())
    slack.workspace.app(slack.token).scopes -= {"reactions:read"}
    result = CliRunner().invoke(app, ["doctor", "--live"])
    assert result.exit_code == 1
    assert "ok    live: delete it: nothing is left in the channel" in result.output
    assert "MEND  live: read reactions: missing_scope" in result.output
    assert "MEND  slack: scopes are missing: reactions:read (takes" in result.output
    assert slack.token not in result.output


def test_the_command_posts_nothing_unless_it_is_asked_to(
    connected: Patient, slack: Slack, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in connected.env.items():
        monkeypatch.setenv(name, value)
    CliRunner().invoke(app, ["doctor"])
    assert slack.workspace.calls
    assert slack.workspace.landed == []
