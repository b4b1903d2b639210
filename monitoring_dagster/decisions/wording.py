"""How verdicts speak: numbers, effects and streaks in words.

Only phrases; whole sentences are the rules' own.
"""

from __future__ import annotations

TENFOLD = 9.0

_ORDINALS = {1: "st", 2: "nd", 3: "rd"}


def number(value: float | None) -> str:
    """A number as people read it: three significant digits, no exponent where that is short.

    >>> number(0.61234), number(1234567.0), number(0.0), number(None)
    ('0.612', '1,234,567', '0', 'unknown')
    """
    if value is None:
        return "unknown"
    if value == 0:
        return "0"
    if abs(value) >= 1_000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def ordinal(count: int) -> str:
    """The count as a place in a row.

    >>> [ordinal(n) for n in (1, 2, 3, 4, 11, 22, 112)]
    ['1st', '2nd', '3rd', '4th', '11th', '22nd', '112th']
    """
    ending = "th" if count % 100 in (11, 12, 13) else _ORDINALS.get(count % 10, "th")
    return f"{count}{ending}"


def size(effect: float, unit: str) -> str:
    """An effect with its unit.

    >>> size(0.412, "σ"), size(0.0213, "points"), size(0.25, "relative")
    ('0.41 σ', '2.1 points', '25 %')
    """
    if unit == "σ":
        return f"{effect:.2f} σ"
    if unit == "points":
        return f"{100 * effect:.1f} points"
    # Of a few days' reference the tails of times are so wide that a percentage reads as a slip.
    return f"{100 * effect:.0f} %" if effect < TENFOLD else "a factor of ten"


def streak(days: int) -> str:
    """How long it has been going on; nothing for a first day.

    >>> streak(1), streak(4)
    ('', ', 4th day in a row')
    """
    return f", {ordinal(days)} day in a row" if days > 1 else ""


def place(rank: int | None, of: int | None) -> str:
    """The rank of a feature's importance.

    >>> place(2, 13)
    ', importance rank 2 of 13'
    """
    return "" if rank is None else f", importance rank {rank} of {of}"
