"""The Slack channel against a Slack that lies: it claims nothing that it does not know."""

from __future__ import annotations

import datetime as dt
import io
import json
import logging
import traceback
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from monitoring_dagster.egress import NothingSent, Reply
from monitoring_dagster.errors import SettingInvalid
from monitoring_dagster.notifications import markers
from monitoring_dagster.notifications.channel import Channel, Look, Outcome
from monitoring_dagster.notifications.message import Form
from monitoring_dagster.notifications.slack import MOST_PAGES, SlackChannel
from monitoring_dagster.notifications.slack_client import SlackClient
from tests.notifications_channels.conftest import (
    KEY,
    NOON,
    PICTURE,
    SECRET,
    message,
    noon,
    now,
    slack_channel,
)
from tests.slack.fixtures import Slack
from tests.slack.loopback import nobody_listening, running_loopback
from tests.slack.replies import Reply as Said
from tests.slack.state import Orphans

SILENT = ("timeout_before", "slow_then_landed")
FAULTS = {
    "429": Outcome.NOT_SENT,
    "429:date": Outcome.NOT_SENT,
    "429:missing": Outcome.NOT_SENT,
    "429:3600": Outcome.NOT_SENT,
    "500_before": Outcome.AMBIGUOUS,
    "500_after:503": Outcome.AMBIGUOUS,
    "reset_before": Outcome.AMBIGUOUS,
    "reset_after_accept": Outcome.AMBIGUOUS,
    "timeout_before": Outcome.AMBIGUOUS,
    "slow_then_landed": Outcome.AMBIGUOUS,
    "ok_false": Outcome.AMBIGUOUS,
    "ok_false:invalid_auth": Outcome.CONFIGURATION,
    "ok_false:msg_blocks_too_long": Outcome.CONTENT,
    "ok_false:never_heard_of": Outcome.CONTENT,
    "ok_false_after": Outcome.AMBIGUOUS,
    "html_200": Outcome.AMBIGUOUS,
    "html_200_after": Outcome.AMBIGUOUS,
    "truncated_json_after": Outcome.AMBIGUOUS,
    "cut_off_after": Outcome.AMBIGUOUS,
    "redirect_302": Outcome.CONFIGURATION,
}


def test_it_is_a_channel(channel: SlackChannel) -> None:
    kept: Channel = channel
    assert (kept.name, kept.can_look) == ("slack", True)


def test_a_message_lands_as_it_was_meant(slack: Slack, channel: SlackChannel) -> None:
    answer = channel.post("#model-alerts", message("<@U1> &amp; http://x.y"), key=KEY)
    assert (answer.outcome, answer.channel) == (Outcome.SENT, slack.channel)
    posted = slack.workspace.message(answer.ts)
    assert posted.parse == "none"
    assert posted.blocks[0]["block_id"] == f"md:{KEY}"
    assert posted.metadata == {
        "event_type": "monitoring_dagster",
        "event_payload": {"key": markers.marker(KEY)},
    }
    assert KEY not in json.dumps(posted.metadata)


@pytest.mark.parametrize(("fault", "outcome"), FAULTS.items(), ids=FAULTS.keys())
@pytest.mark.parametrize("method", ["chat.postMessage", "chat.update"])
def test_a_fault_is_understood_and_nothing_is_raised(
    slack: Slack, fault: str, outcome: Outcome, method: str
) -> None:
    channel = slack_channel(slack, timeout=0.15 if fault in SILENT else 5)
    ts = channel.post(slack.channel, message(), key="another").ts
    slack.workspace.faults.script([fault], methods={method})
    if method == "chat.update":
        answer = channel.edit(slack.channel, ts, message("New"), key=KEY)
    else:
        answer = channel.post(slack.channel, message(), key=KEY)
    assert answer.outcome is outcome
    assert slack.workspace.faults.scripted == 0
    if fault.startswith("429"):
        expected = {"429:date": 30.0, "429:3600": 900.0}
        assert answer.retry_after_seconds == expected.get(fault, 30.0)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_look_that_fails_never_says_that_the_message_is_absent(slack: Slack, fault: str) -> None:
    channel = slack_channel(slack, timeout=0.15 if fault in SILENT else 5)
    channel.check()
    slack.workspace.faults.script([fault], methods={"conversations.history"})
    sighting = channel.find(slack.channel, KEY, since=now(slack))
    assert sighting.look is Look.FAILED
    assert sighting.error
    assert (sighting.retry_after_seconds is not None) == fault.startswith("429")


