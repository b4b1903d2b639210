"""What the Slack of the tests accepts as content, and how it reads markup."""

from __future__ import annotations

from typing import Any

import pytest

from tests.slack.clock import HandClock
from tests.slack.fixtures import furnished
from tests.slack.mrkdwn import read_mrkdwn


def mrkdwn(text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": text}


def plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}


def section(text: str, **more: Any) -> dict[str, Any]:
    return {"type": "section", "text": mrkdwn(text), **more}


def button(**changes: Any) -> dict[str, Any]:
    element = {"type": "button", "text": plain("Report"), "url": "https://a.example"} | changes
    return {"type": "actions", "elements": [element]}


def post(**arguments: Any) -> Any:
    """The answer to a message in a workspace of its own."""
    workspace, token, channel = furnished(HandClock())
    return workspace.call("chat.postMessage", {"channel": channel, **arguments}, token).json


LARGEST = [
    section("x" * 3_000, block_id="b" * 255),
    {"type": "header", "text": plain("x" * 150)},
    {"type": "context", "elements": [mrkdwn("x")] * 10},
    {"type": "section", "fields": [mrkdwn("x" * 500)] * 10},
    {"type": "divider"},
    button(text=plain("x" * 75), value="x" * 2_000, action_id="x" * 255),
    {"type": "image", "image_url": "https://a.example/x.png", "alt_text": "x"},
]


def test_the_largest_of_everything_is_accepted() -> None:
    assert post(text="x", blocks=LARGEST)["ok"]
    assert post(text="x", blocks=[section("x")] * 50)["ok"]
    assert post(blocks=[section("x")])["ok"]


@pytest.mark.parametrize(
    ("blocks", "message"),
    [
        ([section("x" * 3_001)], "must be less than 3001 characters [json-pointer:/blocks/0/text/"),
        ([section("")], "must be more than 0 characters [json-pointer:/blocks/0/text/text]"),
        ([section("x")] * 51, "no more than 50 items allowed [json-pointer:/blocks]"),
        ([{"type": "section"}], "missing required field: text [json-pointer:/blocks/0]"),
        (
            [{"type": "header", "text": plain("x" * 151)}],
            "must be less than 151 characters [json-pointer:/blocks/0/text/text]",
        ),
        (
            [{"type": "header", "text": mrkdwn("x")}],
            "unsupported type: mrkdwn [json-pointer:/blocks/0/text/type]",
        ),
        (
            [{"type": "context", "elements": [mrkdwn("x")] * 11}],
            "no more than 10 items allowed [json-pointer:/blocks/0/elements]",
        ),
        (
            [{"type": "section", "fields": [mrkdwn("x")] * 11}],
            "no more than 10 items allowed [json-pointer:/blocks/0/fields]",
        ),
        (
            [{"type": "section", "fields": [mrkdwn("x" * 2_001)]}],
            "must be less than 2001 characters [json-pointer:/blocks/0/fields/0/text]",
        ),
        ([{"type": "carousel"}], "unsupported type: carousel [json-pointer:/blocks/0/type]"),
        ([{"text": plain("x")}], "missing required field: type [json-pointer:/blocks/0]"),
        ([section("x", colour="red")], "invalid additional property: colour [json-pointer:/blocks"),
        (
            [section("x", block_id="b" * 256)],
            "must be less than 256 characters [json-pointer:/blocks/0/block_id]",
        ),
        (
            [section("x", block_id="b"), section("y", block_id="b")],
            "block_id already exists: b [json-pointer:/blocks/1]",
        ),
        (
            [button(text=plain("x" * 76))],
            "must be less than 76 characters [json-pointer:/blocks/0/",
        ),
        ([button(text=mrkdwn("x"))], "unsupported type: mrkdwn [json-pointer:/blocks/0/elements/0"),
        (
            [button(url="https://a.example/" + "x" * 3_000)],
            "must be less than 3001 characters [json-pointer:/blocks/0/elements/0/url]",
        ),
        (
            [button(url="javascript:alert(1)")],
            "invalid url [json-pointer:/blocks/0/elements/0/url]",
        ),
        (
            [{"type": "image", "image_url": "http://127.0.0.1/x.png", "alt_text": "x"}],
            "downloading image failed [json-pointer:/blocks/0/image_url]",
        ),
    ],
    ids=lambda value: value.partition(" [")[0] if isinstance(value, str) else "",
)
def test_a_block_that_is_wrong_is_named(blocks: list[Any], message: str) -> None:
    answer = post(text="x", blocks=blocks)
    assert answer["error"] == "invalid_blocks"
    [said] = answer["response_metadata"]["messages"]
    assert said.startswith(f"[ERROR] {message}")


