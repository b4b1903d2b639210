"""Generations: the keys of messages that take the place of one that is gone.

When that is done is decided in `notifications`.
"""

from __future__ import annotations

import re


def next_key(kind: str, key: str) -> str:
    """The key of the message that takes the place of one that is gone.

    >>> next_key("root", "root:MD-7F3A9C:1"), next_key("digest", "digest:backfill:7~2")
    ('root:MD-7F3A9C:2', 'digest:backfill:7~3')
    >>> next_key("digest", "digest:backfill:7")
    'digest:backfill:7~2'
    """
    separator, name, number = _parts(kind, key)
    return f"{name}{separator}{number + 1}"


def generation(kind: str, key: str) -> int:
    """How many messages there were in its place, with this one.

    >>> generation("root", "root:MD-7F3A9C:2"), generation("digest", "digest:backfill:7")
    (2, 1)
    """
    return _parts(kind, key)[2]


def _parts(kind: str, key: str) -> tuple[str, str, int]:
    separator = ":" if kind == "root" else "~"
    found = re.fullmatch(rf"(.*){separator}([0-9]+)", key)
    return (separator, found[1], int(found[2])) if found else (separator, key, 1)