@pytest.mark.parametrize("fault", FAULTS)
def test_other_calls_fail_without_raising(slack: Slack, fault: str) -> None:
    channel = slack_channel(slack, timeout=0.15 if fault in SILENT else 5)
    ts = channel.post(slack.channel, message(), key=KEY).ts
    slack.workspace.faults.rate(1.0, [fault], seed=1)
    assert channel.check().answer.outcome is not Outcome.SENT
    assert channel.reactions(slack.channel, ts).answer.outcome is not Outcome.SENT
    assert channel.permalink(slack.channel, ts) == ""
    attached = channel.attach(slack.channel, PICTURE, key=KEY, thread=ts)
    assert attached.outcome not in (Outcome.SENT, Outcome.AMBIGUOUS)
    assert channel.find("#elsewhere", KEY, since=now(slack)).look is Look.FAILED


def test_nobody_listening_means_not_sent() -> None:
    with nobody_listening() as address:
        channel = SlackChannel(SECRET, clock=noon, base_url=address, allow_insecure=True)
        answer = channel.post("#x", message(), key=KEY)
    assert (answer.outcome, answer.error) == (Outcome.NOT_SENT, "unreachable")


@pytest.mark.parametrize(
    "body",
    ["[]", '"ok"', "null", "{", "", '{"ok": true}', '{"ok": 3}', "[" * 100_000, "NaN", "\udcff"],
    ids=lambda body: f"{body[:12]!a}",
)
def test_an_answer_of_any_shape_is_doubtful(body: str) -> None:
    said = Said(body.encode("utf-8", "surrogateescape"))
    with running_loopback(lambda _: said) as address:
        channel = SlackChannel(SECRET, clock=noon, base_url=address, allow_insecure=True)
        answer = channel.post("#x", message(), key=KEY)
        sighting = channel.find("C0123", KEY, since=NOON)
    assert answer.outcome is Outcome.AMBIGUOUS
    assert sighting.look is Look.FAILED


@pytest.mark.parametrize("method", ["chat.postMessage", "conversations.list", "auth.test"])
def test_a_redirect_never_carries_the_token_to_another_host(
    slack: Slack, channel: SlackChannel, method: str
) -> None:
    slack.workspace.faults.rate(1.0, ["redirect_302"], seed=1, methods={method})
    assert channel.post("#nowhere", message(), key=KEY).outcome is Outcome.CONFIGURATION
    assert channel.edit("#nowhere", "1.1", message(), key=KEY).outcome is not Outcome.SENT
    channel.check()
    assert slack.workspace.elsewhere == []


def test_a_redirect_of_an_upload_is_not_followed(slack: Slack, channel: SlackChannel) -> None:
    ts = channel.post(slack.channel, message(), key=KEY).ts
    slack.workspace.faults.script(["redirect_302"], methods={"upload"})
    answer = channel.attach(slack.channel, PICTURE, key=KEY, thread=ts)
    assert (answer.outcome, answer.error) == (Outcome.NOT_SENT, "http_302")
    assert slack.workspace.elsewhere == []


def test_a_call_is_made_once_even_where_its_answer_is_lost(
    slack: Slack, channel: SlackChannel
) -> None:
    slack.workspace.faults.script(["reset_after_accept"])
    channel.post(slack.channel, message(), key=KEY)
    assert len(slack.workspace.landed) == 1


