"""Draws docs/decisions.png from a home of the flights: `python docs/plots/decisions.py HOME`.

Also prints the figures of the worked example in docs/decisions.md. Nothing is computed here that
the store does not hold, except the colours.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from monitoring_dagster.decisions.verdict import Level, Rule
from monitoring_dagster.store import Store

MONITOR = "flight_delay"
TARGET = Path(__file__).parents[1] / "decisions.png"

INK, QUIET, BLUE, BAND = "#1f2328", "#8c959f", "#2f5fd0", "#e7eaee"
COLOURS: Mapping[str, str] = {
    Level.OK: "#b7dfc0",
    Level.NOT_ENOUGH_DATA: "#dfe3e8",
    Level.WARN: "#f0a62f",
    Level.CRITICAL: "#c8322b",
}
MEANING: Mapping[str, str] = {
    Level.OK: "nothing",
    Level.NOT_ENOUGH_DATA: "nothing seen, and little could have been",
    Level.WARN: "warn",
    Level.CRITICAL: "critical: pages",
}
GRAVITY = (Level.NOT_ENOUGH_DATA, Level.OK, Level.WARN, Level.CRITICAL)


class Series(NamedTuple):
    """One verdict a day, in the order of days."""

    days: list[dt.date]
    rows: list[dict[str, Any]]

    def of(self, name: str) -> list[float]:
        """A column's numbers, NaN where there is none."""
        return [float("nan") if row[name] is None else row[name] for row in self.rows]


def main() -> None:
    """Draw the figure of the home that is named, and print the example's figures."""
    parser = argparse.ArgumentParser(prog="python docs/plots/decisions.py")
    parser.add_argument("home", type=Path, help="a home that `python -m examples.flights` made")
    parser.add_argument("--output", type=Path, default=TARGET, help="docs/decisions.png by default")
    given = parser.parse_args()
    store = Store(f"sqlite:///{given.home.absolute() / 'store.db'}")
    rows = store.verdicts(MONITOR, segment="all").to_pylist()
    verdicts = [row | {"details": json.loads(row["details"])} for row in rows]
    measured = store.measurements(MONITOR, segment="all", model_version="all")
    wanted = {"roc_auc", "shift_adapted_roc_auc"}
    values = [row for row in measured.to_pylist() if row["metric"] in wanted]
    _draw(verdicts, values, given.output)
    sys.stdout.writelines(f"{line}\n" for line in _told(verdicts))


def _series(rows: Sequence[dict[str, Any]], **about: str) -> Series:
    about = {"segment": "all", "model_version": "all"} | about
    found = [r for r in rows if all(r[name] == value for name, value in about.items())]
    found.sort(key=lambda row: row["day"])
    return Series([row["day"] for row in found], found)


