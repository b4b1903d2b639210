"""A YAML text as plain data, with the line of every key; what is dangerous or doubtful is refused.

The parser is ruamel's; only its events are used. Data is built here, since a constructor would
follow aliases and tags, keep the last of two equal keys, and forget the lines.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Union

from monitoring_dagster.monitors.events import Event, NotYaml, events
from monitoring_dagster.monitors.problems import Key, Problem, dotted, shown

MAX_BYTES = 256 * 1024
MAX_DEPTH = 32
MAX_DIGITS = 300

Data = Union[None, bool, int, float, str, list["Data"], dict[str, "Data"]]  # noqa: UP007 - recursive

# YAML 1.2.2, section 10.3.2, core schema. Everything else that is plain is text, dates included:
# `010` is ten, `1e-3` a number, `NO` and `12:30:45` are text.
_CORE_SCHEMA: tuple[tuple[re.Pattern[str], Callable[[str], Data]], ...] = (
    (re.compile(r"null|Null|NULL|~|"), lambda _: None),
    (re.compile(r"true|True|TRUE"), lambda _: True),
    (re.compile(r"false|False|FALSE"), lambda _: False),
    (re.compile(r"[-+]?[0-9]+"), int),
    (re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+"), lambda text: int(text, 0)),
    (re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"), float),
    (re.compile(r"[-+]?\.(inf|Inf|INF)"), lambda text: float(text.replace(".", ""))),
    (re.compile(r"\.(nan|NaN|NAN)"), lambda _: float("nan")),
)


@dataclass
class Document:
    """What a file says: its data, the line of every key, and what was refused."""

    file: str
    data: Data = None
    lines: dict[Key, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    is_complete: bool = True  # False where reading stopped, so that `data` must not be judged

    def refuse(self, line: int, key: Key, message: str) -> None:
        """Note a problem and read on."""
        self.problems.append(Problem(self.file, line, dotted(key), message))

    def line_of(self, key: Key) -> int:
        """Line of a key, or of the nearest section around it that exists."""
        while key and key not in self.lines:
            key = key[:-1]
        return self.lines.get(key, 1)

    def at(self, key: Key) -> Data:
        """The value of a key, None where it does not exist."""
        value = self.data
        for part in key:
            if isinstance(value, dict) and isinstance(part, str):
                value = value.get(part)
            elif isinstance(value, list) and isinstance(part, int) and part < len(value):
                value = value[part]
            else:
                return None
        return value


class _Stop(Exception):
    """Nothing after this point can be read."""

    def __init__(self, line: int, key: Key, message: str) -> None:
        super().__init__(message)
        self.line, self.key = line, key


def parse(content: bytes, file: str) -> Document:
    r"""Read a whole file; never raises, every refusal is a problem of the document.

    >>> document = parse(b"a: 010\nb: [NO, 2026-01-31]\n", "x.yaml")
    >>> document.data, document.line_of(("b", 1))
    ({'a': 10, 'b': ['NO', '2026-01-31']}, 2)
    """
    document = Document(file)
    try:
        document.data = _Builder(document).build(_checked_text(content))
    except _Stop as stop:
        document.refuse(stop.line, stop.key, str(stop))
        document.is_complete = False
    except NotYaml as error:
        document.refuse(error.line, (), f"is not YAML: {error}")
        document.is_complete = False
    return document


def _checked_text(content: bytes) -> str:
    if len(content) > MAX_BYTES:
        raise _Stop(1, (), f"is larger than {MAX_BYTES // 1024} kB, the most that is read")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _Stop(
            line, (), f"byte 0x{content[error.start]:02x} is not UTF-8; save the file as UTF-8"
        ) from None


class _Builder:
    def __init__(self, document: Document) -> None:
        self._document = document

    def build(self, text: str) -> dict[str, Data]:
        root: Data = None
        count = 0
        steps = events(text)
        for event in steps:
            if event.kind == "document":
                count += 1
                if count > 1:
                    raise _Stop(event.line, (), "holds several documents, required is one")
                if event.has_directive:
                    self._document.refuse(1, (), "has a % directive; leave it out")
                first = next(steps)
                self._document.lines[()] = first.line
                root = self._value(steps, first, ())
        if root is None:
            raise _Stop(1, (), "is empty, required is a monitor that begins with schema_version: 1")
        if not isinstance(root, dict):
            line = self._document.line_of(())
            raise _Stop(line, (), f"holds {shown(root)}, required are keys and their values")
        return root

    def _value(self, steps: Iterator[Event], event: Event, key: Key) -> Data:
        if len(key) >= MAX_DEPTH:
            raise _Stop(event.line, key[:3], f"is nested deeper than {MAX_DEPTH} levels")
        self._refuse_references(event, key)
        if event.kind == "scalar":
            return self._scalar(event, key)
        if event.kind == "list":
            return self._list(steps, key)
        if event.kind == "section":
            return self._section(steps, key)
        return None  # an alias, refused above

    def _refuse_references(self, event: Event, key: Key) -> None:
        if event.kind == "alias":
            self._document.refuse(
                event.line, key, f"*{event.anchor} is an alias; write the value out instead"
            )
        elif event.anchor is not None:
            self._document.refuse(
                event.line, key, f"&{event.anchor} is an anchor; write the value out instead"
            )
        if event.tag is not None:
            self._document.refuse(
                event.line, key, f"has the tag {shown(event.tag)}; tags are not read, leave it out"
            )

    def _list(self, steps: Iterator[Event], key: Key) -> list[Data]:
        items: list[Data] = []
        for event in steps:
            if event.kind == "end":
                break
            place = (*key, len(items))
            self._document.lines.setdefault(place, event.line)
            items.append(self._value(steps, event, place))
        return items

    def _section(self, steps: Iterator[Event], key: Key) -> dict[str, Data]:
        section: dict[str, Data] = {}
        for event in steps:
            if event.kind == "end":
                break
            name = self._key_name(event, key)
            place = (*key, name)
            if name in section:
                first = self._document.lines[place]
                self._document.refuse(
                    event.line, place, f"is given twice, first in line {first}; keep one"
                )
                self._value(steps, next(steps), place)
                continue
            self._document.lines.setdefault(place, event.line)
            section[name] = self._value(steps, next(steps), place)
        return section

    def _key_name(self, event: Event, key: Key) -> str:
        if event.kind != "scalar":
            raise _Stop(event.line, key, "has a list, a section or an alias as a key; use text")
        self._refuse_references(event, key)
        name = self._scalar(event, key)
        if not isinstance(name, str):
            self._document.refuse(
                event.line, (*key, event.text), f"the key {shown(name)} is not text; quote it"
            )
        return event.text

    def _scalar(self, event: Event, key: Key) -> Data:
        text = event.text
        if any(_is_unprintable(character) for character in text):
            self._document.refuse(
                event.line, key, "holds a control character or half a character; leave it out"
            )
            return None
        if not event.is_plain:
            return text
        if len(text) > MAX_DIGITS and re.fullmatch(r"[-+]?(0[xo])?[0-9a-fA-F.]+", text):
            self._document.refuse(event.line, key, f"is longer than {MAX_DIGITS} digits")
            return None
        return next((read(text) for core, read in _CORE_SCHEMA if core.fullmatch(text)), text)


def _is_unprintable(character: str) -> bool:
    # Databases refuse NUL, and half a surrogate pair cannot be written as UTF-8.
    return (character < " " and character not in "\t\n") or "\ud800" <= character <= "\udfff"