@pytest.mark.parametrize("form", Form)
@pytest.mark.parametrize("in_thread", [False, True], ids=["a root", "a reply"])
@pytest.mark.parametrize("named", [False, True], ids=["by id", "by name"])
def test_a_message_is_found_in_every_form(
    slack: Slack, channel: SlackChannel, form: Form, in_thread: bool, named: bool
) -> None:
    root = channel.post(slack.channel, message(), key="root").ts
    thread = root if in_thread else None
    answer = channel.post(slack.channel, message(form=form), key=KEY, thread=thread)
    destination = "#model-alerts" if named else slack.channel
    sighting = slack_channel(slack).find(destination, KEY, since=now(slack), thread=thread)
    assert (sighting.look, sighting.ts) == (Look.FOUND, answer.ts)
    assert sighting.channel == slack.channel
    assert channel.find(destination, "other", since=now(slack)).look is Look.ABSENT


@pytest.mark.parametrize(
    "left", ["metadata", "blocks", "text"], ids=lambda name: f"only by its {name}"
)
def test_a_message_is_found_by_each_marker_alone(
    slack: Slack, channel: SlackChannel, left: str
) -> None:
    ts = channel.post(slack.channel, message(), key=KEY).ts
    posted = slack.workspace.message(ts)
    posted.metadata = posted.metadata if left == "metadata" else None
    posted.blocks = posted.blocks if left == "blocks" else []
    posted.text = f"AUC fell\n{markers.word(KEY)}" if left == "text" else "AUC fell"
    assert channel.find(slack.channel, KEY, since=now(slack)).ts == ts


def test_metadata_that_slack_hides_is_not_needed(slack: Slack, channel: SlackChannel) -> None:
    slack.workspace.habits.hides_metadata_without_scope = True
    ts = channel.post(slack.channel, message(), key=KEY).ts
    assert channel.find(slack.channel, KEY, since=now(slack)).ts == ts


def test_what_somebody_else_writes_is_not_the_message(slack: Slack, channel: SlackChannel) -> None:
    person = slack.workspace.add_user("mallory")
    slack.workspace.human.post(person, slack.channel, f"AUC fell\n{markers.word(KEY)}")
    assert channel.find(slack.channel, KEY, since=now(slack)).look is Look.ABSENT


def test_a_message_is_found_on_a_later_page(slack: Slack, channel: SlackChannel) -> None:
    slack.workspace.limits.lift()
    slack.workspace.limits.objects_per_page = 15
    person = slack.workspace.add_user("chatty")
    since, ts = now(slack), channel.post(slack.channel, message(), key=KEY).ts
    root = channel.post(slack.channel, message(), key="root").ts
    for number in range(100):
        slack.workspace.human.post(person, slack.channel, f"message {number}")
        slack.workspace.human.reply(person, root, f"reply {number}")
    reply = channel.post(slack.channel, message(), key="reply", thread=root).ts
    assert channel.find(slack.channel, KEY, since=since).ts == ts
    assert channel.find(slack.channel, "reply", since=since, thread=root).ts == reply
    assert channel.find(slack.channel, "none", since=since).look is Look.ABSENT


def test_beyond_the_last_page_nothing_is_said_to_be_absent() -> None:
    page = {
        "ok": True,
        "user_id": "U1",
        "messages": [],
        "has_more": True,
        "response_metadata": {"next_cursor": "x"},
    }
    calls: list[str] = []

    def send(url: str, **_: Any) -> Reply:
        calls.append(url)
        return Reply(200, {}, json.dumps(page).encode())

    channel = SlackChannel(SECRET, clock=noon, send=send)
    sighting = channel.find("C0123", KEY, since=NOON)
    assert (sighting.look, sighting.error) == (Look.FAILED, "too_many_pages")
    assert len(calls) == MOST_PAGES + 1


