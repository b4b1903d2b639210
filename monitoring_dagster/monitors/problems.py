"""A problem of a document: where it is, what is wrong, what would be right.

Only the shape and how a value is shown; finding problems is `document`, `wording` and `loader`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

Key = tuple[str | int, ...]
"""A place in a document: the keys, and positions in lists, that lead to it."""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing that is wrong with one file; `line` counts from 1, `key` is empty for the file.

    A path at which there is no file has line 0.

    >>> str(Problem("churn.yaml", 3, "model.task", "got 'binery', required one of binary"))
    "churn.yaml:3: model.task: got 'binery', required one of binary"
    """

    file: str
    line: int
    key: str
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.key}: {self.message}" if self.key else f"{place}: {self.message}"


def dotted(key: Key) -> str:
    """A key as people write it.

    >>> dotted(("slos", 0, "metric"))
    'slos[0].metric'
    """
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in key)
    return one_line(text.removeprefix("."), limit=200)


def shown(value: object) -> str:
    """A value as it is shown in a message: short, in one line, without credentials.

    >>> shown(True), shown(None), shown([1, 2]), shown("postgresql://me:secret@host/db")
    ('true', 'nothing', 'a list of 2', "'postgresql://…@host/db'")
    """
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"'{one_line(re.sub(r'//[^/@]*@', '//…@', value), limit=60)}'"
    if isinstance(value, dict):
        return "a section"
    if isinstance(value, list):
        return f"a list of {len(value)}"  # pyright: ignore[reportUnknownArgumentType] - any list
    return one_line(str(value), limit=60)


def one_line(text: str, *, limit: int) -> str:
    """Text without line breaks and control characters, cut to `limit` characters."""
    clean = "".join(
        c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text[: limit + 1]
    )
    return clean if len(clean) <= limit else f"{clean[: limit - 1]}…"
