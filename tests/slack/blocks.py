"""What Slack accepts as blocks and metadata, with its limits and the way it names what is wrong.

Limits: docs.slack.dev/reference/block-kit; the limit of all blocks together is not documented,
others measured it between 9,597 and 11,341 characters (github.com/slackapi/bolt-js/issues/2867).
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from tests.slack.replies import Refused

MOST_BLOCKS = 50
MOST_CHARACTERS = 10_000
MOST_METADATA_BYTES = 8_000

Problems = Iterator[str]
"""Sentences in Slack's words, each with the place as a JSON pointer."""


def checked_blocks(blocks: Any) -> list[dict[str, Any]]:
    """The blocks as they are kept, each with a block_id.

    Raises:
        Refused: `invalid_blocks_format`, `invalid_blocks` or `msg_blocks_too_long`.
    """
    if not isinstance(blocks, list) or not all(isinstance(block, dict) for block in blocks):
        raise Refused("invalid_blocks_format")
    if problems := list(_problems(blocks)):
        raise Refused("invalid_blocks", *problems)
    if sum(_lengths(blocks)) > MOST_CHARACTERS:
        raise Refused("msg_blocks_too_long")
    kept = json.loads(json.dumps(blocks))
    for number, block in enumerate(kept):
        block.setdefault("block_id", f"auto{number}")
    return kept


def checked_metadata(metadata: Any) -> dict[str, Any]:
    """The metadata as it is kept.

    Raises:
        Refused: `invalid_metadata_format`, `invalid_metadata_schema` or `metadata_too_large`.
    """
    if not isinstance(metadata, dict) or metadata.keys() != {"event_type", "event_payload"}:
        raise Refused("invalid_metadata_format")
    kind, payload = metadata["event_type"], metadata["event_payload"]
    if not isinstance(kind, str) or not re.fullmatch(r"\w{1,255}", kind):
        raise Refused("invalid_metadata_schema")
    if not isinstance(payload, dict) or not all(_is_plain(value) for value in payload.values()):
        raise Refused("invalid_metadata_schema")
    text = json.dumps(metadata)
    if len(text) > MOST_METADATA_BYTES:
        raise Refused("metadata_too_large")
    return json.loads(text)


def _is_plain(value: Any) -> bool:
    if isinstance(value, list):
        return all(_is_plain(item) for item in value)
    return isinstance(value, str | int | float | bool)


def _lengths(node: Any) -> Iterator[int]:
    """Lengths of all texts below a node."""
    if isinstance(node, dict):
        for name, value in node.items():
            if name == "text" and isinstance(value, str):
                yield len(value)
            else:
                yield from _lengths(value)
    elif isinstance(node, list):
        for value in node:
            yield from _lengths(value)


def _problems(blocks: list[dict[str, Any]]) -> Problems:
    if len(blocks) > MOST_BLOCKS:
        yield f"no more than {MOST_BLOCKS} items allowed [json-pointer:/blocks]"
    seen: set[str] = set()
    for number, block in enumerate(blocks):
        place = f"/blocks/{number}"
        yield from _known(block, place, BLOCKS)
        if "block_id" in block:
            yield from _text(block["block_id"], f"{place}/block_id", 255)
            if block["block_id"] in seen:
                yield f"block_id already exists: {block['block_id']} [json-pointer:{place}]"
            seen.add(str(block["block_id"]))


def _known(
    node: Any, place: str, kinds: Mapping[str, Callable[[dict[str, Any], str], Problems]]
) -> Problems:
    """Check a node by its type, if that is one of those allowed here."""
    if not isinstance(node, dict):
        yield f"must be an object [json-pointer:{place}]"
    elif "type" not in node:
        yield f"missing required field: type [json-pointer:{place}]"
    elif node["type"] not in kinds:
        yield f"unsupported type: {node['type']} [json-pointer:{place}/type]"
    else:
        yield from kinds[node["type"]](node, place)


def _fields(
    node: dict[str, Any], place: str, required: Collection[str], optional: Collection[str] = ()
) -> Problems:
    allowed = {"type", "block_id", *required, *optional}
    for name in required:
        if name not in node:
            yield f"missing required field: {name} [json-pointer:{place}]"
    for name in node.keys() - allowed:
        yield f"invalid additional property: {name} [json-pointer:{place}]"


def _text(value: Any, place: str, most: int) -> Problems:
    if not isinstance(value, str):
        yield f"must be a string [json-pointer:{place}]"
    elif not value:
        yield f"must be more than 0 characters [json-pointer:{place}]"
    elif len(value) > most:
        yield f"must be less than {most + 1} characters [json-pointer:{place}]"


def _plain_text(node: dict[str, Any], place: str, most: int) -> Problems:
    yield from _fields(node, place, ["text"], ["emoji"])
    yield from _text(node.get("text"), f"{place}/text", most)


def _mrkdwn(node: dict[str, Any], place: str, most: int) -> Problems:
    yield from _fields(node, place, ["text"], ["verbatim"])
    yield from _text(node.get("text"), f"{place}/text", most)


def _text_object(node: Any, place: str, most: int) -> Problems:
    kinds = {
        "plain_text": lambda node, place: _plain_text(node, place, most),
        "mrkdwn": lambda node, place: _mrkdwn(node, place, most),
    }
    yield from _known(node, place, kinds)


