"""A trend as a small picture: pure SVG, a kilobyte, for a page's Markdown.

Larger figures belong to reports; this one must be cheap enough to hang on every run.
"""

from __future__ import annotations

import base64
import math
import re
import string
from collections.abc import Sequence
from html import escape
from typing import NamedTuple

# CommonMark, 2.4: any of these may be escaped, and then is nothing but itself.
_MARKDOWN = re.compile(f"[{re.escape(string.punctuation)}]")

WIDTH, HEIGHT, MARGIN_LEFT, MARGIN_RIGHT, MARGIN_Y = 460, 120, 46, 12, 20


class Point(NamedTuple):
    """One day of a trend; NaN where there is no value or no interval."""

    label: str
    value: float
    low: float
    high: float


def trend(title: str, points: Sequence[Point], reference: float | None = None) -> str:
    """The trend as an SVG document: interval as a band, reference dashed, gaps left open.

    >>> "<svg" in trend("roc_auc", [Point("2013-04-01", 0.7, 0.65, 0.75)])
    True
    """
    finite = [
        bound for p in points for bound in (p.value, p.low, p.high) if math.isfinite(bound)
    ] + ([reference] if reference is not None else [])
    if not finite:
        return _document(title, '<text x="50%" y="55%" text-anchor="middle">no values yet</text>')
    low, high = min(finite), max(finite)
    pad = (high - low) * 0.08 or abs(high) * 0.05 or 1.0
    scale = _Scale(len(points), low - pad, high + pad)
    parts = [scale.axis(), _band(points, scale)]
    if reference is not None:
        parts.append(_reference_line(reference, scale))
    parts += [_line(points, scale), _dates(points)]
    return _document(title, "".join(parts))


class Picture(str):
    """A picture as a Markdown image that needs no request.

    >>> Picture.of("<svg/>", "a trend")
    '![a trend](data:image/svg+xml;base64,PHN2Zy8+)'
    """

    __slots__ = ()

    @classmethod
    def of(cls, svg: str, alternative: str) -> Picture:
        """Wrap `svg`, with `alternative`, shown literally, for those who cannot see it."""
        data = base64.b64encode(svg.encode()).decode()
        literal = _MARKDOWN.sub(r"\\\g<0>", " ".join(alternative.split()))
        return cls(f"![{literal}](data:image/svg+xml;base64,{data})")


class _Scale:
    def __init__(self, count: int, low: float, high: float) -> None:
        self.step = (WIDTH - MARGIN_LEFT - MARGIN_RIGHT) / max(count - 1, 1)
        self.low, self.high = low, high

    def x(self, index: int) -> float:
        return round(MARGIN_LEFT + index * self.step, 1)

    def y(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return round(HEIGHT - MARGIN_Y - share * (HEIGHT - 2 * MARGIN_Y), 1)

    def axis(self) -> str:
        ticks = [self.low + (self.high - self.low) * share for share in (0.08, 0.5, 0.92)]
        return "".join(
            f'<line x1="{MARGIN_LEFT}" x2="{WIDTH - MARGIN_RIGHT}" y1="{self.y(t)}" '
            f'y2="{self.y(t)}" stroke="#e5e7eb"/>'
            f'<text x="{MARGIN_LEFT - 5}" y="{self.y(t) + 3}" text-anchor="end">{t:.3g}</text>'
            for t in ticks
        )


def _runs(points: Sequence[Point], fields: Sequence[str]) -> list[list[int]]:
    """Stretches of days on which all of `fields` are finite; a gap is never drawn over."""
    runs: list[list[int]] = [[]]
    for index, point in enumerate(points):
        if all(math.isfinite(getattr(point, name)) for name in fields):
            runs[-1].append(index)
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]


def _band(points: Sequence[Point], scale: _Scale) -> str:
    bands = ""
    for run in _runs(points, ("low", "high")):
        upper = [f"{scale.x(i)},{scale.y(points[i].high)}" for i in run]
        lower = [f"{scale.x(i)},{scale.y(points[i].low)}" for i in reversed(run)]
        bands += f'<polygon points="{" ".join(upper + lower)}" fill="#c7d7f5"/>'
    return bands


def _line(points: Sequence[Point], scale: _Scale) -> str:
    lines = ""
    for run in _runs(points, ("value",)):
        path = " ".join(f"{scale.x(i)},{scale.y(points[i].value)}" for i in run)
        lines += f'<polyline points="{path}" fill="none" stroke="#1d4ed8" stroke-width="1.5"/>'
        x, y = scale.x(run[-1]), scale.y(points[run[-1]].value)
        lines += f'<circle cx="{x}" cy="{y}" r="2.2" fill="#1d4ed8"/>'
    return lines


def _reference_line(reference: float, scale: _Scale) -> str:
    y = scale.y(reference)
    return (
        f'<line x1="{MARGIN_LEFT}" x2="{WIDTH - MARGIN_RIGHT}" y1="{y}" y2="{y}" '
        'stroke="#6b7280" stroke-dasharray="4 3"/>'
    )


def _dates(points: Sequence[Point]) -> str:
    y, right = HEIGHT - 5, WIDTH - MARGIN_RIGHT
    first, last = escape(points[0].label), escape(points[-1].label)
    return (
        f'<text x="{MARGIN_LEFT}" y="{y}">{first}</text>'
        f'<text x="{right}" y="{y}" text-anchor="end">{last}</text>'
    )


def _document(title: str, body: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" '
        f'height="{HEIGHT}" font-family="system-ui,sans-serif" font-size="10" fill="#374151">'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>'
        f'<text x="{MARGIN_LEFT}" y="13" font-weight="600">{escape(title)}</text>{body}</svg>'
    )