def test_a_page_that_leads_nowhere_says_nothing_of_absence() -> None:
    page = b'{"ok": true, "user_id": "U1", "messages": [], "has_more": true}'
    channel = SlackChannel(SECRET, clock=noon, send=lambda *_, **__: Reply(200, {}, page))
    assert channel.find("C0123", KEY, since=NOON).look is Look.FAILED


def test_looking_begins_five_minutes_before_it_was_first_sent() -> None:
    asked: list[bytes] = []

    def send(url: str, body: bytes, **_: Any) -> Reply:
        asked.append(body)
        return Reply(200, {}, b'{"ok": true, "user_id": "U1", "messages": []}')

    assert SlackChannel(SECRET, clock=noon, send=send).find("C0123", KEY, since=NOON)
    oldest = f"{(NOON - dt.timedelta(minutes=5)).timestamp():.6f}"
    assert f"oldest={oldest}".encode() in asked[-1]


@pytest.mark.parametrize("scope", ["channels:history", "channels:read"])
def test_a_missing_scope_fails_the_look(slack: Slack, channel: SlackChannel, scope: str) -> None:
    app = slack.workspace.app(slack.token)
    app.scopes -= {scope}
    destination = slack.channel if scope == "channels:history" else "#model-alerts"
    sighting = channel.find(destination, KEY, since=now(slack))
    assert (sighting.look, sighting.error) == (Look.FAILED, "missing_scope")


def test_a_look_that_comes_too_often_says_how_long_to_wait(slack: Slack) -> None:
    slack.workspace.limits.distributed_outside_the_marketplace()
    channel = slack_channel(slack)
    assert channel.find(slack.channel, KEY, since=now(slack)).look is Look.ABSENT
    sighting = channel.find(slack.channel, KEY, since=now(slack))
    assert (sighting.look, sighting.error) == (Look.FAILED, "ratelimited")
    assert sighting.retry_after_seconds == 60


def test_a_channel_that_is_not_there_fails_the_look(channel: SlackChannel) -> None:
    sighting = channel.find("#no-such-channel", KEY, since=NOON)
    assert (sighting.look, sighting.error) == (Look.FAILED, "channel_not_found")


def test_a_reply_that_lost_its_thread_is_found_in_the_channel(
    slack: Slack, channel: SlackChannel
) -> None:
    root = channel.post(slack.channel, message(), key="root").ts
    slack.workspace.human.delete(root)
    answer = channel.post(slack.channel, message(), key=KEY, thread=root)
    assert (answer.outcome, answer.error) == (Outcome.SENT, "unthreaded")
    sighting = channel.find(slack.channel, KEY, since=now(slack), thread=root)
    assert (sighting.look, sighting.ts) == (Look.FOUND, answer.ts)
    assert channel.find(slack.channel, "no", since=now(slack), thread=root).look is Look.ABSENT


def test_a_reply_to_nothing_is_gone_where_slack_refuses_it(
    slack: Slack, channel: SlackChannel
) -> None:
    slack.workspace.habits.orphans = Orphans.REFUSED
    answer = channel.post(slack.channel, message(), key=KEY, thread="1.000001")
    assert answer.outcome is Outcome.GONE


@pytest.mark.parametrize("form", Form)
def test_an_edit_replaces_everything_and_keeps_the_markers(
    slack: Slack, channel: SlackChannel, form: Form
) -> None:
    ts = channel.post("#model-alerts", message("Open"), key=KEY).ts
    for _ in range(2):
        answer = slack_channel(slack).edit("#model-alerts", ts, message("Over", form), key=KEY)
        assert (answer.outcome, answer.ts, answer.channel) == (Outcome.SENT, ts, slack.channel)
    assert "Open" not in slack.workspace.rendered_text(ts).shown
    assert "Over" in slack.workspace.rendered_text(ts).shown
    assert channel.find(slack.channel, KEY, since=now(slack)).ts == ts
    assert len(slack.workspace.visible()[slack.channel]) == 1