def _plain_only(node: Any, place: str, most: int) -> Problems:
    kinds = {"plain_text": lambda node, place: _plain_text(node, place, most)}
    yield from _known(node, place, kinds)


def _items(value: Any, place: str, most: int) -> Problems:
    if not isinstance(value, list):
        yield f"must be an array [json-pointer:{place}]"
    elif not value:
        yield f"no less than 1 items allowed [json-pointer:{place}]"
    elif len(value) > most:
        yield f"no more than {most} items allowed [json-pointer:{place}]"


def _each(value: Any, place: str) -> Iterator[tuple[Any, str]]:
    if isinstance(value, list):
        for number, item in enumerate(value):
            yield item, f"{place}/{number}"


def _address(value: Any, place: str) -> Problems:
    yield from _text(value, place, 3_000)
    if isinstance(value, str) and urlsplit(value).scheme not in {"http", "https", "mailto", "tel"}:
        yield f"invalid url [json-pointer:{place}]"


def _section(node: dict[str, Any], place: str) -> Problems:
    yield from _fields(node, place, [], ["text", "fields", "accessory", "expand"])
    if "text" not in node and "fields" not in node:
        yield f"missing required field: text [json-pointer:{place}]"
    if "text" in node:
        yield from _text_object(node["text"], f"{place}/text", 3_000)
    if "fields" in node:
        yield from _items(node["fields"], f"{place}/fields", 10)
        for item, where in _each(node["fields"], f"{place}/fields"):
            yield from _text_object(item, where, 2_000)
    if "accessory" in node:
        yield from _known(node["accessory"], f"{place}/accessory", ACCESSORIES)


def _header(node: dict[str, Any], place: str) -> Problems:
    yield from _fields(node, place, ["text"])
    yield from _plain_only(node.get("text"), f"{place}/text", 150)


def _context(node: dict[str, Any], place: str) -> Problems:
    yield from _fields(node, place, ["elements"])
    yield from _items(node.get("elements"), f"{place}/elements", 10)
    kinds = {
        "plain_text": lambda node, place: _plain_text(node, place, 3_000),
        "mrkdwn": lambda node, place: _mrkdwn(node, place, 3_000),
        "image": _image_element,
    }
    for item, where in _each(node.get("elements"), f"{place}/elements"):
        yield from _known(item, where, kinds)


def _divider(node: dict[str, Any], place: str) -> Problems:
    yield from _fields(node, place, [])


def _actions(node: dict[str, Any], place: str) -> Problems:
    yield from _fields(node, place, ["elements"])
    yield from _items(node.get("elements"), f"{place}/elements", 25)
    ids: set[str] = set()
    for item, where in _each(node.get("elements"), f"{place}/elements"):
        yield from _known(item, where, {"button": _button})
        action = item.get("action_id") if isinstance(item, dict) else None
        if action is not None and action in ids:
            yield f"action_id already exists: {action} [json-pointer:{where}]"
        ids.add(str(action))


def _button(node: dict[str, Any], place: str) -> Problems:
    optional = ["action_id", "url", "value", "style", "accessibility_label", "confirm"]
    yield from _fields(node, place, ["text"], optional)
    yield from _plain_only(node.get("text"), f"{place}/text", 75)
    for name, most in (("action_id", 255), ("value", 2_000), ("accessibility_label", 75)):
        if name in node:
            yield from _text(node[name], f"{place}/{name}", most)
    if "url" in node:
        yield from _address(node["url"], f"{place}/url")
    if node.get("style", "primary") not in {"primary", "danger"}:
        yield f"must be one of the allowed values [json-pointer:{place}/style]"


def _picture(node: dict[str, Any], place: str) -> Problems:
    yield from _text(node.get("alt_text"), f"{place}/alt_text", 2_000)
    yield from _address(node.get("image_url"), f"{place}/image_url")
    if not _is_public(str(node.get("image_url"))):
        yield f"downloading image failed [json-pointer:{place}/image_url]"


def _image(node: dict[str, Any], place: str) -> Problems:
    yield from _fields(node, place, ["image_url", "alt_text"], ["title"])
    yield from _picture(node, place)
    if "title" in node:
        yield from _plain_only(node["title"], f"{place}/title", 2_000)


def _image_element(node: dict[str, Any], place: str) -> Problems:
    yield from _fields(node, place, ["image_url", "alt_text"])
    yield from _picture(node, place)


def _markdown(node: dict[str, Any], place: str) -> Problems:
    yield from _fields(node, place, ["text"])
    yield from _text(node.get("text"), f"{place}/text", 12_000)


def _is_public(url: str) -> bool:
    """Whether Slack, which fetches pictures from the internet, can reach the host."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return "." in host and not host.endswith((".local", ".internal", ".localhost"))


BLOCKS: Mapping[str, Callable[[dict[str, Any], str], Problems]] = {
    "section": _section,
    "header": _header,
    "context": _context,
    "divider": _divider,
    "actions": _actions,
    "image": _image,
    "markdown": _markdown,
}
"""The types that are known here; Slack has more (input, video, rich_text, table)."""

ACCESSORIES: Mapping[str, Callable[[dict[str, Any], str], Problems]] = {
    "button": _button,
    "image": _image_element,
}
