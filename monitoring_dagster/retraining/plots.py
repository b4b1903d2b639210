"""Plots of champion and challenger on the validation days: SVG for the report and the MLflow run.

Aggregates only, no point of fewer than 10 rows, and the same bytes for the same figures. What is
compared, and decided, is the gate's business; the report puts them on a page.
"""

from __future__ import annotations

import datetime as dt
import io
import math
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from monitoring_dagster.decisions.importance.scoring import roc_auc
from monitoring_dagster.decisions.wording import number
from monitoring_dagster.notifications import wording
from monitoring_dagster.notifications.escaping import cut
from monitoring_dagster.retraining.naming import CHALLENGER, CHAMPION

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]
Answers = Mapping[str, Floats]
"""Answers by model, `champion` and `challenger`, each (n,) and finite; the champion may lack."""

Place = Literal["lower right", "upper left", "upper right"]

FEWEST_ROWS = 10
FONT = "DejaVu Sans"
INK, GREY, GRID = "#1d1c1d", "#6b7280", "#e5e7eb"
COLOURS = {CHAMPION: GREY, CHALLENGER: "#1d4ed8"}
DARK = {INK: "#e5e7eb", GREY: "#9ca3af", GRID: "#374151", COLOURS[CHALLENGER]: "#6ea0ff"}
"""What a colour becomes where the reader's screen is dark."""

WIDTH, HEIGHT = 5.6, 3.6
MOST_POINTS, BINS, CELLS, MOST_BARS, MOST_TICKS = 200, 10, 41, 15, 7


@dataclass(frozen=True, slots=True)
class Plot:
    """One plot.

    Args:
        name: of its file, without ending.
        title: what it shows.
        alternative: what it shows, in words for those who cannot see it.
        svg: a document that needs nothing else.
    """

    name: str
    title: str
    alternative: str
    svg: str


class DayFigures(NamedTuple):
    """A metric of one day, by model, and how many labelled rows it is of."""

    day: dt.date
    rows: int
    values: Mapping[str, float]


def roc(labels: Floats, answers: Answers) -> Plot | None:
    """The receiver operating characteristic of both models; None where a class is absent.

    Args:
        labels: (n,) of 0 and 1.
        answers: probabilities of the positive class.
    """
    positives = int(labels.sum())
    if min(positives, len(labels) - positives) < FEWEST_ROWS:
        return None
    figure, axes = _axes("share of negatives called positive", "share of positives found")
    axes.plot([0, 1], [0, 1], color=GRID, linewidth=1.2, zorder=1)
    areas = {model: roc_auc(labels, scores) for model, scores in answers.items()}
    for model, scores in answers.items():
        false, true = _roc_points(labels, scores)
        axes.plot(false, true, **_line(model), label=f"{model}, area {areas[model]:.3f}")
    axes.set_xlim(-0.01, 1.01)
    axes.set_ylim(-0.01, 1.01)
    _legend(axes, "lower right")
    told = ", ".join(f"{model} {area:.3f}" for model, area in areas.items())
    return _plot(figure, "roc", "Separation (ROC)", f"Area under the ROC curve: {told}.")


def calibration(labels: Floats, answers: Answers) -> Plot | None:
    """What came true against what was predicted, in tenths of the rows; None for few rows.

    The bars are 95 % Wilson intervals.
    """
    if len(labels) < BINS * FEWEST_ROWS:
        return None
    figure, axes = _axes("mean predicted probability", "share that came true")
    highest = 0.0
    misses: dict[str, float] = {}
    for model, scores in answers.items():
        parts = np.array_split(np.argsort(scores, kind="stable"), BINS)
        predicted = np.array([scores[part].mean() for part in parts])
        observed = np.array([labels[part].mean() for part in parts])
        rows = np.array([len(part) for part in parts])
        low, high = _wilson(observed, rows)
        axes.vlines(predicted, low, high, color=COLOURS[model], linewidth=1.1, alpha=0.55)
        axes.plot(predicted, observed, **_line(model), marker="o", markersize=3.6, label=model)
        highest = max(highest, float(high.max()), float(predicted.max()))
        misses[model] = float(np.average(np.abs(predicted - observed), weights=rows))
    axes.plot([0, 1], [0, 1], color=GRID, linewidth=1.2, zorder=1)
    limit = min(1.0, highest * 1.06)
    axes.set_xlim(-0.02 * limit, limit)
    axes.set_ylim(-0.02 * limit, limit)
    _legend(axes, "upper left")
    told = ", ".join(f"{model} {number(miss)}" for model, miss in misses.items())
    text = f"Mean distance of predicted and observed shares: {told}."
    return _plot(figure, "calibration", "Calibration", text)


