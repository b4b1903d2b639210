"""A YAML text as a flat list of events; the only module that knows the parser, ruamel.

What the events mean, and which are refused, is `document`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.reader import ReaderError

EventKind = Literal["document", "section", "list", "end", "scalar", "alias"]

_KINDS: dict[str, EventKind] = {
    "DocumentStartEvent": "document",
    "MappingStartEvent": "section",
    "SequenceStartEvent": "list",
    "DocumentEndEvent": "end",
    "MappingEndEvent": "end",
    "SequenceEndEvent": "end",
    "ScalarEvent": "scalar",
    "AliasEvent": "alias",
}


@dataclass(frozen=True, slots=True)
class Event:
    """One step of the parser; `text` is a scalar's, `is_plain` says that it has no quotes."""

    kind: EventKind
    line: int
    text: str = ""
    is_plain: bool = False
    anchor: str | None = None
    tag: str | None = None
    has_directive: bool = False


class NotYaml(Exception):
    """The text breaks the grammar of YAML in `line`."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


def events(text: str) -> Iterator[Event]:
    """The events of a text, one at a time, so that the reader can stop at any depth.

    Raises:
        NotYaml: where the text breaks the grammar.
    """
    yaml: Any = YAML(typ="safe", pure=True)
    yaml.version = (1, 2)
    try:
        for event in yaml.parse(text):
            kind = _KINDS.get(type(event).__name__)
            if kind is not None:  # all but the ends of the stream
                yield _event(kind, event)
    except MarkedYAMLError as error:
        raise _not_yaml(error) from None
    except ReaderError as error:
        reader: Any = error
        line = text.count("\n", 0, reader.position) + 1
        raise NotYaml(line, "it holds a control character") from None
    except (YAMLError, RecursionError, ValueError, LookupError, AssertionError) as error:
        raise NotYaml(1, str(error)) from None


def _event(kind: EventKind, event: Any) -> Event:
    tag = getattr(event, "ctag", None)
    return Event(
        kind=kind,
        line=event.start_mark.line + 1,
        text=event.value if kind == "scalar" else "",
        is_plain=kind == "scalar" and event.style is None,
        anchor=getattr(event, "anchor", None),
        tag=None if tag is None else str(tag),
        has_directive=kind == "document" and bool(event.version or event.tags),
    )


def _not_yaml(error: Any) -> NotYaml:
    mark = error.problem_mark or error.context_mark
    said = error.problem or error.context or "it cannot be parsed"
    return NotYaml(mark.line + 1 if mark else 1, str(said))
