"""The Slack of the tests over HTTP: what slack_sdk gets of each method and of each fault."""

from __future__ import annotations

import functools
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from http.client import IncompleteRead
from typing import Any

import pytest
from slack_sdk.errors import SlackApiError, SlackRequestError
from slack_sdk.http_retry import FixedValueRetryIntervalCalculator

from tests.slack.conftest import QUIET, Client, web_client
from tests.slack.direct import direct_client
from tests.slack.fixtures import Slack
from tests.slack.loopback import nobody_listening
from tests.slack.state import Orphans
from tests.slack.workspace import SCOPES, UPLOAD

METADATA = {"event_type": "alert", "event_payload": {"key": "k1"}}
SECTION = {"type": "section", "block_id": "b1", "text": {"type": "mrkdwn", "text": "*Drift*"}}


def refusal(call: Callable[[], object]) -> Mapping[str, Any]:
    """What Slack says to a call that it refuses."""
    with pytest.raises(SlackApiError) as caught:
        call()
    data = caught.value.response.data
    assert isinstance(data, dict)
    return data


def test_a_message_keeps_its_text_blocks_and_metadata(slack: Slack, client: Client) -> None:
    answer = client.chat_postMessage(
        channel=slack.channel, text="Drift", blocks=[SECTION], metadata=METADATA
    )
    assert answer["channel"] == slack.channel
    assert answer["message"]["metadata"] == METADATA
    [root] = slack.workspace.visible()[slack.channel]
    assert (root.ts, root.text, root.blocks_text) == (answer["ts"], "Drift", "Drift")
    assert root.block_ids == ("b1",)
    assert not root.is_edited


def test_ids_increase_though_the_clock_stands_still(slack: Slack, client: Client) -> None:
    stamps = [client.chat_postMessage(channel=slack.channel, text=t)["ts"] for t in "abc"]
    slack.clock.advance(-3600)
    stamps.append(client.chat_postMessage(channel=slack.channel, text="d")["ts"])
    assert stamps == sorted(set(stamps), key=float)


@pytest.mark.parametrize("name", ["model-alerts", "#model-alerts"])
def test_a_channel_may_be_named_only_when_posting(slack: Slack, client: Client, name: str) -> None:
    answer = client.chat_postMessage(channel=name, text="Hi")
    assert answer["channel"] == slack.channel
    said = refusal(lambda: client.chat_update(channel=name, ts=answer["ts"], text="Ho"))
    assert said["error"] == "channel_not_found"


def test_a_form_and_a_multipart_body_mean_what_json_means(slack: Slack, client: Client) -> None:
    fields = {"channel": slack.channel, "text": "Größe", "metadata": '{"event_type": "a"}'}
    for sent in ({"params": fields}, {"data": fields}):
        said = refusal(lambda sent=sent: client.api_call("chat.postMessage", **sent))
        assert said["error"] == "invalid_metadata_format"
    del fields["metadata"]
    client.api_call("chat.postMessage", params=fields)
    client.api_call("chat.postMessage", data=fields)
    assert [root.text for root in slack.workspace.visible()[slack.channel]] == ["Größe"] * 2


def test_an_edit_shows_and_keeps_what_it_does_not_name(slack: Slack, client: Client) -> None:
    ts = client.chat_postMessage(
        channel=slack.channel, text="Open", blocks=[SECTION], metadata=METADATA
    )["ts"]
    client.chat_update(channel=slack.channel, ts=ts, text="Resolved")
    [root] = slack.workspace.visible()[slack.channel]
    assert (root.text, root.blocks_text, root.metadata) == ("Resolved", "Drift", METADATA)
    assert root.is_edited
    client.chat_update(channel=slack.channel, ts=ts, text="Resolved", blocks=[], metadata={})
    [root] = slack.workspace.visible()[slack.channel]
    assert (root.blocks_text, root.metadata) == ("", None)


def test_a_message_can_be_edited_only_by_its_author_and_in_time(
    slack: Slack, client: Client
) -> None:
    human = slack.workspace.add_user("ada")
    foreign = slack.workspace.human.post(human, slack.channel, "mine")
    own = client.chat_postMessage(channel=slack.channel, text="ours")["ts"]
    slack.workspace.habits.edit_window_seconds = 60
    slack.clock.advance(61)

    def edit(ts: str) -> str:
        return refusal(lambda: client.chat_update(channel=slack.channel, ts=ts, text="x"))["error"]

    assert edit(foreign) == "cant_update_message"
    assert edit(own) == "edit_window_closed"
    assert edit("1.000001") == "message_not_found"
    slack.workspace.human.delete(own)
    assert edit(own) == "message_not_found"


