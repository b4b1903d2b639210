"""A table of results and how it is printed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple


class Table(NamedTuple):
    """What was measured: rows of text under a header, with what a reader has to know."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()

    def __str__(self) -> str:
        """The table as Markdown, columns aligned."""
        lines = [list(self.header), *map(list, self.rows)]
        widths = [max(len(line[i]) for line in lines) for i in range(len(self.header))]
        ruled = [lines[0], ["-" * width for width in widths], *lines[1:]]
        body = [
            "| " + " | ".join(f"{c:<{w}}" for c, w in zip(line, widths, strict=True)) + " |"
            for line in ruled
        ]
        return "\n".join([f"\n## {self.title}\n", *body, "", *(f"- {n}" for n in self.notes)])


def percent(share: float) -> str:
    """A share as text.

    >>> percent(0.0046), percent(0.25), percent(1.0), percent(float("nan"))
    ('0.5 %', '25 %', '100 %', '–')
    """
    if math.isnan(share):
        return "–"
    return f"{share:.1%}".replace("%", " %") if 0 < share < 0.1 else f"{share:.0%}"[:-1] + " %"


def number(value: float) -> str:
    """A count of days, or what stands for never.

    >>> number(3.0), number(0.25), number(math.inf), number(math.nan)
    ('3', '0.2', 'never', '–')
    """
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "never"
    return f"{value:.0f}" if value == round(value) else f"{value:.1f}"
