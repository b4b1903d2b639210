"""A drawn world: a reference of days in which nothing happens, its judge, and days to come.

Days are drawn as counts and measured by the metrics themselves, so that what is judged is what
the system would store. Errors are exact shares: the model is wrong on one row in ten.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pytest
from scipy import stats

from monitoring_dagster.decisions.importance import Importance
from monitoring_dagster.decisions.judge import Judge, Judged
from monitoring_dagster.decisions.noise import Noise
from monitoring_dagster.decisions.state import State
from monitoring_dagster.decisions.verdict import Rule, Verdict
from monitoring_dagster.metrics import drift, labels, operations, performance, shape
from monitoring_dagster.metrics.measurement import Estimate, Measurement, Reason, Status
from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.profiles.grid import CategoryCells, Grid, NumericCells
from monitoring_dagster.profiles.outcomes import BinaryCounts, LabelCounts, Outcomes
from monitoring_dagster.profiles.profile import ALL, ColumnCounts, Group, GroupCounts, Profile
from monitoring_dagster.profiles.reference import FrozenReference

MONDAY = dt.date(2026, 1, 5)
FIRST = dt.date(2026, 2, 16)
"""The first monitored day, a Monday, six weeks later."""

ROWS = 500
REGIONS = ("north", "south")
FEATURES = ("x0", "x1", "x2", "c0")
EDGES = np.concatenate([[-8.0], stats.norm.ppf(np.arange(1, 100) / 100), [8.0]])
MIDDLES = np.clip((EDGES[1:] + EDGES[:-1]) / 2, -2.8, 2.8)
LETTERS = tuple("abcdef")
SHARES = np.array([0.3, 0.25, 0.2, 0.15, 0.07, 0.03])
GRID = Grid(
    {
        **{name: NumericCells(tuple(EDGES)) for name in FEATURES if name[0] == "x"},
        "c0": CategoryCells(LETTERS),
        "chance": NumericCells(tuple(np.linspace(0.0, 1.0, 101))),
        "ms": NumericCells(tuple(np.geomspace(1e-3, 1.0, 201))),
    },
    {"region": tuple((region,) for region in REGIONS)},
)
ERRORS = 0.1

DOCUMENT: dict[str, Any] = {
    "schema_version": 1,
    "name": "drawn",
    "owner": "team:tests",
    "model": {"task": "binary", "threshold": 0.5},
    "telemetry": {
        "features": {"kind": "parquet", "path": "f/{date}.parquet"},
        "predictions": {"kind": "parquet", "path": "p/{date}.parquet"},
        "labels": {"source": {"kind": "parquet", "path": "l/{date}.parquet"}},
    },
    "columns": {
        "id": {"role": "id"},
        **{
            name: {"role": "feature", "type": "number" if name[0] == "x" else "category"}
            for name in FEATURES
        },
        "region": {"role": "segment", "in": ["predictions"]},
        "chance": {"role": "score"},
        "ms": {"role": "latency"},
        "status": {"role": "status"},
        "outcome": {"role": "label", "type": "integer"},
    },
    "reference": {"first_day": "2026-01-05", "last_day": "2026-02-15"},
    "first_day": FIRST.isoformat(),
    "segments": [{"columns": ["region"]}],
}


def monitor(**changes: Any) -> Monitor:
    """The monitor of the drawn world, with sections replaced."""
    return Monitor.model_validate_json(json.dumps(DOCUMENT | changes))


@dataclass(frozen=True)
class Drawing:
    """What a day is drawn from: shifts in standard deviations, shares of nulls and errors."""

    rows: int = ROWS
    shifts: Mapping[str, float] = field(default_factory=dict)
    nulls: Mapping[str, float] = field(default_factory=dict)
    errors: float = ERRORS
    slower: float = 1.0
    version: str = "1"

    def counts(self, random: np.random.Generator) -> tuple[Profile, Outcomes]:
        """The day's counts, whole and by region."""
        inputs, outcomes, known = {}, {}, {}
        split = int(random.binomial(self.rows, 0.5))
        for region, n in zip(REGIONS, (split, self.rows - split), strict=True):
            group = Group(ALL, f"region={region}")
            inputs[group], outcomes[group] = self._region(random, n)
            known[group] = LabelCounts(n, n, LabelCounts.empty().delays)
        for counted in (inputs, outcomes, known):
            north, south = counted.values()
            for whole in (Group(ALL, ALL), Group(self.version, ALL)):
                counted[whole] = north + south
        return Profile(GRID.id, inputs), Outcomes(GRID.id, outcomes, known)

    def _region(self, random: np.random.Generator, n: int) -> tuple[GroupCounts, BinaryCounts]:
        columns = {name: self._feature(random, name, n) for name in FEATURES}
        positive = random.random(n) < 0.4
        scores = np.where(positive, 0.9, 0.1) + random.uniform(-0.08, 0.08, n)
        wrong = random.random(n) < self.errors
        columns["chance"] = _counted("chance", scores)
        seconds = np.clip(self.slower * random.lognormal(-3.5, 0.3, n), 2e-3, 0.9)
        columns["ms"] = _counted("ms", seconds)
        hours = np.zeros(25, dtype=np.int64)
        hours[:24] = random.multinomial(n, np.full(24, 1 / 24))
        return GroupCounts(n, columns, hours), _outcomes(scores, positive, positive ^ wrong)

    def _feature(self, random: np.random.Generator, name: str, n: int) -> ColumnCounts:
        nulls = int(random.binomial(n, self.nulls.get(name, 0.0)))
        shift = self.shifts.get(name, 0.0)
        if name[0] == "c":
            tilted = SHARES * np.exp(shift * np.linspace(-1, 1, SHARES.size))
            cells = random.multinomial(n - nulls, tilted / tilted.sum())
            return ColumnCounts(np.append(cells, 0).astype(np.int64), n, nulls=nulls)
        reached = stats.norm.cdf(EDGES - shift)
        reached[0], reached[-1] = 0.0, 1.0
        cells = random.multinomial(n - nulls, np.diff(reached)).astype(np.int64)
        return ColumnCounts(
            np.concatenate([[0], cells, [0]]),
            n,
            nulls=nulls,
            total=float(cells @ MIDDLES),
            total_squares=float(cells @ MIDDLES**2),
            minimum=-3.0,
            maximum=3.0,
        )