def residuals(targets: Floats, answers: Answers) -> Plot | None:
    """How far predictions are off, as shares of the rows; None for few rows.

    The outermost cells hold all that lies beyond; cells of fewer than 10 rows stay empty.
    """
    if len(targets) < FEWEST_ROWS:
        return None
    errors = {model: predicted - targets for model, predicted in answers.items()}
    ends = np.quantile(np.concatenate(list(errors.values())), [0.01, 0.99])
    reach = float(np.abs(ends).max()) or 1.0
    edges = np.linspace(-reach, reach, CELLS + 1)
    figure, axes = _axes("prediction minus truth", "share of rows, in %")
    axes.axvline(0, color=GRID, linewidth=1.2, zorder=1)
    for model, error in errors.items():
        counts, _ = np.histogram(np.clip(error, -reach, reach), edges)
        shares = 100 * np.where(counts < FEWEST_ROWS, 0, counts) / len(error)
        label = f"{model}, off by {number(float(np.abs(error).mean()))} on average"
        axes.stairs(shares, edges, color=COLOURS[model], linewidth=1.8, label=label)
    _legend(axes, "upper right")
    axes.margins(y=0.3)
    told = ", ".join(f"{m} {number(float(np.abs(e).mean()))}" for m, e in errors.items())
    return _plot(figure, "residuals", "Errors", f"Mean absolute error: {told}.")


def importance(losses: Mapping[str, float], metric: str) -> Plot | None:
    """What the challenger loses when one feature is shuffled, the most important first.

    Args:
        losses: of `metric`, by feature, as `decisions.importance.permutation` gives them.
        metric: what is lost.
    """
    known = {name: loss for name, loss in losses.items() if math.isfinite(loss)}
    ranked = sorted(known, key=lambda name: (-known[name], name))[:MOST_BARS]
    if not ranked:
        return None
    figure, axes = _axes(f"{metric} lost when shuffled", "")
    places = list(range(len(ranked)))[::-1]
    values = [known[name] for name in ranked]
    axes.barh(places, values, height=0.62, color=COLOURS[CHALLENGER], zorder=2)
    names = [_drawn(cut(name, 28)) for name in ranked]
    axes.set_yticks(places, names, **_text(9), parse_math=False)
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)
    axes.axvline(0, color=INK, linewidth=0.8)
    told = ", ".join(f"{name} {number(known[name])}" for name in ranked[:5])
    text = f"Permutation importance of the challenger: {told}."
    return _plot(figure, "importance", "What the challenger looks at", text)


def daily(points: Sequence[DayFigures], metric: str) -> Plot | None:
    """A metric of both models day by day; days of fewer than 10 rows are gaps."""
    shown = sorted(point for point in points if point.rows >= FEWEST_ROWS)
    if not shown:
        return None
    figure, axes = _axes("", metric)
    first, last = shown[0].day.toordinal(), shown[-1].day.toordinal()
    by_day = {point.day.toordinal(): point.values for point in shown}
    days = range(first, last + 1)
    for model in (CHAMPION, CHALLENGER):
        values = [by_day.get(day, {}).get(model, math.nan) for day in days]
        if any(map(math.isfinite, values)):
            axes.plot(days, values, **_line(model), marker="o", markersize=3.2, label=model)
    step = max(1, math.ceil(len(days) / MOST_TICKS))
    ticks = list(days)[::-1][::step][::-1]
    axes.set_xticks(ticks, [_short(dt.date.fromordinal(day)) for day in ticks], **_text(9))
    axes.grid(axis="x", visible=False)
    axes.margins(y=0.25)
    _legend(axes, "upper left", columns=2)
    better = sum(
        p.values.get(CHALLENGER, math.nan) > p.values.get(CHAMPION, math.nan) for p in shown
    )
    text = (
        f"{metric} of both models on {wording.counted(len(shown), 'day')}; "
        f"the challenger's is higher on {better}."
    )
    return _plot(figure, "daily", f"{metric}, day by day", text)


