"""What a person sees of Slack's markup: which mentions, links and styles of a text are live.

Only reading belongs here. The rules are those of docs.slack.dev/messaging/formatting-message-text;
where they leave a doubt, the text is read as live, because tests want to know that nothing is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

TOKEN = re.compile(r"<([^<>\n]+)>")
SCHEME = re.compile(r"(?i)(https?|mailto|tel|ftp|slack|file|data|javascript):\S")
BARE_LINK = re.compile(r"(?i)\bhttps?://[^\s<>|\"`]+")
CODE = re.compile(r"```.+?```|`[^`\n]+`", re.DOTALL)


def _span(mark: str) -> re.Pattern[str]:
    """A style's span: marks at the edges of words, text without blanks at its ends, one line."""
    m = re.escape(mark)
    return re.compile(rf"(?<![\w{m}]){m}(?=[^\s{m}])([^{m}\n]*?[^\s{m}])?{m}(?![\w{m}])")


BOLD, ITALIC, STRUCK = _span("*"), _span("_"), _span("~")


@dataclass(frozen=True, slots=True)
class Reading:
    """A text as it is shown, and what in it is more than text.

    Args:
        shown: the characters that are seen.
        mentions: who is called: `!channel`, `!here`, `!everyone`, `!subteam^S1`, `@U1`.
        channels: links to channels: `#C1`.
        links: (address, shown text), those that Slack makes of bare addresses included.
        bold: texts in bold; likewise `italic`, `struck` and `code`.
    """

    shown: str = ""
    mentions: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    bold: tuple[str, ...] = ()
    italic: tuple[str, ...] = ()
    struck: tuple[str, ...] = ()
    code: tuple[str, ...] = ()

    def __add__(self, other: Reading) -> Reading:
        shown = "\n".join(part for part in (self.shown, other.shown) if part)
        lists = (
            getattr(self, name) + getattr(other, name)
            for name in Reading.__slots__
            if name != "shown"
        )
        return Reading(shown, *lists)


def unescaped(text: str) -> str:
    """The three entities that Slack knows, as characters.

    >>> unescaped("a &amp;lt; b &lt;@U1&gt;")
    'a &lt; b <@U1>'
    """
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def read_plain(text: str) -> Reading:
    """A `plain_text` object: nothing in it is live."""
    return Reading(unescaped(text))


def read_mrkdwn(text: str, *, links_bare_addresses: bool = True) -> Reading:
    """A mrkdwn text.

    >>> read_mrkdwn("*Drift* for <@U1>, see <https://a.example/x|the page>").bold
    ('Drift',)
    >>> read_mrkdwn("<!channel> `<@U1>`").mentions
    ('!channel', '@U1')
    >>> read_mrkdwn("&lt;!channel&gt; 2*3*4").shown
    '<!channel> 2*3*4'
    """
    mentions: list[str] = []
    channels: list[str] = []
    links: list[tuple[str, str]] = []

    def replaced(match: re.Match[str]) -> str:
        target, _, label = match[1].partition("|")
        if target[0] in "@!":
            mentions.append(target)
        elif target[0] == "#":
            channels.append(target)
        elif SCHEME.match(target):
            links.append((unescaped(target), unescaped(label or target)))
        else:
            return match[0]
        # What stands in the place of a token takes no part in finding spans and addresses.
        return "\x00" + (label or target).replace("://", ":\x00//")

    resolved = TOKEN.sub(replaced, text)
    outside = CODE.sub(" ", resolved)
    if links_bare_addresses:
        links += [(unescaped(m[0]), unescaped(m[0])) for m in BARE_LINK.finditer(outside)]
    return Reading(
        shown=_shown("".join(_unmarked(resolved))),
        mentions=tuple(mentions),
        channels=tuple(channels),
        links=tuple(links),
        bold=_spans(BOLD, outside),
        italic=_spans(ITALIC, outside),
        struck=_spans(STRUCK, outside),
        code=tuple(_shown(_inside(m[0])) for m in CODE.finditer(resolved)),
    )


def _unmarked(text: str) -> Iterator[str]:
    """A text without the marks of its styles; inside of code, marks are characters."""
    position = 0
    for code in [*CODE.finditer(text), None]:
        outside = text[position : code.start() if code else None]
        for style in (BOLD, ITALIC, STRUCK):
            outside = style.sub(lambda match: match[0][1:-1], outside)
        yield outside
        if code:
            yield _inside(code[0])
            position = code.end()


def _inside(code: str) -> str:
    """What stands between the backticks."""
    return code[3:-3] if code.startswith("```") else code[1:-1]


def _spans(pattern: re.Pattern[str], text: str) -> tuple[str, ...]:
    return tuple(_shown(match[0][1:-1]) for match in pattern.finditer(text))


def _shown(text: str) -> str:
    return unescaped(text.replace("\x00", ""))


def read_text_object(value: Mapping[str, Any]) -> Reading:
    """A text object of Block Kit."""
    if value["type"] == "plain_text":
        return read_plain(value["text"])
    return read_mrkdwn(value["text"], links_bare_addresses=not value.get("verbatim", False))


def read_blocks(blocks: Sequence[Mapping[str, Any]]) -> Reading:
    """All that a message's blocks show, in order."""
    return sum((reading for block in blocks for reading in _readings(block)), Reading())


def _readings(node: Any) -> Iterator[Reading]:
    """Readings of the text objects below a block; a button with an address is a link."""
    if isinstance(node, Mapping):
        if node.get("type") in ("plain_text", "mrkdwn") and isinstance(node.get("text"), str):
            yield read_text_object(node)
            return
        if node.get("type") == "button" and (url := node.get("url")):
            yield Reading(links=((url, unescaped(node["text"]["text"])),))
        if node.get("type") == "markdown":
            yield Reading(node["text"])
        for value in node.values():
            yield from _readings(value)
    elif isinstance(node, list | tuple):
        for value in node:
            yield from _readings(value)


def read_message(text: str, blocks: Sequence[Mapping[str, Any]], parse: str = "") -> Reading:
    """A message: it shows its blocks if it has any, else its text.

    The text counts for mentions, links and styles in both cases: notifications show it.
    """
    fallback = read_mrkdwn(text, links_bare_addresses=parse != "none")
    if not blocks:
        return fallback
    main = read_blocks(blocks)
    return replace(main + fallback, shown=main.shown)
