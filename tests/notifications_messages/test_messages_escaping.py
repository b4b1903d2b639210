from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_dagster.incidents.incident import Link
from monitoring_dagster.notifications import blocks, markers
from monitoring_dagster.notifications.escaping import (
    bold,
    cleaned,
    cut,
    length,
    literal,
    mention,
    sentence,
)
from tests.notifications_messages.reading import CODE, ENTITY

ANYTHING = st.one_of(
    st.text(max_size=80),
    st.text(alphabet="ab `*_~<>&:@#.\n", max_size=60),
    st.sampled_from(["&" * 10_000, "x" * 10_000, "🎉" * 5_000, "a_b " * 3_000, "`a` b " * 2_000]),
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("<!channel>", "&lt;!channel&gt;", id="everybody is not called"),
        pytest.param("<@U1>", "`&lt;@U1&gt;`", id="nobody is called"),
        pytest.param("*bold* _it_", "`*bold*` `_it_`", id="nothing is formatted"),
        pytest.param("roc_auc is 0.4;", "`roc_auc` is 0.4;", id="a metric's name reads as code"),
        pytest.param("so :tada: it", "so `:tada:` it", id="no name becomes an emoji"),
        pytest.param("see http://a.b/c", "see `http://a.b/c`", id="an address is not a link"),
        pytest.param("see evil.example", "see `evil.example`", id="nor is a bare host"),
        pytest.param("> quoted", "`&gt;` quoted", id="nothing is quoted"),
        pytest.param("`temp` moved by 0.4 σ", "`temp` moved by 0.4 σ", id="a column stays code"),
        pytest.param("`a b`, (`c`)", "`a b`, (`c`)", id="code may stand beside punctuation"),
        pytest.param("an `odd one", "an odd one", id="an odd backtick goes"),
        pytest.param("in`side` words", "inside words", id="Slack takes no code within a word"),
        pytest.param("``` *x* ```", "`*x*`", id="no block of code"),
        pytest.param("`a` *b* `c`", "`a` `*b*` `c`", id="a name cannot break out of its code"),
        pytest.param("a\nb\t\x07c\u202e\u200b", "a b c", id="one line, all of it visible"),
    ],
)
def test_a_sentence_is_shown_as_it_is(text: str, expected: str) -> None:
    assert sentence(text, 200) == expected


@given(ANYTHING, st.integers(min_value=8, max_value=300))
def test_every_way_of_escaping_keeps_to_its_limit_and_cuts_no_entity(text: str, limit: int) -> None:
    for escape in (sentence, bold, literal):
        shown = escape(text, limit)
        assert length(shown) <= limit
        assert shown.count("&") == len(ENTITY.findall(shown))
        assert "`" not in CODE.sub(" ", shown)
    assert length(cut(text, limit)) <= limit


@given(ANYTHING)
def test_what_is_cut_ends_with_an_ellipsis_and_nothing_else_gets_one(text: str) -> None:
    for shown in (sentence(text, 40), cut(text, 40)):
        is_cut = len(cleaned(text).replace("`", "")) > 40
        assert not is_cut or shown.rstrip("`").endswith("…")
    if "…" not in text and length(sentence(text, 10**6)) <= 40:
        assert "…" not in sentence(text, 40)


@given(st.text(max_size=60))
def test_a_literal_is_one_piece_of_code_with_every_visible_character(text: str) -> None:
    shown = literal(text, 1_000)
    inner = shown[1:-1].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    assert shown[0] == shown[-1] == "`"
    assert inner == (cleaned(text.replace("`", "")) or "(empty)")


@pytest.mark.parametrize("text", ["<@U0G9QF9C6>", "<@W0G9>", "<!subteam^S0123ABC>", "<!here>"])
def test_a_mention_of_the_document_calls_somebody(text: str) -> None:
    assert mention(text) == text


@pytest.mark.parametrize(
    "text",
    ["<!channel>", "<!everyone>", "<@U1|x>", "<@U1>\n", "x <@U1AB>", "<http://a|b>", "@jane"],
)
def test_any_other_mention_is_shown_literally(text: str) -> None:
    assert "<" not in mention(text)
    assert mention(text).startswith("`")


def test_bold_leaves_code_alone_and_touches_its_words() -> None:
    assert bold("Resolved: `roc_auc` is fine; `a` <b>", 200) == (
        "*Resolved*: `roc_auc` *is fine;* `a` *&lt;b&gt;*"
    )


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "ftp://a", "file:///etc/passwd", "", "https://", "//a.b", "http:/x"],
)
def test_a_link_that_leads_not_to_the_web_is_dropped_to_its_text(url: str) -> None:
    assert blocks.link(Link("report", url)) == "report"


def test_an_address_longer_than_slack_takes_is_dropped_to_its_text() -> None:
    assert blocks.link(Link("report", "https://a.b/" + "c" * 3_000)) == "report"


@given(ANYTHING, ANYTHING)
def test_a_link_is_one_link_whatever_it_holds(text: str, path: str) -> None:
    shown = blocks.link(Link(text, f"https://a.example/{path}"))
    if shown.startswith("<https"):
        assert shown.count("<") == shown.count(">") == shown.count("|") == 1
        assert not set(shown.partition("|")[2]) & {"`", "*", "~", "_", "\n"}


def test_metadata_holds_nothing_but_opaque_ids() -> None:
    key = markers.marker("flight_delay:root:secret")
    assert blocks.metadata_of("flight_delay:root:secret", "MD-7F3A9C") == {
        "event_type": "monitoring_dagster",
        "event_payload": {"key": key, "ref": "MD-7F3A9C"},
    }
    assert "flight" not in key