def test_a_deleted_root_leaves_a_mark_while_it_has_replies(slack: Slack, client: Client) -> None:
    root = client.chat_postMessage(channel=slack.channel, text="root")["ts"]
    reply = client.chat_postMessage(channel=slack.channel, text="reply", thread_ts=root)["ts"]
    slack.workspace.human.delete(root)
    [mark] = slack.workspace.visible()[slack.channel]
    assert mark.is_deleted
    assert [seen.text for seen in mark.replies] == ["reply"]
    said = refusal(lambda: client.chat_update(channel=slack.channel, ts=root, text="x"))
    assert said["error"] == "cant_update_message"
    client.chat_delete(channel=slack.channel, ts=reply)
    assert slack.workspace.visible()[slack.channel] == []


def test_a_reply_without_its_root_lands_in_the_channel_and_says_so_by_silence(
    slack: Slack, client: Client
) -> None:
    root = client.chat_postMessage(channel=slack.channel, text="root")["ts"]
    threaded = client.chat_postMessage(channel=slack.channel, text="in", thread_ts=root)
    slack.workspace.human.delete(threaded["ts"])
    slack.workspace.human.delete(root)
    stray = client.chat_postMessage(channel=slack.channel, text="out", thread_ts=root)
    assert threaded["message"]["thread_ts"] == root
    assert "thread_ts" not in stray["message"]
    assert [seen.text for seen in slack.workspace.visible()[slack.channel]] == ["out"]


def test_a_reply_without_its_root_may_be_refused_instead(slack: Slack, client: Client) -> None:
    slack.workspace.habits.orphans = Orphans.REFUSED
    message = {"channel": slack.channel, "text": "out"}
    for thread_ts, error in (("1.000001", "thread_not_found"), ("yesterday", "invalid_thread_ts")):
        call = functools.partial(client.chat_postMessage, **message, thread_ts=thread_ts)
        assert refusal(call)["error"] == error


def test_an_archived_channel_can_be_read_and_not_written(slack: Slack, client: Client) -> None:
    sent = {"channel": slack.channel, "ts": ""}
    sent["ts"] = client.chat_postMessage(channel=slack.channel, text="root")["ts"]
    slack.workspace.human.archive(slack.channel)
    assert len(client.conversations_history(channel=slack.channel)["messages"]) == 1
    assert refusal(lambda: client.chat_update(**sent, text="x"))["error"] == "is_inactive"
    assert refusal(lambda: client.chat_delete(**sent))["error"] == "is_archived"
    slack.workspace.human.unarchive(slack.channel)
    client.chat_update(**sent, text="x")


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"cursor": "bmV4"}, "invalid_cursor"),
        ({"limit": 0}, "invalid_limit"),
        ({"limit": "many"}, "invalid_limit"),
        ({"oldest": "yesterday"}, "invalid_ts_oldest"),
        ({"latest": "-1"}, "invalid_ts_latest"),
    ],
    ids=str,
)
def test_history_refuses_what_it_cannot_read(
    slack: Slack, client: Client, asked: dict[str, Any], error: str
) -> None:
    said = refusal(lambda: client.conversations_history(channel=slack.channel, **asked))
    assert said["error"] == error


def test_what_is_missing_and_what_does_not_exist_is_said(client: Client) -> None:
    said = refusal(lambda: client.api_call("chat.postMessage", json={"text": "x"}))
    assert said["response_metadata"]["messages"] == ["[ERROR] missing required field: channel"]
    assert refusal(lambda: client.api_call("chat.shout"))["error"] == "unknown_method"


def test_history_has_roots_only_newest_first_in_pages(slack: Slack, client: Client) -> None:
    slack.workspace.limits.lift()
    roots = [client.chat_postMessage(channel=slack.channel, text=str(n))["ts"] for n in range(5)]
    client.chat_postMessage(channel=slack.channel, text="reply", thread_ts=roots[0])
    pages = [
        page["messages"] for page in client.conversations_history(channel=slack.channel, limit=2)
    ]
    stamps = [[message["ts"] for message in page] for page in pages]
    assert stamps == [roots[:2:-1], roots[2:0:-1], roots[:1]]
    assert pages[-1][0]["reply_count"] == 1