def test_blocks_may_be_fine_one_by_one_and_too_long_together() -> None:
    assert post(text="x", blocks=[section("x" * 2_500)] * 4)["ok"]
    answer = post(text="x", blocks=[section("x" * 2_500)] * 4 + [section("x")])
    assert answer["error"] == "msg_blocks_too_long"


@pytest.mark.parametrize("blocks", ["[{", {"type": "divider"}, ["divider"]], ids=repr)
def test_blocks_that_are_no_list_of_objects_are_refused(blocks: Any) -> None:
    assert post(text="x", blocks=blocks)["error"] == "invalid_blocks_format"


@pytest.mark.parametrize(
    ("metadata", "error"),
    [
        ("{", "invalid_metadata_format"),
        ({"event_type": "alert"}, "invalid_metadata_format"),
        ({"event_type": "an alert", "event_payload": {}}, "invalid_metadata_schema"),
        ({"event_type": "alert", "event_payload": []}, "invalid_metadata_schema"),
        ({"event_type": "alert", "event_payload": {"k": None}}, "invalid_metadata_schema"),
        ({"event_type": "alert", "event_payload": {"k": "x" * 8_000}}, "metadata_too_large"),
    ],
)
def test_metadata_has_a_shape_and_a_size(metadata: Any, error: str) -> None:
    assert post(text="x", metadata=metadata)["error"] == error


def test_metadata_may_be_refused_altogether() -> None:
    workspace, token, channel = furnished(HandClock())
    workspace.habits.metadata_error = "metadata_must_be_sent_from_app"
    message = {"channel": channel, "text": "x"}
    metadata = {"event_type": "alert", "event_payload": {}}
    refused = workspace.call("chat.postMessage", message | {"metadata": metadata}, token)
    assert refused.json == {"ok": False, "error": "metadata_must_be_sent_from_app"}
    assert workspace.call("chat.postMessage", message, token).is_ok


def test_a_text_is_cut_when_it_is_posted_and_refused_when_it_is_edited() -> None:
    workspace, token, channel = furnished(HandClock())
    long = {"channel": channel, "text": "x" * 40_001}
    ts = workspace.call("chat.postMessage", long, token).json["ts"]
    assert len(workspace.message(ts).text) == 40_000
    edit = {"channel": channel, "ts": ts, "text": "x" * 4_001}
    assert workspace.call("chat.update", edit, token).json["error"] == "msg_too_long"


@pytest.mark.parametrize("text", ["", "  \n"], ids=repr)
def test_a_message_says_something(text: str) -> None:
    assert post(text=text)["error"] == "no_text"


@pytest.mark.parametrize(
    ("text", "live"),
    [
        ("<!channel>", {"mentions": ("!channel",)}),
        ("`<@U1>`", {"mentions": ("@U1",), "code": ("@U1",)}),
        ("<#C1>", {"channels": ("#C1",)}),
        ("<http://evil.example|report>", {"links": (("http://evil.example", "report"),)}),
        ("see http://evil.example", {"links": (("http://evil.example",) * 2,)}),
        ("*a b*, *c*", {"bold": ("a b", "c")}),
        ("_a_ ~b~ `*c*`", {"italic": ("a",), "struck": ("b",), "code": ("*c*",)}),
        ("&lt;!channel&gt; &lt;http&gt; `http://evil.example`", {"code": ("http://evil.example",)}),
        ("2*3*4, a_b_c, * x *, **", {}),
    ],
)
def test_markup_is_live_where_slack_would_make_it_live(text: str, live: dict[str, Any]) -> None:
    reading = read_mrkdwn(text)
    names = ("mentions", "channels", "links", "bold", "italic", "struck", "code")
    assert {name: getattr(reading, name) for name in names if getattr(reading, name)} == live


def test_what_is_shown_has_no_marks_of_styles() -> None:
    text = "*Drift* of `*age*` _by_ <https://a.example|<b>>, 2*3*4\n```a_b_ `c```"
    assert read_mrkdwn(text).shown == "Drift of *age* by <https://a.example|<b>>, 2*3*4\na_b_ `c"


def test_a_message_shows_its_blocks_and_notifies_with_its_text() -> None:
    workspace, token, channel = furnished(HandClock())
    blocks = [
        {"type": "header", "text": plain("*Drift* <@U1>")},
        section("*PSI* of &lt;age&gt;"),
        button(),
    ]
    message = {"channel": channel, "text": "<!here> drift", "blocks": blocks}
    ts = workspace.call("chat.postMessage", message, token).json["ts"]
    reading = workspace.rendered_text(ts)
    assert reading.shown == "*Drift* <@U1>\nPSI of <age>\nReport"
    assert reading.mentions == ("!here",)
    assert reading.links == (("https://a.example", "Report"),)
    assert reading.bold == ("PSI",)