def _counted(name: str, values: np.ndarray) -> ColumnCounts:
    cells = GRID.columns[name]
    assert isinstance(cells, NumericCells)
    at = np.searchsorted(np.asarray(cells.edges), values, side="left")
    return ColumnCounts(
        np.bincount(at, minlength=cells.cell_count),
        len(values),
        total=float(values.sum()),
        total_squares=float((values**2).sum()),
        minimum=float(values.min()),
        maximum=float(values.max()),
    )


def _outcomes(scores: np.ndarray, decisions: np.ndarray, truths: np.ndarray) -> BinaryCounts:
    cells = GRID.columns["chance"]
    assert isinstance(cells, NumericCells)
    at = np.searchsorted(np.asarray(cells.edges), scores, side="left")
    table = np.bincount(2 * at + truths, minlength=2 * cells.cell_count).reshape(-1, 2)
    empty = BinaryCounts.empty(cells.cell_count)
    return replace(
        empty,
        scores=table,
        decisions=np.bincount(2 * truths + decisions, minlength=4).reshape(2, 2),
        squared_error=float(((scores - truths) ** 2).sum()),
    )


@dataclass(frozen=True, repr=False)
class World:
    """A reference, its judge, and the measurements of days that follow."""

    monitor: Monitor
    frozen: FrozenReference
    noise: Noise
    importance: Importance = field(
        default_factory=lambda: Importance(
            {"x0": 0.08, "x1": 0.02, "x2": 0.0, "c0": 0.0}, "permutation"
        )
    )

    def _repr_pretty_(self, printer: Any, _: bool) -> None:
        printer.text("world")  # beside a generated example nobody wants to read its counts

    def watched_by(self, **changes: Any) -> World:
        """The same world, watched by a monitor with other sections."""
        return replace(self, monitor=monitor(**changes))

    @cached_property
    def judge(self) -> Judge:
        return Judge.of(self.monitor, self.frozen, self.noise, self.importance)

    def measured(
        self, seed: int, drawing: Drawing | None = None, *, maturity: str = "final"
    ) -> list[Measurement]:
        """Everything that is measured of a day that was drawn."""
        profile, outcomes = (drawing or Drawing()).counts(np.random.default_rng([seed, 7]))
        frozen = self.frozen
        realised = performance.Performance(self.monitor, GRID, frozen.outcomes)
        return [
            *drift.measure(self.monitor, GRID, frozen.profile, profile),
            *shape.measure(self.monitor, GRID, frozen.profile, profile, len(frozen.days)),
            *operations.measure(self.monitor, GRID, profile, hours=24, reference=frozen.profile),
            *realised.measure(outcomes, maturity=maturity),
            *labels.measure(self.monitor, outcomes, maturity=maturity),
            *(
                Measurement("snapshot_rows", Estimate.exact(ROWS, ROWS), f"@{kind}")
                for kind in ("features", "predictions", "labels")
            ),
        ]

    def days(
        self, *drawings: Drawing | None, seed: int = 0, maturity: str = "final"
    ) -> dict[dt.date, list[Measurement]]:
        """Days in a row from the first one on."""
        return {
            after(i): self.measured(1_000 * seed + i, drawing, maturity=maturity)
            for i, drawing in enumerate(drawings)
        }