def test_an_edit_says_that_the_message_is_gone_or_closed(
    slack: Slack, channel: SlackChannel
) -> None:
    ts = channel.post(slack.channel, message(), key=KEY).ts
    slack.workspace.habits.edit_window_seconds = -1
    assert channel.edit(slack.channel, ts, message("b"), key=KEY).outcome is Outcome.CLOSED
    slack.workspace.human.delete(ts)
    assert channel.edit(slack.channel, ts, message("b"), key=KEY).outcome is Outcome.GONE


def test_a_picture_comes_into_the_thread(slack: Slack, channel: SlackChannel) -> None:
    ts = channel.post("#model-alerts", message(), key=KEY).ts
    answer = channel.attach("#model-alerts", PICTURE, key=KEY, thread=ts)
    assert answer.outcome is Outcome.SENT
    (root,) = slack.workspace.visible()[slack.channel]
    assert root.replies[0].files == (PICTURE.title,)
    odd = replace(PICTURE, title="half \ud83d", alternative="\udcff" * 2_000)
    assert channel.attach(slack.channel, odd, key="b", thread=ts).outcome is Outcome.SENT


@pytest.mark.parametrize(
    "url",
    ["https://evil.example/up", "http://files.slack.com/up", "https://files.slack.com@evil/"],
)
def test_a_picture_goes_to_no_foreign_address(url: str) -> None:
    sent: list[str] = []

    def send(to: str, **_: Any) -> Reply:
        sent.append(to)
        answer = {"ok": True, "file_id": "F1", "upload_url": url}
        return Reply(200, {}, json.dumps(answer).encode())

    channel = SlackChannel(SECRET, clock=noon, send=send)
    answer = channel.attach("C0123", PICTURE, key=KEY, thread="1.1")
    assert (answer.outcome, answer.error) == (Outcome.CONFIGURATION, "upload_url_refused")
    assert sent == ["https://slack.com/api/files.getUploadURLExternal"]


def test_the_token_goes_to_slack_and_not_to_the_upload() -> None:
    seen: dict[str, str] = {}

    def send(to: str, headers: dict[str, str], **_: Any) -> Reply:
        seen[to] = json.dumps(headers)
        answer = {"ok": True, "file_id": "F1", "upload_url": "https://files.slack.com/up"}
        return Reply(200, {}, json.dumps(answer).encode())

    channel = SlackChannel(SECRET, clock=noon, send=send)
    assert channel.attach("C0123", PICTURE, key=KEY, thread="1.1").outcome is Outcome.SENT
    assert SECRET in seen["https://slack.com/api/files.completeUploadExternal"]
    assert SECRET not in seen["https://files.slack.com/up"]


def test_a_fixed_channel_takes_everything(slack: Slack) -> None:
    other = slack.workspace.add_channel("fallback", bots=[slack.token])
    channel = slack_channel(slack, always_to="#fallback", name="slack_second")
    answer = channel.post("#model-alerts", message(), key=KEY)
    assert answer.channel == other
    assert channel.find(slack.channel, KEY, since=now(slack)).ts == answer.ts
    assert channel.edit(slack.channel, answer.ts, message("b"), key=KEY).channel == other


def test_a_renamed_channel_is_still_known_by_its_id(slack: Slack, channel: SlackChannel) -> None:
    channel.post("#model-alerts", message(), key="a")
    slack.workspace.human.rename(slack.channel, "other-name")
    assert channel.post("#model-alerts", message(), key="b").outcome is Outcome.SENT


def test_permalink_reactions_and_check(slack: Slack, channel: SlackChannel) -> None:
    ts = channel.post("#model-alerts", message(), key=KEY).ts
    person = slack.workspace.add_user("ada")
    slack.workspace.human.react(person, ts, "eyes")
    assert channel.permalink("#model-alerts", ts).startswith("https://")
    (reaction,) = channel.reactions("#model-alerts", ts).reactions
    assert (reaction.name, reaction.users) == ("eyes", (person,))
    checked = channel.check()
    assert (checked.team, checked.user) == ("Monitoring", slack.workspace.app(slack.token).user)
    assert "chat:write" in checked.scopes
    assert checked.server_at == now(slack).replace(microsecond=0)