def test_history_is_cut_by_time_and_shows_metadata_only_when_asked(
    slack: Slack, client: Client
) -> None:
    stamps = []
    for _ in range(3):
        slack.clock.advance(10)
        sent = client.chat_postMessage(channel=slack.channel, text="x", metadata=METADATA)
        stamps.append(sent["ts"])

    def found(**asked: Any) -> list[str]:
        answer = client.conversations_history(channel=slack.channel, **asked)
        return [message["ts"] for message in answer["messages"]]

    assert found(oldest=stamps[0]) == [stamps[2], stamps[1]]
    assert found(oldest=stamps[0], inclusive=True, latest=stamps[2]) == stamps[::-1]
    assert found(oldest=str(slack.clock() - 5)) == [stamps[2]]
    plain = client.conversations_history(channel=slack.channel)
    full = client.conversations_history(channel=slack.channel, include_all_metadata=True)
    assert "metadata" not in plain["messages"][0]
    assert full["messages"][0]["metadata"] == METADATA
    slack.workspace.habits.hides_metadata_without_scope = True
    hidden = client.conversations_history(channel=slack.channel, include_all_metadata=True)
    assert "metadata" not in hidden["messages"][0]


def test_history_may_be_behind(slack: Slack, client: Client) -> None:
    slack.workspace.habits.history_lag_seconds = 5
    client.chat_postMessage(channel=slack.channel, text="fresh")
    assert client.conversations_history(channel=slack.channel)["messages"] == []
    slack.clock.advance(5)
    assert len(client.conversations_history(channel=slack.channel)["messages"]) == 1


def test_replies_give_the_root_on_every_page(slack: Slack, client: Client) -> None:
    slack.workspace.limits.lift()
    root = client.chat_postMessage(channel=slack.channel, text="root")["ts"]
    for text in "abc":
        client.chat_postMessage(channel=slack.channel, text=text, thread_ts=root)
    pages = client.conversations_replies(channel=slack.channel, ts=root, limit=2)
    texts = [[message["text"] for message in page["messages"]] for page in pages]
    assert texts == [["root", "a", "b"], ["root", "c"]]
    said = refusal(lambda: client.conversations_replies(channel=slack.channel, ts="1.000001"))
    assert said["error"] == "thread_not_found"


def test_reactions_and_people_can_be_asked_for(slack: Slack, client: Client) -> None:
    ts = client.chat_postMessage(channel=slack.channel, text="root")["ts"]
    ada = slack.workspace.add_user("ada")
    slack.workspace.human.react(ada, ts, ":eyes:")
    answer = client.reactions_get(channel=slack.channel, timestamp=ts, full=True)
    assert answer["message"]["reactions"] == [{"name": "eyes", "users": [ada], "count": 1}]
    assert client.users_info(user=ada)["user"]["name"] == "ada"
    slack.workspace.human.unreact(ada, ts, "eyes")
    answer = client.reactions_get(channel=slack.channel, timestamp=ts)
    assert "reactions" not in answer["message"]


def test_a_file_goes_into_a_thread_in_three_calls(slack: Slack, client: Client) -> None:
    root = client.chat_postMessage(channel=slack.channel, text="root")["ts"]
    answer = client.files_upload_v2(
        channel=slack.channel,
        thread_ts=root,
        content=b"\x89PNG",
        filename="chart.png",
        title="Chart",
        alt_txt="A line that rises",
    )
    [seen] = slack.workspace.visible()[slack.channel]
    assert [reply.files for reply in seen.replies] == [("Chart",)]
    again = {"files": [{"id": answer["file"]["id"]}], "channel_id": slack.channel}
    said = refusal(lambda: client.files_completeUploadExternal(**again))
    assert said["error"] == "file_not_found"
    slack.workspace.faults.script(["500_before"], methods={UPLOAD})
    with pytest.raises((SlackRequestError, OSError)):
        client.files_upload_v2(channel=slack.channel, content=b"x", filename="x.png")


def test_a_permalink_leads_to_the_message(slack: Slack, client: Client) -> None:
    ts = client.chat_postMessage(channel=slack.channel, text="root")["ts"]
    link = client.chat_getPermalink(channel=slack.channel, message_ts=ts)["permalink"]
    assert link == f"https://monitoring.slack.com/archives/{slack.channel}/p{ts.replace('.', '')}"


def test_a_doctor_can_ask_who_it_is_what_it_may_and_what_time_it_is(
    slack: Slack, client: Client
) -> None:
    answer = client.auth_test()
    assert answer["user_id"] == slack.workspace.app(slack.token).user
    assert set(answer.headers["X-OAuth-Scopes"].split(",")) == SCOPES
    assert parsedate_to_datetime(answer.headers["Date"]).timestamp() == slack.clock()