def after(days: int) -> dt.date:
    """A monitored day, by its number from the first one on."""
    return FIRST + dt.timedelta(days)


def follow(
    judge: Judge,
    days: Mapping[dt.date, Sequence[Measurement]],
    before: State | None = None,
    *,
    normal_since: dt.date | None = None,
) -> dict[dt.date, Judged]:
    """Judge the days in order, each with the state after the one before it."""
    judged: dict[dt.date, Judged] = {}
    state = before or State()
    for day in sorted(days):
        normal = normal_since if normal_since and normal_since <= day else None
        judged[day] = judge.judge(day, days[day], state, normal_since=normal)
        state = judged[day].state
    return judged


def about(
    judged: Judged | Iterable[Verdict],
    rule: Rule,
    metric: str,
    column: str = "",
    segment: str = ALL,
) -> Verdict:
    """The one verdict of a rule about a metric."""
    said = judged.verdicts if isinstance(judged, Judged) else judged
    found = [v for v in said if v.subject[:4] == (rule, metric, column, segment)]
    assert len(found) == 1, (rule, metric, column, segment, found)
    return found[0]


def without(measured: Iterable[Measurement], *metrics: str) -> list[Measurement]:
    """The measurements, those of these metrics left out."""
    return [m for m in measured if m.metric not in metrics]


def only(measured: Iterable[Measurement], *metrics: str) -> list[Measurement]:
    """The measurements of these metrics, whole traffic of all versions."""
    return [
        m for m in measured if m.metric in metrics and m.segment == ALL and m.model_version == ALL
    ]


def lost(
    measured: Iterable[Measurement],
    chosen: Callable[[Measurement], bool],
    status: Status = Status.NO_DATA,
    reason: Reason = Reason.NO_ROWS,
    detail: str = "nothing came",
) -> list[Measurement]:
    """The measurements, the chosen ones without their value."""
    nothing = Estimate.without(status, reason, detail)
    return [replace(m, estimate=nothing) if chosen(m) else m for m in measured]


class Drawn:
    """The builders, as one fixture."""

    Drawing = Drawing
    World = World
    first = FIRST
    rows = ROWS
    document = DOCUMENT
    monitor = staticmethod(monitor)
    after = staticmethod(after)
    follow = staticmethod(follow)
    about = staticmethod(about)
    only = staticmethod(only)
    without = staticmethod(without)
    lost = staticmethod(lost)


@pytest.fixture(scope="session")
def drawn() -> type[Drawn]:
    return Drawn


@pytest.fixture(scope="session")
def world() -> World:
    """A reference of 42 days of 500 rows in which nothing happens."""
    random = np.random.default_rng(1)
    days, outcomes = {}, {}
    for i in range(42):
        day = MONDAY + dt.timedelta(i)
        days[day], outcomes[day] = Drawing().counts(random)
    total, outcome = Profile.empty(GRID.id), Outcomes(GRID.id, {})
    for day, profile in days.items():
        total, outcome = total + profile, outcome + outcomes[day]
    now = dt.datetime(2026, 2, 16, tzinfo=dt.UTC)
    rows = sum(p.groups[Group(ALL, ALL)].rows for p in days.values())
    frozen = FrozenReference("drawn", GRID, total, outcome, days, outcomes, 0.0, rows, now, {})
    watch = monitor()
    return World(watch, frozen, Noise.learn(watch, frozen))