@pytest.mark.parametrize(
    "url",
    [
        "http://slack.com/api/",
        "https://slack.com.evil.example/api/",
        "https://evilslack.com/api/",
        "https://user:xoxb@slack.com/api/",
        "http://127.0.0.1:9/api/",
        "ftp://slack.com/api/",
        "https://slack.com\\@evil/",
        "https://slack.com:port/",
        "slack.com",
    ],
)
def test_a_base_url_elsewhere_is_refused(url: str) -> None:
    with pytest.raises(SettingInvalid, match="MONITORING_DAGSTER_SLACK_BASE_URL") as caught:
        SlackChannel(SECRET, clock=noon, base_url=url)
    assert "xoxb" not in str(caught.value)


def test_insecure_means_this_machine_and_no_other() -> None:
    with pytest.raises(SettingInvalid, match="in the clear"):
        SlackChannel(SECRET, clock=noon, base_url="http://10.0.0.1/", allow_insecure=True)
    with pytest.raises(SettingInvalid, match=r"evil\.example"):
        SlackChannel(SECRET, clock=noon, base_url="https://evil.example/", allow_insecure=True)


@pytest.mark.parametrize("token", ["", "xoxb 1", "xoxb-1\r\nX: y", "xoxb-ü"], ids=ascii)
def test_a_token_that_could_end_a_header_is_refused_and_not_shown(token: str) -> None:
    with pytest.raises(SettingInvalid) as caught:
        SlackChannel(token, clock=noon)
    assert not token or token not in str(caught.value)


def _refuse(*_: Any, **__: Any) -> Reply:
    raise NothingSent("unreachable")


def _echo(*_: Any, headers: dict[str, str], **__: Any) -> Reply:
    """A server that says back all that it is told."""
    answer = {"ok": False, "error": SECRET, "channel": SECRET, "needed": json.dumps(headers)}
    return Reply(200, {"x-oauth-scopes": SECRET, "date": SECRET}, json.dumps(answer).encode())


@pytest.mark.parametrize("send", [_refuse, _echo])
def test_the_token_is_in_no_repr_answer_log_or_exception(
    send: Callable[..., Reply], caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    root, level = logging.getLogger(), logging.getLogger().level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        channel = SlackChannel(SECRET, clock=noon, send=send)
        told = [
            channel.post("#x", message("Private words"), key=KEY),
            channel.find("#x", KEY, since=NOON),
            channel.edit("C0123", "1.1", message(), key=KEY),
            channel.attach("C0123", PICTURE, key=KEY, thread="1.1"),
            channel.reactions("C0123", "1.1"),
            channel.permalink("C0123", "1.1"),
            channel.check(),
            channel,
            vars(channel)["_client"],
        ]
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
    written = repr(told) + stream.getvalue() + caplog.text + "".join(capsys.readouterr())
    assert SECRET not in written
    assert "Private words" not in written


def test_an_error_of_our_own_does_not_show_the_token() -> None:
    def broken(*_: Any, **__: Any) -> Reply:
        raise RuntimeError("a bug")

    client = SlackClient(SECRET, clock=noon, send=broken)
    with pytest.raises(RuntimeError, match="a bug") as caught:
        client.call(lambda one: one.auth_test())
    shown = "".join(traceback.format_exception(caught.value))
    assert SECRET not in shown


def test_proxies_of_the_environment_are_never_used_for_this_machine(
    slack: Slack, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    channel = slack_channel(slack, proxy="http://127.0.0.1:1")
    assert channel.post(slack.channel, message(), key=KEY).outcome is Outcome.SENT