def test_channels_are_listed_in_pages_and_private_ones_only_to_members(
    slack: Slack, client: Client
) -> None:
    workspace = slack.workspace
    hidden = workspace.add_channel("hidden", is_private=True)
    private = workspace.add_channel("private", is_private=True, bots=[slack.token])
    other = workspace.add_channel("other")
    asked = {"types": ["public_channel", "private_channel"], "limit": 2}
    pages = client.conversations_list(**asked)
    listed = [[room["id"] for room in page["channels"]] for page in pages]
    assert listed == [[slack.channel, private], [other]]
    said = refusal(lambda: client.conversations_info(channel=hidden))
    assert said["error"] == "channel_not_found"
    assert not client.conversations_info(channel=other)["channel"]["is_member"]
    assert client.conversations_join(channel=other)["channel"]["is_member"]


@pytest.mark.parametrize(
    ("prepare", "error"),
    [
        pytest.param(
            lambda s: s.workspace.app(s.token).scopes.clear(), "missing_scope", id="scope"
        ),
        pytest.param(
            lambda s: setattr(s.workspace.app(s.token), "error", "token_revoked"),
            "token_revoked",
            id="a revoked token",
        ),
        pytest.param(
            lambda s: s.workspace.human.remove(s.workspace.app(s.token), s.channel),
            "not_in_channel",
            id="a bot that was removed",
        ),
        pytest.param(lambda s: s.workspace.human.archive(s.channel), "is_archived", id="archived"),
        pytest.param(
            lambda s: s.workspace.human.rename(s.channel, "other"),
            "channel_not_found",
            id="a renamed channel, by its old name",
        ),
    ],
)
def test_what_people_change_is_refused_by_its_name(
    slack: Slack, client: Client, prepare: Callable[[Slack], object], error: str
) -> None:
    prepare(slack)
    said = refusal(lambda: client.chat_postMessage(channel="#model-alerts", text="Hi"))
    assert said["error"] == error
    assert slack.workspace.landed == []
    if error == "missing_scope":
        assert (said["needed"], said["provided"]) == ("chat:write", "")


def test_a_token_is_needed_and_checked(slack: Slack) -> None:
    for token, error in ((None, "not_authed"), ("xoxb-guessed", "invalid_auth")):
        said = refusal(web_client(slack, token=token).auth_test)
        assert said["error"] == error


def test_a_channel_takes_a_burst_and_then_one_message_a_second(
    slack: Slack, client: Client
) -> None:
    slack.workspace.limits.message_burst = 2
    for _ in range(2):
        client.chat_postMessage(channel=slack.channel, text="x")
    with pytest.raises(SlackApiError) as caught:
        client.chat_postMessage(channel=slack.channel, text="x")
    assert caught.value.response.status_code == 429
    assert caught.value.response.headers["Retry-After"] == "1"
    slack.clock.advance(1)
    client.chat_postMessage(channel=slack.channel, text="x")
    assert len(slack.workspace.landed) == 3


def test_history_may_be_limited_to_one_page_of_fifteen_a_minute(
    slack: Slack, client: Client
) -> None:
    slack.workspace.limits.lift()
    for _ in range(16):
        client.chat_postMessage(channel=slack.channel, text="x")
    slack.workspace.limits.distributed_outside_the_marketplace()
    page = client.conversations_history(channel=slack.channel, limit=200)
    assert (len(page["messages"]), page["has_more"]) == (15, True)
    with pytest.raises(SlackApiError) as caught:
        client.conversations_history(channel=slack.channel)
    assert caught.value.response.headers["Retry-After"] == "60"


ANSWERS = [
    ("429", SlackApiError, 0),
    ("500_before", SlackApiError, 0),
    ("500_after", SlackApiError, 1),
    ("500_after:503", SlackApiError, 1),
    ("reset_before", ConnectionResetError, 0),
    ("reset_after_accept", ConnectionResetError, 1),
    ("ok_false:service_unavailable", SlackApiError, 0),
    ("ok_false_after:fatal_error", SlackApiError, 1),
    ("html_200", SlackApiError, 0),
    ("html_200_after", SlackApiError, 1),
    ("truncated_json_after", SlackApiError, 1),
    ("cut_off_after", IncompleteRead, 1),
]


@pytest.mark.parametrize("way", ["over HTTP", "directly"])
@pytest.mark.parametrize(("fault", "error", "landed"), ANSWERS, ids=[a[0] for a in ANSWERS])
def test_a_fault_is_the_same_on_the_wire_and_without_one(
    slack: Slack, way: str, fault: str, error: type[Exception], landed: int
) -> None:
    direct = direct_client(slack.workspace, slack.token, logger=QUIET)
    client = web_client(slack) if way == "over HTTP" else direct
    slack.workspace.faults.script([fault])
    with pytest.raises(error):
        client.chat_postMessage(channel=slack.channel, text="x", metadata=METADATA)
    assert [landing.is_answered for landing in slack.workspace.landed] == [False] * landed
    client.chat_postMessage(channel=slack.channel, text="x", metadata=METADATA)
    assert slack.workspace.copies("key") == {"k1": 1 + landed}
    assert [call.outcome for call in slack.workspace.calls] == [fault.partition(":")[0], "ok"]


