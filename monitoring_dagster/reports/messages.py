"""The messages page: what was posted, as it looks in Slack, for those who have no Slack at hand.

One HTML document without outside requests. It renders whatever Block Kit it is given and decides
nothing about what is said; that is `notifications`.
"""

from __future__ import annotations

import base64
import datetime as dt
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby
from typing import Any

from monitoring_dagster.notifications.replies import is_reminder
from monitoring_dagster.notifications.wording import counted, instant

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
APP = "monitoring-dagster"

FEW_REMINDERS = 2
"""Reminders in a row that are shown one by one; more are folded into one line."""

# Slack's own markup: what stands between real angle brackets, which escaped text has none of.
_CONTROL = re.compile(r"<([^<>]*)>")
_CODE = re.compile(r"`([^`\n]+)`")
_STYLES = (
    (re.compile(r"(?<![\w*])\*(?=\S)([^*\n]*\S)\*(?![\w*])"), "strong"),
    (re.compile(r"(?<![\w_])_(?=\S)([^_\n]*\S)_(?![\w_])"), "em"),
    (re.compile(r"(?<![\w~])~(?=\S)([^~\n]*\S)~(?![\w~])"), "s"),
)
_SPECIALS = {"!here": "@here", "!channel": "@channel", "!everyone": "@everyone"}

_STYLE = """
:root { --ink: #1d1c1d; --grey: #616061; --line: #dddddd; --link: #1264a3; }
* { box-sizing: border-box; }
body { margin: 0; background: #f8f8f8; color: var(--ink);
  font: 15px/1.46 Lato, "Liberation Sans", "DejaVu Sans", sans-serif, "Noto Color Emoji"; }
main { max-width: 860px; margin: 24px auto; background: #fff; border: 1px solid var(--line);
  border-radius: 8px; }
main > header { padding: 12px 20px; border-bottom: 1px solid var(--line); font-size: 18px;
  font-weight: 900; }
main > p { padding: 0 20px; color: var(--grey); }
article { display: grid; grid-template-columns: 36px 1fr; gap: 0 10px; padding: 10px 20px; }
article + article { border-top: 1px solid #f3f3f3; }
.avatar { width: 36px; height: 36px; border-radius: 6px; background: #1d4ed8; }
.avatar path { fill: none; stroke: #fff; stroke-width: 2.6; stroke-linecap: round;
  stroke-linejoin: round; }
.by { display: flex; gap: 6px; align-items: baseline; }
.by b { font-weight: 900; }
.app { font-size: 10px; font-weight: 700; color: var(--grey); background: #ededed;
  border-radius: 2px; padding: 0 3px; }
time, .edited, .context, .count, .alternative { color: var(--grey); font-size: 12px; }
.body { min-width: 0; overflow-wrap: anywhere; }
.body > * { margin: 4px 0 0; }
.body > .title { font-size: 18px; font-weight: 900; line-height: 1.33; margin: 6px 0 2px; }
.body > .part { margin-top: 8px; }
.fields { display: grid; grid-template-columns: 1fr 1fr; gap: 8px 16px; }
.context { display: flex; flex-wrap: wrap; gap: 4px 8px; padding-top: 4px; }
hr { border: 0; border-top: 1px solid var(--line); margin: 10px 0; }
code { font: 12px/1.5 Monaco, Menlo, Consolas, "DejaVu Sans Mono", monospace; color: #e01e5a;
  background: #f8f8f8; border: 1px solid var(--line); border-radius: 3px; padding: 1px 3px; }
a { color: var(--link); text-decoration: none; }
a:hover { text-decoration: underline; }
.mention { background: #fff3cf; color: #7d5a00; border-radius: 3px; padding: 0 2px; }
.button { display: inline-block; border: 1px solid #bbb; border-radius: 4px; padding: 4px 12px;
  margin-right: 8px; color: var(--ink); font-size: 13px; font-weight: 700; }
img { max-width: 100%; border: 1px solid var(--line); border-radius: 8px; display: block; }
.thread { grid-column: 2; margin-top: 6px; padding-left: 12px; border-left: 3px solid #e8e8e8; }
.thread article { padding: 6px 0; border: 0; grid-template-columns: 24px 1fr; }
.thread .avatar { width: 24px; height: 24px; border-radius: 4px; }
.count { color: var(--link); font-weight: 700; }
summary { cursor: pointer; color: var(--link); font-size: 13px; padding: 4px 0 4px 34px; }
@media (max-width: 600px) { .fields { grid-template-columns: 1fr; } main { margin: 0; } }
"""

