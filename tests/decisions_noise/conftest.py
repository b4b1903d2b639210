"""Builders: references whose days were drawn from a known process, and measurements of new days."""

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from scipy import stats

from monitoring_dagster.decisions.noise import Noise
from monitoring_dagster.metrics import drift
from monitoring_dagster.metrics.measurement import Measurement
from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.profiles.grid import CategoryCells, Grid, NumericCells
from monitoring_dagster.profiles.profile import ALL, ColumnCounts, Group, GroupCounts, Profile
from monitoring_dagster.profiles.reference import FrozenReference

MONDAY = dt.date(2026, 1, 5)
CELLS = 100
EDGES = np.concatenate([[-6.0], stats.norm.ppf(np.arange(1, CELLS) / CELLS), [6.0]])
MIDDLES = np.clip((EDGES[1:] + EDGES[:-1]) / 2, -2.8, 2.8)
CATEGORIES = np.array([0.3, 0.2, 0.15, 0.1, 0.1, 0.06, 0.05, 0.03, 0.01])

Shift = Callable[[np.random.Generator, int, int], float]
"""From the day's number and the column's: its shift in standard deviations."""


def number(rng: np.random.Generator, n: int, shift: float = 0.0, nulls: int = 0) -> ColumnCounts:
    """A normal column of n values whose mean is shifted."""
    reached = stats.norm.cdf(EDGES - shift)
    reached[0], reached[-1] = 0.0, 1.0
    cells = rng.multinomial(n, np.diff(reached)).astype(np.int64)
    return ColumnCounts(
        np.concatenate([[0], cells, [0]]),
        n + nulls,
        nulls=nulls,
        total=float(cells @ MIDDLES),
        total_squares=float(cells @ MIDDLES**2),
        minimum=-3.0,
        maximum=3.0,
    )


def category(rng: np.random.Generator, n: int, shift: float = 0.0) -> ColumnCounts:
    """A column of nine categories, tilted from the rare to the frequent ones."""
    tilted = CATEGORIES * np.exp(shift * np.linspace(-1, 1, CATEGORIES.size))
    cells = rng.multinomial(n, tilted / tilted.sum()).astype(np.int64)
    return ColumnCounts(np.append(cells, 0), n)


def monitor(names: list[str]) -> Monitor:
    """A binary model with these features: x… are numbers, others categories."""
    sources = {
        kind: {"kind": "parquet", "path": f"{kind}/{{date}}.parquet"}
        for kind in ("features", "predictions")
    }
    columns = {
        n: {"role": "feature", "type": "number" if n[0] == "x" else "category"} for n in names
    }
    return Monitor.model_validate_json(
        json.dumps(
            {
                "schema_version": 1,
                "name": "drawn",
                "owner": "team:ops",
                "model": {"task": "binary", "threshold": 0.5},
                "telemetry": sources,
                "columns": {"id": {"role": "id"}, "score": {"role": "score"}, **columns},
                "reference": {"first_day": "2026-01-05", "last_day": "2026-04-05"},
                "first_day": "2026-05-04",
            }
        )
    )


def grid(names: list[str]) -> Grid:
    """The cells of these columns."""
    letters = CategoryCells(tuple("abcdefghi"))
    return Grid({n: NumericCells(tuple(EDGES)) if n[0] == "x" else letters for n in names}, {})


def frozen(cells: Grid, days: dict[dt.date, Profile]) -> FrozenReference:
    """A frozen reference in memory; without outcomes."""
    total = Profile.empty(cells.id)
    for profile in days.values():
        total += profile
    rows = sum(p.groups[Group(ALL, ALL)].rows for p in days.values())
    now = dt.datetime(2026, 4, 6, tzinfo=dt.UTC)
    return FrozenReference("drawn", cells, total, None, days, {}, 0.0, rows, now, {})


@dataclass(frozen=True)
class Drawn:
    """A reference of drawn days, the noise learned from it, and days to come."""

    monitor: Monitor
    reference: FrozenReference
    noise: Noise
    shift: Shift
    rng: np.random.Generator

    def profile(self, day: int, n: int) -> Profile:
        """The counts of a day, by its number from the first Monday on."""
        return _profile(self.rng, self.reference.grid, day, n, self.shift)

    def measured(self, day: int, n: int) -> tuple[dt.date, list[Measurement]]:
        """The drift measurements of a day."""
        grid_ = self.reference.grid
        current = self.profile(day, n)
        found = drift.measure(self.monitor, grid_, self.reference.profile, current)
        return MONDAY + dt.timedelta(day), found

    def p_values(self, days: int, n: int) -> dict[str, np.ndarray]:
        """By metric, over that many days and all columns, beginning 17 weeks later."""
        chances: dict[str, list[float]] = {}
        for day in range(119, 119 + days):
            date, found = self.measured(day, n)
            for m, a in zip(found, self.noise.against(date, found, level=1e-3), strict=True):
                assert a is not None, m
                chances.setdefault(m.metric, []).append(a.p_value)
        return {metric: np.array(p) for metric, p in chances.items()}


def _profile(rng, grid_: Grid, day: int, n: int, shift: Shift) -> Profile:
    columns = {
        name: (number if name[0] == "x" else category)(rng, n, shift(rng, day, place))
        for place, name in enumerate(grid_.columns)
    }
    hours = np.zeros(25, dtype=np.int64)
    hours[0] = n
    return Profile(grid_.id, {Group(ALL, ALL): GroupCounts(n, columns, hours)})


def drawn(
    days: int, n: int, shift: Shift = lambda *_: 0.0, *, columns: int = 12, seed: int = 0
) -> Drawn:
    """A reference of that many days of about n rows; half of the columns are numbers."""
    rng = np.random.default_rng(seed)
    names = [f"{kind}{i}" for kind in "xc" for i in range(columns // 2)]
    cells = grid(names)
    sizes = (n * rng.uniform(0.85, 1.15, days)).astype(int)
    profiles = {
        MONDAY + dt.timedelta(day): _profile(rng, cells, day, int(size), shift)
        for day, size in enumerate(sizes)
    }
    reference, watch = frozen(cells, profiles), monitor(names)
    return Drawn(watch, reference, Noise.learn(watch, reference), shift, rng)


class Builders:
    """The builders, as one fixture."""

    number = staticmethod(number)
    category = staticmethod(category)
    monitor = staticmethod(monitor)
    grid = staticmethod(grid)
    frozen = staticmethod(frozen)
    drawn = staticmethod(drawn)
    monday = MONDAY


@pytest.fixture(scope="session")
def build() -> type[Builders]:
    return Builders


@pytest.fixture(scope="session")
def month() -> Drawn:
    """31 days of 905 rows in which nothing happens."""
    return drawn(31, 905)