@pytest.mark.parametrize(
    ("detail", "header"),
    [
        ("", "30"),
        (":3600", "3600"),
        (":date", "Mon, 02 Feb 2026 02:40:30 GMT"),
        (":missing", None),
        (":soon", "soon"),
    ],
)
def test_how_long_to_wait_is_said_in_many_ways(
    slack: Slack, client: Client, detail: str, header: str | None
) -> None:
    slack.workspace.faults.script([f"429{detail}"])
    with pytest.raises(SlackApiError) as caught:
        client.chat_postMessage(channel=slack.channel, text="x")
    assert caught.value.response.headers.get("Retry-After") == header


def test_a_slow_message_lands_after_the_client_gave_up(slack: Slack, impatient: Client) -> None:
    slack.workspace.faults.script(["slow_then_landed:45", "timeout_before"])
    for _ in range(2):
        with pytest.raises(TimeoutError):
            impatient.chat_postMessage(channel=slack.channel, text="late")
    assert (slack.workspace.landed, slack.workspace.under_way) == ([], 1)
    slack.clock.advance(45)
    assert [seen.text for seen in slack.workspace.visible()[slack.channel]] == ["late"]
    assert [landing.is_answered for landing in slack.workspace.landed] == [False]


def test_waiting_without_sockets_moves_the_tests_clock(slack: Slack) -> None:
    client = direct_client(slack.workspace, slack.token, wait=slack.clock.advance, logger=QUIET)
    before = slack.clock()
    slack.workspace.faults.script(["timeout_before"])
    with pytest.raises(TimeoutError):
        client.chat_postMessage(channel=slack.channel, text="x")
    assert slack.clock() - before == client.timeout


def test_a_redirect_carries_the_token_to_another_host(slack: Slack, client: Client) -> None:
    slack.workspace.faults.script(["redirect_302"])
    answer = client.chat_postMessage(channel=slack.channel, text="x")
    assert answer["ok"]
    [stolen] = slack.workspace.elsewhere
    assert stolen["Authorization"] == f"Bearer {slack.token}"
    assert stolen["Host"].startswith("localhost:")
    assert slack.workspace.landed == []


def test_slack_sdk_posts_twice_by_default_when_an_answer_is_lost(slack: Slack) -> None:
    client = web_client(slack, retry_handlers=None)
    for handler in client.retry_handlers:
        handler.interval_calculator = FixedValueRetryIntervalCalculator(0)
    slack.workspace.faults.script(["reset_after_accept"])
    client.chat_postMessage(channel=slack.channel, text="once?", metadata=METADATA)
    assert slack.workspace.copies("key") == {"k1": 2}


def test_chance_is_the_same_for_one_seed_and_leaves_other_methods_alone(slack: Slack) -> None:
    def outcomes() -> list[str]:
        slack.workspace.calls.clear()
        slack.workspace.faults.calm()
        slack.workspace.faults.rate(
            0.5, ["500_before", "reset_before"], seed=7, methods={"users.info"}
        )
        for _ in range(20):
            slack.workspace.call("users.info", {"user": "U00000001"}, slack.token)
            assert slack.workspace.call("auth.test", {}, slack.token).is_ok
        return [c.outcome for c in slack.workspace.calls if c.method == "users.info"]

    first = outcomes()
    assert set(first) == {"ok", "500_before", "reset_before"}
    assert outcomes() == first


def test_several_processes_share_one_workspace(slack: Slack) -> None:
    slack.workspace.limits.lift()
    program = (
        "import sys; from slack_sdk import WebClient\n"
        "client = WebClient(sys.argv[2], base_url=sys.argv[1], retry_handlers=[])\n"
        "for n in range(10): client.chat_postMessage(channel='#model-alerts', text=str(n))\n"
    )
    command = [sys.executable, "-c", program, slack.url, slack.token]
    processes = [subprocess.Popen(command) for _ in range(2)]
    assert [process.wait(timeout=60) for process in processes] == [0, 0]
    roots = slack.workspace.visible()[slack.channel]
    assert len({root.ts for root in roots}) == 20


def test_an_address_where_nobody_listens_refuses(slack: Slack) -> None:
    with nobody_listening() as address, pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(address, timeout=5)
