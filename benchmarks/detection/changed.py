"""Detection: every fault injected from a day on, and when each tool says so."""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from benchmarks.detection import flights, synthetic
from benchmarks.detection.alerts import Alert, Alerts
from benchmarks.detection.faults import SIZES, Fault, Size, catalogue
from benchmarks.detection.ours import Judged, Ours
from benchmarks.detection.scoring import Found, Summary, alarm_share, found, summarised
from benchmarks.detection.theirs import Peer
from benchmarks.detection.unchanged import OURS
from benchmarks.detection.world import Frame, World
from benchmarks.tables import Table, number, percent

Name = Literal["flights", "generated"]
ROWS = 500
"""Rows of a generated day."""


@dataclass(frozen=True)
class Plan:
    """Which faults are injected when: `repeats` change days, each followed for `horizon` days."""

    reference_days: int = 31
    sizes: tuple[Size, ...] = SIZES
    repeats: int = 3
    horizon: int = 21
    settled: int = 14
    """Unchanged days before the first change."""

    @property
    def days(self) -> int:
        """Days that the plan needs, the reference's included."""
        return self.reference_days + self.settled + self.repeats * self.horizon

    def world(self, name: Name, seed: int) -> World:
        """The days of one data set."""
        if name == "flights":
            return flights.shuffled(
                "days", None, reference_days=self.reference_days, seed=seed, days=self.days
            )
        return synthetic.generated(
            ROWS, reference_days=self.reference_days, days=self.days, seed=seed
        )

    def spans(self, world: World) -> list[list[dt.date]]:
        """The days that follow each change; they do not overlap."""
        days = list(world.test)
        starts = [self.settled + i * self.horizon for i in range(self.repeats)]
        return [days[start : start + self.horizon] for start in starts]


@dataclass(frozen=True)
class Result:
    """What a tool made of all faults in one data set."""

    tool: str
    data: Name
    false_alarms: float
    runs: tuple[Found, ...]


def result(tool: str, data: Name, plan: Plan, seed: int) -> Result:
    """Let a tool judge the unchanged days, then each fault from each change day on."""
    world = plan.world(data, seed)
    injected = catalogue(world, plan.sizes)
    follow = _ours if tool == OURS else _theirs
    return follow(tool, data, world, plan, injected, seed)


def _ours(
    tool: str, data: Name, world: World, plan: Plan, injected: Sequence[Fault], seed: int
) -> Result:
    system = Ours(world, seed)
    unchanged = {judged.day: judged for judged in system.judge(world.test.items(), ahead=16)}
    alerts = {day: judged.alerts for day, judged in unchanged.items()}
    runs = [
        found(
            fault,
            alerts,
            followed(system, unchanged, injected_days(world, fault, span, seed)),
        )
        for span in plan.spans(world)
        for fault in injected
    ]
    return Result(tool, data, alarm_share(alerts), tuple(runs))


def followed(
    system: Ours,
    unchanged: Mapping[dt.date, Judged],
    days: Mapping[dt.date, Callable[[], Frame]],
    is_it: Callable[[Alert], bool] = lambda _: True,
) -> Alerts:
    """What is said of changed days, up to the first alert `is_it` that unchanged ones lack."""
    before = unchanged[next(iter(days)) - dt.timedelta(days=1)].state
    said: dict[dt.date, list[Alert]] = {}
    for judged in system.judge(((day, rows()) for day, rows in days.items()), before):
        said[judged.day] = judged.alerts
        if any(map(is_it, set(judged.alerts) - set(unchanged[judged.day].alerts))):
            break
    return said


def _theirs(
    tool: str, data: Name, world: World, plan: Plan, injected: Sequence[Fault], seed: int
) -> Result:
    with tempfile.TemporaryDirectory() as folder:
        peer = Peer(tool, world, Path(folder))
        days = {day: world.test[day] for span in plan.spans(world) for day in span}
        unchanged = peer.baseline(days)
        after = {
            f"{fault.name}/{number}": {
                day: rows() for day, rows in injected_days(world, fault, span, seed).items()
            }
            for number, span in enumerate(plan.spans(world))
            for fault in injected
        }
        changed = peer.changed(days, after)
    runs = [
        found(fault, unchanged, changed[f"{fault.name}/{number}"])
        for number in range(plan.repeats)
        for fault in injected
    ]
    return Result(tool, data, alarm_share(unchanged), tuple(runs))


def injected_days(
    world: World, fault: Fault, span: Sequence[dt.date], seed: int
) -> dict[dt.date, Callable[[], Frame]]:
    """The days after a change; made when asked for, since most faults are found on the first."""

    def made(number: int, day: dt.date) -> Callable[[], Frame]:
        own = seed * 1_000_000 + day.toordinal()  # no two change days are hit in the same rows
        return lambda: fault.inject(world, world.test[day], day=number, seed=own)

    return {day: made(number, day) for number, day in enumerate(span)}


def overview(results: Sequence[Result], plan: Plan) -> Table:
    """Recall, delay and blame per tool, data set and size."""
    rows = []
    for r in results:
        for size in plan.sizes:
            injected = [run for run in r.runs if run.fault.size == size]
            if not injected:
                continue
            s = summarised(injected)
            alarms = percent(r.false_alarms)
            rows.append([r.data, r.tool, alarms, size, *_told(s)])
    return Table(
        "Something changed: all faults",
        (
            "data",
            "tool",
            "unchanged days with an alert",
            "size",
            "found",
            "median days",
            "right one named",
            "others named",
        ),
        rows,
        _notes(results, plan),
    )


def by_fault(results: Sequence[Result]) -> list[Table]:
    """Days to detection per fault and tool, one table per data set; in brackets, how often."""
    tables = []
    for data in dict.fromkeys(r.data for r in results):
        of_data = [r for r in results if r.data == data]
        names = list(dict.fromkeys(run.fault.name for run in of_data[0].runs))
        rows = []
        for name in names:
            runs = [[run for run in r.runs if run.fault.name == name] for r in of_data]
            fault = runs[0][0].fault
            rows.append([fault.kind, fault.size, fault.stated, *(map(_cell, runs))])
        header = ("fault", "size", "amount", *(r.tool for r in of_data))
        notes = (
            (
                "Median days to the first new alert; then the share found, and among those the "
                "share that names the right column, segment or kind."
            ),
        )
        tables.append(Table(f"Something changed: each fault, {data}", header, rows, notes))
    return tables


def _cell(runs: Sequence[Found]) -> str:
    if not runs:
        return "not run"
    s = summarised(runs)
    if s.recall == 0:
        return "–"
    return f"{number(s.median_days)} ({percent(s.recall)}; {percent(s.right)})"


def _told(s: Summary) -> list[str]:
    return [percent(s.recall), number(s.median_days), percent(s.right), number(s.others)]


def _notes(results: Sequence[Result], plan: Plan) -> tuple[str, ...]:
    kinds = {run.fault.kind for r in results for run in r.runs}
    return (
        (
            f"{len(kinds)} kinds of faults, {plan.repeats} change days each, followed "
            f"for {plan.horizon} days; a miss counts as infinitely late."
        ),
        (
            "A change is found on the first day with an alert that the same day lacks without it. "
            "That forgives tools that alarm every day: read it beside their false alarms."
        ),
        "A tool that alarms of a column anyway cannot find a change of it: nothing new is said.",
        "Flights: days shuffled, all rows (905 a day); generated: about 500 rows a day.",
        "Evidently takes seconds a day: medium faults only, each followed for 10 days.",
    )