_AVATAR = (
    '<svg class="avatar" viewBox="0 0 36 36" aria-hidden="true">'
    '<path d="M6 20h6l4-10 5 17 3-7h6"/></svg>'
)


@dataclass(frozen=True, slots=True)
class Posted:
    """One message as it was posted.

    Args:
        at: when.
        text: mrkdwn, shown where there are no blocks.
        blocks: Block Kit.
        is_edited: whether it has been edited since.
        pictures: PNG files that hang on it.
    """

    at: dt.datetime
    text: str
    blocks: Sequence[Mapping[str, Any]]
    is_edited: bool = False
    pictures: Sequence[bytes] = ()


@dataclass(frozen=True, slots=True)
class Thread:
    """A message of a channel, and what was replied to it, the oldest first."""

    channel: str
    root: Posted
    replies: Sequence[Posted] = ()


def page(threads: Sequence[Thread]) -> str:
    """Everything that was posted, channel by channel in the order of their first message.

    Args:
        threads: in the order in which they are to be shown.

    Returns:
        an HTML document that needs no request.
    """
    channels = list(dict.fromkeys(thread.channel for thread in threads))
    shown = [_channel(name, [t for t in threads if t.channel == name]) for name in channels]
    body = "\n".join(shown) or "<main><header>Messages</header><p>Nothing was posted.</p></main>"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Messages of {APP}</title><style>{_STYLE}</style></head>\n"
        f"<body>\n{body}\n</body></html>\n"
    )


def _channel(name: str, threads: Sequence[Thread]) -> str:
    return f"<main><header>{escape(name)}</header>\n{''.join(map(_thread, threads))}</main>"


def _thread(thread: Thread) -> str:
    if not thread.replies:
        return _message(thread.root)
    count = counted(len(thread.replies), "reply", "replies")
    replies = "".join(_run(replies) for replies in _runs(thread.replies))
    inner = f'<div class="thread"><div class="count">{count}</div>{replies}</div>'
    return _message(thread.root, inner)


def _runs(replies: Iterable[Posted]) -> list[list[Posted]]:
    """Reminders in a row together, everything else alone."""
    runs: list[list[Posted]] = []
    for is_run, group in groupby(replies, key=lambda posted: is_reminder(posted.text)):
        found = list(group)
        runs += [found] if is_run else [[posted] for posted in found]
    return runs


def _run(run: Sequence[Posted]) -> str:
    messages = "".join(map(_message, run))
    if len(run) <= FEW_REMINDERS:
        return messages
    span = f"{instant(run[0].at)} to {instant(run[-1].at)}"
    return f"<details><summary>{len(run)} reminders, {span}</summary>{messages}</details>"


def _message(posted: Posted, thread: str = "") -> str:
    blocks = "".join(map(_block, posted.blocks))
    shown = blocks or f'<p class="part">{mrkdwn(posted.text)}</p>'
    edited = '<span class="edited">(edited)</span>' if posted.is_edited else ""
    at = f'<time datetime="{posted.at.isoformat()}">{instant(posted.at)}</time>'
    return (
        f"<article>{_AVATAR}<div class='body'><div class='by'><b>{APP}</b>"
        f'<span class="app">APP</span>{at}{edited}</div>{shown}'
        f"{''.join(map(_picture, posted.pictures))}</div>{thread}</article>\n"
    )


def _picture(png: bytes) -> str:
    data = base64.b64encode(png).decode()
    return f'<p class="part"><img src="data:image/png;base64,{data}" alt="trend"></p>'