def _draw(verdicts: list[dict[str, Any]], values: list[dict[str, Any]], target: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    plt.rcParams |= {"font.size": 9, "text.color": INK, "axes.edgecolor": QUIET}
    figure, panels = plt.subplots(
        5, 1, figsize=(10, 10.5), sharex=True, height_ratios=(2, 1.5, 2.2, 1.6, 1.6)
    )
    temp = _series(verdicts, rule=Rule.DRIFT, metric="psi", column="temp")
    harm = _series(verdicts, rule=Rule.PERFORMANCE, metric="accuracy")
    _draw_effect(panels[0], temp)
    _draw_sum(panels[1], temp)
    _draw_auc(panels[2], values, _series(verdicts, rule=Rule.OBJECTIVE, name="discrimination"))
    _draw_evidence(panels[3], harm)
    _draw_strip(panels[4], verdicts)
    for panel in panels:
        panel.spines[["top", "right"]].set_visible(False)
        panel.tick_params(length=0, colors=INK)
    months = [day for day in harm.days if day.day == 1]
    panels[-1].set_xticks(months, [f"{month:%B}" for month in months], ha="left")
    panels[0].set_xlim(harm.days[0], harm.days[-1] + dt.timedelta(days=1))
    figure.tight_layout(h_pad=1.2)
    figure.savefig(target, dpi=110)
    plt.close(figure)


def _title(panel: Any, text: str) -> None:
    panel.set_title(text, loc="left", fontsize=9.5, fontweight="bold")


def _legend(panel: Any, columns: int) -> None:
    above = (1.0, 0.97)
    panel.legend(loc="lower right", bbox_to_anchor=above, frameon=False, ncols=columns, fontsize=8)


def _draw_effect(panel: Any, temp: Series) -> None:
    _title(panel, "1  temp: distance from March in σ")
    panel.fill_between(
        temp.days,
        0,
        temp.of("smallest_effect"),
        color=BAND,
        label="what a single day may be by chance",
        linewidth=0,
    )
    panel.axhline(
        temp.rows[0]["minimum_effect"], color=INK, ls=":", lw=1, label="smallest effect that counts"
    )
    colours = [BLUE if r["verdict"] != Level.WARN else COLOURS[Level.WARN] for r in temp.rows]
    panel.scatter(temp.days, temp.of("effect"), c=colours, s=9, zorder=3, label="day; orange warns")
    panel.set_ylim(0)
    _legend(panel, 3)


def _draw_sum(panel: Any, temp: Series) -> None:
    _title(panel, "2  temp: the sum of its chart; at the threshold the change has lasted")
    panel.plot(temp.days, temp.of("evidence"), color=BLUE, lw=1.4)
    panel.plot(temp.days, temp.of("threshold"), color=INK, ls="--", lw=1)
    panel.set_ylim(0)


def _draw_auc(panel: Any, values: list[dict[str, Any]], objective: Series) -> None:
    _title(panel, "3  ROC AUC, with 95 % intervals")
    realised, guess = (
        _series(values, metric=metric) for metric in ("roc_auc", "shift_adapted_roc_auc")
    )
    panel.fill_between(
        guess.days,
        guess.of("ci_low"),
        guess.of("ci_high"),
        color=BAND,
        lw=0,
        label="estimate without labels",
    )
    panel.plot(guess.days, guess.of("value"), color=QUIET, lw=0.9)
    panel.fill_between(
        realised.days, realised.of("ci_low"), realised.of("ci_high"), color=BLUE, alpha=0.25, lw=0
    )
    panel.plot(realised.days, realised.of("value"), color=BLUE, lw=1.1, label="realised")
    bound = objective.rows[0]["details"]["objective"]
    panel.axhline(bound, color=INK, ls="--", lw=1, label=f"objective: at least {bound:g}")
    bad = [row for row in objective.rows if row["details"]["day"] == "bad"]
    panel.scatter(
        [r["day"] for r in bad],
        [r["value"] for r in bad],
        color=COLOURS[Level.CRITICAL],
        s=14,
        zorder=3,
        label="bad day",
    )
    _legend(panel, 4)


def _draw_evidence(panel: Any, harm: Series) -> None:
    _title(panel, "4  Errors: the e-detector's evidence (logarithm); at the threshold it pages")
    known = [(day, r["details"]) for day, r in zip(*harm, strict=True) if "log_e" in r["details"]]
    days = [day for day, _ in known]
    panel.plot(days, [d["log_e"] for _, d in known], color=BLUE, lw=1.2)
    panel.plot(days, [d["log_e_threshold"] for _, d in known], color=INK, ls="--", lw=1)
    paged = [(day, r["details"]) for day, r in zip(*harm, strict=True) if r["reason"] == "harmful"]
    panel.scatter(
        [day for day, _ in paged],
        [d["log_e"] for _, d in paged],
        color=COLOURS[Level.CRITICAL],
        s=12,
        zorder=3,
    )
    panel.set_ylim(0)


def _draw_strip(panel: Any, verdicts: list[dict[str, Any]]) -> None:
    from matplotlib.patches import Patch

    _title(panel, "5  The gravest verdict of each rule, whole traffic")
    rules = list(Rule)
    for place, rule in enumerate(rules):
        for day, level in _gravest(verdicts, rule):
            panel.broken_barh([(day, dt.timedelta(days=1))], (place, 0.8), color=COLOURS[level])
    panel.set_yticks([place + 0.4 for place in range(len(rules))], [str(rule) for rule in rules])
    panel.invert_yaxis()
    panel.legend(
        handles=[Patch(color=COLOURS[level], label=MEANING[level]) for level in GRAVITY],
        loc="upper center",
        bbox_to_anchor=(0.5, -0.18),
        frameon=False,
        ncols=4,
        fontsize=8,
    )


def _gravest(verdicts: list[dict[str, Any]], rule: Rule) -> Iterator[tuple[dt.date, Level]]:
    said: dict[dt.date, set[str]] = {}
    for row in verdicts:
        if row["rule"] == rule and row["segment"] == "all" and row["model_version"] == "all":
            said.setdefault(row["day"], set()).add(row["verdict"])
    for day, levels in sorted(said.items()):
        yield day, max((g for g in GRAVITY if g in levels), key=GRAVITY.index, default=GRAVITY[0])


def _told(verdicts: list[dict[str, Any]]) -> Iterator[str]:
    temp = _series(verdicts, rule=Rule.DRIFT, metric="psi", column="temp")
    first = next(row for row in temp.rows if row["verdict"] == Level.WARN)
    yield from _days(temp, first["day"], ("value", "effect", "evidence", "threshold"))
    harm = _series(verdicts, rule=Rule.PERFORMANCE, metric="accuracy")
    paged = next(row for row in harm.rows if row["verdict"] == Level.CRITICAL)
    yield from _days(harm, paged["day"], ("value", "n", "evidence", "threshold"))
    auc = _series(verdicts, rule=Rule.OBJECTIVE, name="discrimination")
    burning = next(row for row in auc.rows if row["verdict"] == Level.WARN)
    yield from _days(auc, burning["day"], ("value", "ci_high", "evidence", "threshold"))


def _days(series: Series, last: dt.date, names: Sequence[str]) -> Iterator[str]:
    """The fortnight up to a day, and all that is known of that day."""
    for day, row in zip(*series, strict=True):
        if last - dt.timedelta(days=14) <= day <= last:
            numbers = ", ".join(f"{name} {row[name]:.4g}" for name in names)
            yield f"{day} {row['rule']} {row['metric']} {row['verdict']} {row['reason']}: {numbers}"
            if day == last:
                yield f"    {row['text']}"
                yield f"    {row['details']}"


if __name__ == "__main__":
    main()
