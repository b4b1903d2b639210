"""False alarms: what is said of days on which nothing changed."""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from benchmarks.detection import flights
from benchmarks.detection.alerts import Alerts
from benchmarks.detection.ours import Ours
from benchmarks.detection.scoring import alarm_share
from benchmarks.detection.theirs import Peer
from benchmarks.detection.world import Frame, World
from benchmarks.tables import Table, percent
from monitoring_dagster.monitors.contract import Role

OURS = "ours"
WITHOUT_PERFORMANCE = ("evidently", "whylogs")
"""What they run at their defaults is about inputs only."""


@dataclass(frozen=True)
class Variant:
    """One way to shuffle the flights, how many rows a day keeps, and the days of its parts."""

    shuffled: flights.Shuffled
    rows: int | None
    reference_days: int
    test_days: int

    def world(self, seed: int) -> World:
        """The flights shuffled this way."""
        return flights.shuffled(
            self.shuffled,
            self.rows,
            reference_days=self.reference_days,
            seed=seed,
            days=self.reference_days + self.test_days,
        )

    @property
    def stated(self) -> tuple[str, str, str]:
        """What the tables call it."""
        return self.shuffled, str(self.rows or 905), str(self.reference_days)


@dataclass(frozen=True)
class Said:
    """What a tool said of the days of a variant, as shares of the days it was asked about.

    `any_input` is an alert on a feature or the score, `performance` one on realised or estimated
    performance, `anything` any at all, `new` one of a subject that had none the day before, and
    `pages` one that would wake somebody; `columns` is the share of alerts among columns × days.
    """

    tool: str
    variant: Variant
    days: int
    anything: float
    any_input: float
    performance: float
    new: float
    pages: float
    columns: float


def said(tool: str, variant: Variant, seed: int, most_days: int) -> Said:
    """Let a tool judge the unchanged days of a variant, at most so many of them."""
    world = variant.world(seed)
    days = dict(islice(world.test.items(), most_days))
    with tempfile.TemporaryDirectory() as folder:
        alerts = _alerts(tool, world, days, Path(folder), seed)
    inputs = {*world.features, world.the(Role.SCORE)}
    at_inputs = {d: [a for a in said if a.column in inputs] for d, said in alerts.items()}
    others = {d: [a for a in said if not a.column] for d, said in alerts.items()}
    flagged = sum(len({a.column for a in said}) for said in at_inputs.values())
    return Said(
        tool,
        variant,
        len(alerts),
        anything=alarm_share(_relevant(world, alerts)),
        any_input=alarm_share(at_inputs),
        performance=alarm_share(others),
        new=alarm_share(_new(_relevant(world, alerts))),
        pages=alarm_share({d: [a for a in said if a.is_page] for d, said in alerts.items()}),
        columns=flagged / (len(inputs) * len(alerts)),
    )


def table(results: Sequence[Said]) -> Table:
    """The shares of days with alerts, a row per tool and variant."""
    rows = [
        [
            *r.variant.stated,
            r.tool,
            str(r.days),
            percent(r.anything),
            percent(r.any_input),
            percent(r.columns),
            "–" if r.tool in WITHOUT_PERFORMANCE else percent(r.performance),
            percent(r.new),
            percent(r.pages) if r.tool == OURS else "–",
        ]
        for r in results
    ]
    return Table(
        "Nothing changed: share of days with an alert, real flights shuffled",
        (
            "shuffled",
            "rows a day",
            "reference days",
            "tool",
            "days",
            "any alert",
            "on an input",
            "columns × days",
            "on performance",
            "new alert",
            "page",
        ),
        rows,
        (
            "13 features and the score, every tool at its defaults; ours without objectives.",
            (
                "`any alert` is one on a feature, the score or performance; `new` one of a subject "
                "that had none the day before."
            ),
            "Evidently's data-set alert (half of the columns drifted) is not counted as an alert.",
            "whylogs: category DRIFT; POSSIBLE_DRIFT is not counted.",
            (
                "Left out are the days on which a weather station or its anemometer was silent: "
                "that is a fault, and to be found. Evidently takes seconds a day and gets fewer."
            ),
        ),
    )


def _alerts(
    tool: str, world: World, days: Mapping[dt.date, Frame], folder: Path, seed: int
) -> Alerts:
    if tool == OURS:
        return {
            judged.day: judged.alerts for judged in Ours(world, seed).judge(days.items(), ahead=16)
        }
    return Peer(tool, world, folder).baseline(days)


def _relevant(world: World, alerts: Alerts) -> Alerts:
    """Without response times and labels: not all tools are told to look at them."""
    left_out = {world.the(Role.LATENCY), world.the(Role.LABEL)}
    return {day: [a for a in said if a.column not in left_out] for day, said in alerts.items()}


def _new(alerts: Alerts) -> Alerts:
    before: set[object] = set()
    result = {}
    for day in sorted(alerts):
        result[day] = [a for a in alerts[day] if (a.metric, a.column, a.segment) not in before]
        before = {(a.metric, a.column, a.segment) for a in alerts[day]}
    return result