def _block(block: Mapping[str, Any]) -> str:
    render = _BLOCKS.get(str(block.get("type")))
    if render is None:
        return f'<p class="part alternative">[{escape(str(block.get("type")))}]</p>'
    return render(block)


def _header(block: Mapping[str, Any]) -> str:
    return f'<div class="title">{_object(block.get("text"))}</div>'


def _section(block: Mapping[str, Any]) -> str:
    text = f"<div>{_object(block['text'])}</div>" if block.get("text") else ""
    cells = "".join(f"<div>{_object(field)}</div>" for field in block.get("fields") or ())
    fields = f'<div class="fields">{cells}</div>' if cells else ""
    return f'<div class="part">{text}{fields}{_element(block.get("accessory"))}</div>'


def _context(block: Mapping[str, Any]) -> str:
    inner = "".join(f"<span>{_element(e)}</span>" for e in block.get("elements") or ())
    return f'<div class="context">{inner}</div>'


def _actions(block: Mapping[str, Any]) -> str:
    return f'<div class="part">{"".join(map(_element, block.get("elements") or ()))}</div>'


def _divider(_: Mapping[str, Any]) -> str:
    return "<hr>"


def _image(block: Mapping[str, Any]) -> str:
    """An image that is part of the message; one elsewhere is named and not fetched."""
    url, alternative = str(block.get("image_url")), escape(str(block.get("alt_text") or "image"))
    if url.startswith("data:image/png;base64,"):
        return f'<p class="part"><img src="{escape(url)}" alt="{alternative}"></p>'
    return f'<p class="part alternative">[{alternative}]</p>'


_BLOCKS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "header": _header,
    "section": _section,
    "context": _context,
    "actions": _actions,
    "divider": _divider,
    "image": _image,
}


def _element(element: Mapping[str, Any] | None) -> str:
    """What may stand within a block: a text, a button or an image."""
    if element is None:
        return ""
    if element.get("type") == "button":
        return f'<span class="button">{_object(element.get("text"))}</span>'
    return _image(element) if element.get("type") == "image" else _object(element)


def _object(text: Mapping[str, Any] | None) -> str:
    """A text object: mrkdwn is rendered, plain text is literal."""
    if text is None:
        return ""
    said = str(text.get("text") or "")
    return mrkdwn(said) if text.get("type") == "mrkdwn" else escape(said, quote=True)


def mrkdwn(text: str) -> str:
    """Slack's markup as HTML; everything in it is escaped.

    >>> mrkdwn("*Since:* `a_b` &lt;img&gt; <@U1AB>")
    '<strong>Since:</strong> <code>a_b</code> &lt;img&gt; <span class="mention">@U1AB</span>'
    """
    html: list[str] = []
    end = 0
    for found in _CONTROL.finditer(text):
        html += [_styled(text[end : found.start()]), _control(found[1])]
        end = found.end()
    return "".join([*html, _styled(text[end:])])


def _control(inside: str) -> str:
    target, _, label = inside.partition("|")
    if target.startswith(("https://", "http://")):
        shown = _text(label or target)
        return f'<a href="{_text(target)}" rel="noreferrer">{shown}</a>'
    name = _SPECIALS.get(target) or target.replace("!subteam^", "@")
    return f'<span class="mention">{_text(label or name)}</span>'


def _styled(text: str) -> str:
    """Text without links: what is code stays as it is, the rest may be bold, slanted or struck."""
    parts = _CODE.split(text)
    return "".join(
        f"<code>{_text(part)}</code>" if i % 2 else _formatted(part) for i, part in enumerate(parts)
    )


def _formatted(text: str) -> str:
    html = _text(text)
    for pattern, tag in _STYLES:
        html = pattern.sub(rf"<{tag}>\1</{tag}>", html)
    return html.replace("\n", "<br>")


def _text(text: str) -> str:
    """Slack's three entities read, then everything escaped."""
    read = text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    return escape(read, quote=True)