def _roc_points(labels: Floats, scores: Floats) -> tuple[Floats, Floats]:
    """Shares of negatives and positives above thresholds with at least 10 rows between them."""
    order = np.argsort(-scores, kind="stable")
    falling, total = -scores[order], len(scores)
    wanted = np.linspace(0, total, min(MOST_POINTS, total // FEWEST_ROWS) + 1)[1:-1].astype(int)
    ends = np.searchsorted(falling, falling[wanted - 1], side="right")
    kept = [0]
    for end in ends.tolist():
        if end - kept[-1] >= FEWEST_ROWS and total - end >= FEWEST_ROWS:
            kept.append(end)
    kept.append(total)
    true = np.concatenate(([0.0], np.cumsum(labels[order])))[kept]
    false = np.array(kept) - true
    return false / false[-1], true / true[-1]


def _wilson(share: Floats, rows: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """The 95 % interval of a share (Wilson 1927)."""
    z = 1.959964
    centre = (share + z**2 / (2 * rows)) / (1 + z**2 / rows)
    spread = z / (1 + z**2 / rows) * np.sqrt(share * (1 - share) / rows + (z / (2 * rows)) ** 2)
    return np.clip(centre - spread, 0, 1), np.clip(centre + spread, 0, 1)


def _axes(x: str, y: str) -> tuple[Figure, Axes]:
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, HEIGHT), layout="constrained")
    figure.patch.set_alpha(0)
    FigureCanvasSVG(figure)
    axes = figure.add_subplot()
    axes.patch.set_alpha(0)
    # `parse_math` off: a dollar in a name is a dollar.
    axes.set_xlabel(_drawn(cut(x, 60)), **_text(9), parse_math=False)
    axes.set_ylabel(_drawn(cut(y, 46)), **_text(9), parse_math=False)
    axes.tick_params(labelsize=9, labelcolor=INK, color=GRID, labelfontfamily=FONT)
    axes.grid(color=GRID, linewidth=0.7)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(GRID)
    return figure, axes


def _text(size: float) -> dict[str, Any]:
    return {"color": INK, "fontfamily": FONT, "fontsize": size}


def _line(model: str) -> dict[str, Any]:
    is_new = model == CHALLENGER
    return {
        "color": COLOURS[model],
        "linewidth": 2.0 if is_new else 1.6,
        "linestyle": "solid" if is_new else (0, (5, 2)),
        "zorder": 4 if is_new else 3,
    }


def _legend(axes: Axes, where: Place, columns: int = 1) -> None:
    axes.legend(
        loc=where,
        ncols=columns,
        frameon=False,
        labelcolor=INK,
        prop={"family": FONT, "size": 9},
        handlelength=2.2,
    )


def _short(day: dt.date) -> str:
    """The day without its year.

    >>> _short(dt.date(2013, 6, 12))
    '12 Jun'
    """
    return wording.days(day, day).rsplit(" ", 1)[0]


def _drawn(text: str) -> str:
    """`text` with a box for what the font lacks, of which matplotlib would warn."""
    from matplotlib.font_manager import FontProperties, findfont, get_font

    font = get_font(findfont(FontProperties(family=FONT)))
    return "".join(c if font.get_char_index(ord(c)) else "□" for c in text)


def _plot(figure: Figure, name: str, title: str, alternative: str) -> Plot:
    import matplotlib as mpl

    drawn = io.StringIO()
    # Without a salt, a date and a version in it the same figures give the same bytes.
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    with mpl.rc_context({"svg.hashsalt": name, "svg.fonttype": "path"}):
        figure.savefig(drawn, format="svg", metadata=nothing)
    return Plot(name, title, alternative, _adaptive(drawn.getvalue()))


def _adaptive(svg: str) -> str:
    """The drawing with colours that follow the reader's screen; paper is always light."""
    start = svg.index(">", svg.index("<svg")) + 1
    rules = "".join(
        f'[style*="{part}: {light}"]{{{part}:{dark}!important}}'
        for light, dark in DARK.items()
        for part in ("fill", "stroke")
    )
    style = f"<style>@media screen and (prefers-color-scheme:dark){{{rules}}}</style>"
    return "".join((svg[:start].lstrip(string.whitespace), style, svg[start:]))
