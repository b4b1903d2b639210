"""The trend: the leading metric of an incident day by day, as a picture for its thread.

Aggregates only, and the same bytes for the same incident, so that drawing it again changes
nothing. Trends on pages are `reports/sparkline.py`.
"""

from __future__ import annotations

import datetime as dt
import io
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from monitoring_dagster.decisions.wording import number
from monitoring_dagster.incidents.incident import Incident
from monitoring_dagster.notifications import wording
from monitoring_dagster.notifications.escaping import cut
from monitoring_dagster.notifications.message import Picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH, HEIGHT, DPI = 960, 360, 100
INK, GRID, LINE, LIMIT = "#1d1c1d", "#e5e7eb", "#1d4ed8", "#b91c1c"
SHADE, SHADED = "#fde68a", "#854d0e"
FONT = "DejaVu Sans"

LARGEST = 1e100
"""Beyond it an axis cannot be drawn; such a value is left out like one that is not finite."""

MOST_DAYS = 1_000
TICKS = 8

Point = tuple[dt.date, float]


def picture(incident: Incident) -> Picture | None:
    """The trend with its limit, the incident's days shaded; None where there is nothing to draw."""
    points = _drawable(incident.context.trend)
    if not points:
        return None
    what = cut(incident.context.trend_of, 80) or "leading metric"
    return Picture(
        png=_png(incident, points, what),
        title=cut(f"{what}, {wording.days(points[0][0], points[-1][0])}", 150),
        alternative=_alternative(incident, points, what),
    )


def _drawable(trend: Sequence[Point]) -> list[Point]:
    points = [(day, value) for day, value in trend if abs(value) <= LARGEST]
    return sorted(points)[-MOST_DAYS:]


def _limit(incident: Incident) -> float | None:
    limit = incident.context.trend_limit
    return limit if limit is not None and abs(limit) <= LARGEST else None


def _alternative(incident: Incident, points: Sequence[Point], what: str) -> str:
    (first, _), (last, value) = points[0], points[-1]
    limit = _limit(incident)
    held = f" The dashed line is its limit, {number(limit)}." if limit is not None else ""
    return (
        f"{what} day by day, {wording.days(first, last)}: {number(value)} on "
        f"{wording.day(last)}.{held} The days of the incident are shaded: "
        f"{wording.days(incident.since, incident.last_day)}."
    )


def _png(incident: Incident, points: Sequence[Point], what: str) -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH / DPI, HEIGHT / DPI), dpi=DPI, facecolor="white")
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_axes((0.085, 0.13, 0.885, 0.72))
    _draw(axes, points, incident)
    _label(axes, points, f"{incident.monitor}: {incident.title}", what)
    drawn = io.BytesIO()
    # Without matplotlib's own version in it, an upgrade alone does not make another picture.
    canvas.print_png(drawn, metadata={"Software": None})
    return drawn.getvalue()


def _draw(axes: Axes, points: Sequence[Point], incident: Incident) -> None:
    # Days as plain numbers: matplotlib's own dates end where calendars do not.
    first, last = points[0][0].toordinal(), points[-1][0].toordinal()
    start = max(incident.since.toordinal(), first) - 0.5
    end = min(incident.last_day.toordinal(), last) + 0.5
    if start < end:
        axes.axvspan(start, end, color=SHADE, alpha=0.6, linewidth=0, zorder=0)
        axes.annotate(
            "incident",
            (start, 1),
            xycoords=("data", "axes fraction"),
            xytext=(4, -12),
            textcoords="offset points",
            color=SHADED,
            fontsize=9,
            fontfamily=FONT,
        )
    days, values = _with_gaps(points)
    axes.plot(days, values, color=LINE, linewidth=1.6, marker="o", markersize=3.2, zorder=3)
    axes.set_xlim(first - 1, last + 1)
    if (limit := _limit(incident)) is not None:
        axes.axhline(limit, color=LIMIT, linewidth=1.3, linestyle=(0, (5, 3)), zorder=2)
        axes.annotate(
            f"limit {number(limit)}",
            (1, limit),
            xycoords=("axes fraction", "data"),
            xytext=(-4, 4),
            textcoords="offset points",
            ha="right",
            color=LIMIT,
            fontsize=9,
            fontfamily=FONT,
        )
    axes.margins(y=0.15)


def _with_gaps(points: Sequence[Point]) -> tuple[list[int], list[float]]:
    """Days and values; a day without a value breaks the line instead of being drawn over."""
    days: list[int] = []
    values: list[float] = []
    for day, value in points:
        if days and day.toordinal() > days[-1] + 1:
            days.append(days[-1] + 1)
            values.append(math.nan)
        days.append(day.toordinal())
        values.append(value)
    return days, values


def _label(axes: Axes, points: Sequence[Point], title: str, what: str) -> None:
    # `parse_math` off: a dollar in a name is a dollar.
    shown = {"color": INK, "fontfamily": FONT, "parse_math": False}
    axes.set_title(_drawn(cut(title, 100)), loc="left", fontsize=11, fontweight="bold", **shown)
    axes.set_ylabel(_drawn(cut(what, 46)), fontsize=9, **shown)
    step = max(1, math.ceil(len(points) / TICKS))
    days = [day for day, _ in points][::-1][::step][::-1]
    axes.set_xticks(
        [day.toordinal() for day in days],
        [wording.day(day).split(" ", 1)[1].rsplit(" ", 1)[0] for day in days],
        fontfamily=FONT,
        fontsize=9,
        color=INK,
    )
    axes.tick_params(axis="y", labelsize=9, labelcolor=INK, labelfontfamily=FONT)
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)


def _drawn(text: str) -> str:
    """`text` without backticks; what the font lacks, of which matplotlib warns, is a box."""
    from matplotlib.font_manager import FontProperties, findfont, get_font

    font = get_font(findfont(FontProperties(family=FONT)))
    return "".join(c if font.get_char_index(ord(c)) else "□" for c in text.replace("`", ""))
