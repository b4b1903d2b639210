"""Blocks: the few pieces of Block Kit that messages are made of, each within Slack's limits.

Texts arrive as mrkdwn that `escaping` has made, or as plain text; what is said is decided in
`root`, `replies` and `digest`. Links are links and not buttons: a button warns whoever clicks it
where the app has no public address to answer from.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import quote

from monitoring_dagster.incidents.incident import Link
from monitoring_dagster.notifications import escaping, markers
from monitoring_dagster.notifications.message import Block

HEADER, URL = 150, 3_000
"""Most that Slack takes of a title and of an address, in characters."""

NOTHING = "–"
"""Shown where a text is empty, which Slack refuses."""

_ADDRESS = re.compile(r"https?://[^\s/?#]+[^\s]*", re.IGNORECASE)


def metadata_of(key: str, ref: str) -> dict[str, object]:
    """What a message carries so that it can be found again: opaque ids only.

    Args:
        key: the notice's key.
        ref: the incident's visible short name, such as `MD-7F3A9C`.
    """
    payload = {"key": markers.marker(key), "ref": ref}
    return {"event_type": markers.EVENT_TYPE, "event_payload": payload}


def marked(key: str, blocks: Sequence[Block]) -> list[Block]:
    """The blocks, the first of which carries the notice's key, by which it is found again."""
    name = markers.block_id(key)
    return [{**b, "block_id": name} if i == 0 else b for i, b in enumerate(blocks)]


def header(text: str) -> Block:
    """A title, literal; there is no code in titles, so backticks would only be in the way."""
    return {"type": "header", "text": _plain(text.replace("`", ""), HEADER)}


def section(mrkdwn: str) -> Block:
    """A paragraph of mrkdwn, which is at most 3,000 long."""
    return {"type": "section", "text": _mrkdwn(mrkdwn)}


def beside(mrkdwns: Sequence[str]) -> Block:
    """Texts beside each other, each at most 2,000 long; one alone takes the whole width."""
    if len(mrkdwns) == 1:
        return section(mrkdwns[0])
    return {"type": "section", "fields": [_mrkdwn(text) for text in mrkdwns]}


def context(text: str, limit: int = 300) -> Block:
    """A small grey line, literal."""
    return {"type": "context", "elements": [_plain(text, limit)]}


def link(to: Link) -> str:
    """A link as mrkdwn; only its text where it leads anywhere but to the web.

    >>> link(Link("report", "https://example.org/a?b=1&c=<2>|3"))
    '<https://example.org/a?b=1&amp;c=%3C2%3E%7C3|report>'
    >>> link(Link("runbook", "javascript:alert(1)"))
    'runbook'
    """
    address = safe_url(to.url)
    if not address:
        return escaping.sentence(to.text, 75)
    # Within a link's text nothing is code, and a bar or a bracket would end it.
    label = escaping.cut(re.sub(r"[`*_~|:]+", " ", to.text), 75) or "link"
    return f"<{escaping.escaped(address)}|{escaping.escaped(label)}>"


def safe_url(url: str) -> str:
    """`url` if it leads to the web and can stand in a link; else nothing.

    >>> safe_url("https://example.org/a b"), safe_url("ftp://example.org")
    ('https://example.org/a%20b', '')
    """
    clean = quote(escaping.cleaned(url), safe="%/:?#[]@!$&'()*+,;=~-._")
    is_fine = _ADDRESS.fullmatch(clean) and escaping.length(escaping.escaped(clean)) <= URL
    return clean if is_fine else ""


def _plain(text: str, limit: int) -> Block:
    # Without `emoji` Slack turns `:name:` into a picture.
    return {"type": "plain_text", "text": escaping.cut(text, limit) or NOTHING, "emoji": False}


def _mrkdwn(text: str) -> Block:
    # Verbatim: addresses, channels and names within the text do not become links.
    return {"type": "mrkdwn", "text": text or NOTHING, "verbatim": True}
