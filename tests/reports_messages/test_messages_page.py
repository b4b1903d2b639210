from __future__ import annotations

import datetime as dt
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitoring_dagster.notifications import replies, root, trend
from monitoring_dagster.notifications.message import Form, NoticeKind
from monitoring_dagster.reports.messages import POLICY, Posted, Thread, mrkdwn, page
from tests.notifications_messages import realistic

AT = dt.datetime(2013, 11, 15, 9, 5, tzinfo=dt.UTC)
EVIL = (
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "' onmouseover='alert(1)",
    "javascript:alert(1)",
)
KNOWN = {
    *("html", "head", "meta", "title", "style", "body", "main", "header", "article", "div"),
    *("b", "span", "time", "p", "strong", "em", "s", "code", "br", "a", "img", "svg", "path"),
    *("details", "summary", "hr"),
}


class Reader(HTMLParser):
    """Every tag with its attributes, and the text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    return reader


def assert_harmless(html: str) -> None:
    for tag, attributes in read(html).tags:
        assert tag in KNOWN, tag
        assert not [name for name in attributes if name.startswith("on")]
        assert re.match(r"https?://", attributes.get("href") or "https://")
        assert (attributes.get("src") or "data:image/png").startswith("data:image/png")


def of_text(text: str) -> Thread:
    return Thread("#flight-delay", Posted(AT, text, ()))


def of(name: str) -> Thread:
    incident = realistic.ALL[name]()
    message = root.message(incident, form=Form.FULL, key=name)
    return Thread("#flight-delay", Posted(AT, message.text, message.blocks))


def reminder(hours: int) -> Posted:
    payload = {"headline": f"Still open after {hours} hours", "ref": "MD-1"}
    message = replies.message(NoticeKind.REMINDER, payload, form=Form.FULL, key="k")
    return Posted(AT + dt.timedelta(hours=hours), message.text, message.blocks)


def test_a_page_needs_nothing_from_outside() -> None:
    html = page([of(name) for name in realistic.ALL])
    assert f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">' in html
    assert "<script" not in html
    assert "<link" not in html
    assert "url(" not in html
    assert_harmless(html)


@pytest.mark.parametrize("name", realistic.ALL)
def test_a_realistic_incident_reads_on_the_page_as_it_was_written(name: str) -> None:
    incident = realistic.ALL[name]()
    text = read(page([of(name)])).text
    assert f"{incident.priority} " in text
    assert incident.ref in text
    if name != "hostile":
        assert incident.context.what.replace("`", "") in text


@pytest.mark.parametrize("evil", EVIL)
def test_whatever_is_posted_is_shown_and_not_run(evil: str) -> None:
    plain = {"type": "plain_text", "text": evil}
    raw = {"type": "mrkdwn", "text": evil}
    blocks = [
        {"type": "header", "text": plain},
        {"type": "section", "text": raw, "fields": [raw, plain], "accessory": plain},
        {"type": "context", "elements": [raw, {"type": "image", "image_url": evil}]},
        {"type": "actions", "elements": [{"type": "button", "text": plain, "url": evil}]},
        {"type": "image", "image_url": f"data:image/png;base64,{evil}", "alt_text": evil},
        {"type": "image", "image_url": f"https://evil.example/{evil}", "alt_text": evil},
        {"type": evil},
        {"type": "divider"},
    ]
    html = page([Thread(evil, Posted(AT, evil, blocks), [Posted(AT, evil, ())])])
    assert_harmless(html)
    assert evil in read(html).text


@settings(max_examples=200)
@given(st.text(alphabet="<>&|\"'`*_~!@# ahtps:/.\n", max_size=60))
def test_no_markup_of_slack_becomes_markup_of_a_page(text: str) -> None:
    assert_harmless(page([of_text(text)]))


@pytest.mark.parametrize(
    ("text", "html"),
    [
        (
            "*bold* and _slanted_ and ~gone~",
            "<strong>bold</strong> and <em>slanted</em> and <s>gone</s>",
        ),
        ("`*code*`", "<code>*code*</code>"),
        ("a\nb", "a<br>b"),
        ("&lt;!channel&gt; &amp;amp;", "&lt;!channel&gt; &amp;amp;"),
        ("roc_auc_x 2*3*4", "roc_auc_x 2*3*4"),
        (
            "<https://a.example/?b=1&amp;c=2|report>",
            '<a href="https://a.example/?b=1&amp;c=2" rel="noreferrer">report</a>',
        ),
        ("<javascript:alert(1)|x>", '<span class="mention">x</span>'),
        ("<!here> <@U1>", '<span class="mention">@here</span> <span class="mention">@U1</span>'),
    ],
)
def test_slacks_markup_is_rendered_as_slack_does(text: str, html: str) -> None:
    assert mrkdwn(text) == html


def test_a_thread_shows_its_replies_and_that_its_root_was_edited() -> None:
    picture = trend.picture(realistic.performance())
    assert picture is not None
    thread = Thread(
        "#flight-delay",
        Posted(AT, "root", (), is_edited=True),
        [Posted(AT, "trend", (), pictures=[picture.png]), Posted(AT, "resolved", ())],
    )
    html = page([thread])
    text = read(html).text
    assert text.index("(edited)") < text.index("2 replies") < text.index("resolved")
    assert html.count("data:image/png;base64,") == 1
    assert text.count("(edited)") == 1


def test_many_reminders_in_a_row_are_folded_into_one_line() -> None:
    answers = [*map(reminder, (4, 24, 72)), Posted(AT, "somebody said something", ()), reminder(96)]
    html = page([Thread("#c", Posted(AT, "root", ()), answers)])
    assert html.count("<details>") == 1
    assert "3 reminders, 15 Nov 2013, 13:05 UTC to 18 Nov 2013, 09:05 UTC" in html
    assert html.count("Still open after") == 4


def test_each_channel_has_its_own_column_in_the_order_of_its_first_message() -> None:
    threads = [Thread(name, Posted(AT, "x", ())) for name in ("#b", "#a", "#b")]
    assert re.findall(r"<main><header>(#\w)", page(threads)) == ["#b", "#a"]


def test_a_page_without_messages_says_so() -> None:
    assert "Nothing was posted" in read(page([])).text
