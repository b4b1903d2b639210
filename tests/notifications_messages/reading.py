"""How Slack reads a message: its limits, and what of it is alive."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from monitoring_dagster.notifications.message import Form, Message

CONTROL = re.compile(r"<([^<>]*)>")
CODE = re.compile(r"(?<![^\s(*])`[^`\n]+`(?=$|[\s,.;:)!?…*])")
ENTITY = re.compile(r"&(?:amp|lt|gt);")
EMOJI = re.compile(r":[\w+'-]+:")


def length(text: str) -> int:
    """UTF-16 units: the strictest of the ways in which Slack may count."""
    return len(text.encode("utf-16-le")) // 2


def objects(blocks: object) -> Iterator[Mapping[str, Any]]:
    """Every text object."""
    if isinstance(blocks, Mapping):
        if blocks.get("type") in {"mrkdwn", "plain_text"}:
            yield blocks
        for value in blocks.values():
            yield from objects(value)
    elif isinstance(blocks, (list, tuple)):
        for value in blocks:
            yield from objects(value)


def mrkdwns(message: Message) -> list[str]:
    """All that Slack parses: the text, and the text objects that are not plain."""
    return [message.text, *(o["text"] for o in objects(message.blocks) if o["type"] == "mrkdwn")]


def shown(message: Message) -> str:
    """What people read in the blocks, from top to bottom."""
    return "\n".join(o["text"] for o in objects(message.blocks))


def controls(message: Message) -> set[str]:
    """What stands between real angle brackets: links and mentions."""
    return {inside for text in mrkdwns(message) for inside in CONTROL.findall(text)}


def assert_slack_takes(message: Message, key: str) -> None:
    json.dumps(message.blocks).encode()
    (message.text + message.plain).encode()
    assert message.text.strip()
    assert message.plain.strip()
    assert length(message.text) <= 500
    assert (
        sum(length(o["text"]) for o in objects(message.blocks))
        <= {
            Form.FULL: 8_000,
            Form.COMPACT: 1_500,
            Form.TEXT: 0,
        }[message.form]
    )
    assert len(message.blocks) <= {Form.FULL: 50, Form.COMPACT: 3, Form.TEXT: 0}[message.form]
    if message.form is not Form.TEXT:
        assert message.blocks[0]["block_id"] == f"md:{key}"
    for block in message.blocks:
        assert_block(block)


def assert_block(block: Mapping[str, Any]) -> None:
    match block["type"]:
        case "header":
            assert block["text"]["type"] == "plain_text"
            assert 1 <= length(block["text"]["text"]) <= 150
        case "section":
            fields = block.get("fields", [])
            assert len(fields) <= 10
            assert all(1 <= length(field["text"]) <= 2_000 for field in fields)
            assert fields or 1 <= length(block["text"]["text"]) <= 3_000
        case "context":
            assert 1 <= len(block["elements"]) <= 10
            assert all(1 <= length(e["text"]) <= 2_000 for e in block["elements"])
        case other:
            raise AssertionError(other)


def assert_nothing_is_alive_but(message: Message, ours: set[str]) -> None:
    """No mention, link, quote, emoji or formatting but our own; no entity is cut."""
    for block in objects(message.blocks):
        if block["type"] == "mrkdwn":
            assert block["verbatim"] is True
        else:
            assert block["emoji"] is False
    for text in mrkdwns(message):
        assert set(CONTROL.findall(text)) <= ours, text
        rest = CONTROL.sub("", text)
        assert not set(rest) & {"<", ">"}
        assert rest.count("&") == len(ENTITY.findall(rest)), text
        words = CODE.sub(" ", rest)
        assert not set(words) & {"`", "_", "~", "@"}, (text, words)
        assert "://" not in words
        assert not EMOJI.search(words), words
        assert not re.search(r"(?m)^\s*&gt;", words)
        assert all(part.strip() == part and part for part in words.split("*")[1::2]), words
