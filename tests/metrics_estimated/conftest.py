"""Builders: a small simulated world, and the bundled data sets as the system holds them."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from benchmarks.worlds import World, score_cells, world
from monitoring_dagster.metrics.estimated import Estimates, Rows
from monitoring_dagster.metrics.measurement import Estimate, Measurement
from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.profiles.grid import Grid, NumericCells
from monitoring_dagster.profiles.outcomes import BinaryCounts, Outcomes
from monitoring_dagster.profiles.profile import ALL, ColumnCounts, Group, GroupCounts, Profile
from monitoring_dagster.profiles.reference import FrozenReference

REGIONS = ("north", "south")
DOCUMENT: dict[str, Any] = {
    "schema_version": 1,
    "name": "small",
    "owner": "team:tests",
    "model": {"task": "binary", "threshold": 0.5},
    "telemetry": {
        "features": {"kind": "parquet", "path": "f/{date}.parquet"},
        "predictions": {"kind": "parquet", "path": "p/{date}.parquet"},
        "labels": {"source": {"kind": "parquet", "path": "l/{date}.parquet"}},
    },
    "columns": {
        "id": {"role": "id"},
        "age": {"role": "feature", "type": "number"},
        "region": {"role": "segment", "in": ["predictions"]},
        "chance": {"role": "score"},
        "outcome": {"role": "label", "type": "integer"},
    },
    "reference": {"first_day": "2026-01-01", "last_day": "2026-01-31"},
    "first_day": "2026-02-01",
    "segments": [{"columns": ["region"]}],
}


@dataclass(frozen=True)
class Sample:
    """Rows of one day: inputs, score, label and region."""

    features: np.ndarray
    scores: np.ndarray
    labels: np.ndarray
    regions: np.ndarray

    @classmethod
    def drawn(
        cls,
        random: np.random.Generator,
        n: int,
        *,
        mean: float = 0.0,
        blind: float = 0.0,
        drift: float = 0.0,
    ) -> Sample:
        """Rows whose score knows the first input only.

        The label's log-odds are those of the score, plus `blind` × the second input, which the
        model does not see, plus `drift`. `mean` is that of the second input.
        """
        features = random.standard_normal((n, 3)) + np.array([0.0, mean, 0.0])
        odds = 1.5 * features[:, 0] - 0.5
        truth = odds + blind * features[:, 1] + drift
        labels = (random.random(n) < 1 / (1 + np.exp(-truth))).astype(float)
        return cls(features, 1 / (1 + np.exp(-odds)), labels, random.integers(0, 2, n))

    def rows(self) -> Rows:
        belongs = {f"region={name}": self.regions == i for i, name in enumerate(REGIONS)}
        return Rows(
            self.features,
            self.scores[:, None],
            np.full(len(self.scores), np.nan),
            self.labels,
            {ALL: np.ones(len(self.scores), dtype=bool), **belongs},
        )

    def parts(self) -> dict[str, np.ndarray]:
        return dict(self.rows().segments)


@dataclass(frozen=True)
class Small:
    """A monitor with the reference that it was frozen on."""

    monitor: Monitor
    grid: Grid
    frozen: FrozenReference
    reference: Rows

    @classmethod
    def of(cls, days: list[Sample], document: dict[str, Any] | None = None) -> Small:
        monitor = Monitor.model_validate_json(json.dumps(document or DOCUMENT))
        scores = np.concatenate([day.scores for day in days])
        grid = Grid(
            {"chance": score_cells(scores, monitor.model.threshold)},
            {"region": tuple((r,) for r in REGIONS)},
        )
        daily = {
            dt.date(2026, 1, 1) + dt.timedelta(days=i): outcomes(grid, day)
            for i, day in enumerate(days)
        }
        total = Outcomes(grid.id, {})
        for day in daily.values():
            total += day
        frozen = FrozenReference(
            "small", grid, Profile.empty(grid.id), total, {}, daily, 0.0, len(scores),
            dt.datetime(2026, 2, 1, tzinfo=dt.UTC), {},
        )  # fmt: skip
        whole = Sample(
            *(
                np.concatenate([getattr(day, name) for day in days])
                for name in ("features", "scores", "labels", "regions")
            )
        )
        return cls(monitor, grid, frozen, whole.rows())

    def estimates(self, **settings: Any) -> Estimates:
        return Estimates(self.monitor, self.grid, self.frozen, **settings)

    def without_outcomes(self) -> Small:
        frozen = replace(self.frozen, outcomes=None, daily_outcomes={})
        return replace(self, frozen=frozen)

    def profile(self, day: Sample) -> Profile:
        cells = self.grid.columns["chance"]
        assert isinstance(cells, NumericCells)
        groups = {}
        for segment, inside in day.parts().items():
            at = np.searchsorted(cells.borders, day.scores[inside])
            counts = ColumnCounts(np.bincount(at, minlength=cells.cell_count), int(inside.sum()))
            groups[Group(ALL, segment)] = GroupCounts(int(inside.sum()), {"chance": counts})
        return Profile(self.grid.id, groups)


def outcomes(grid: Grid, day: Sample) -> Outcomes:
    cells = grid.columns["chance"]
    assert isinstance(cells, NumericCells)
    counted = {}
    for segment, inside in day.parts().items():
        labels = day.labels[inside].astype(int)
        at = 2 * np.searchsorted(cells.borders, day.scores[inside]) + labels
        decided = 2 * labels + (day.scores[inside] >= 0.5)
        counted[Group(ALL, segment)] = BinaryCounts(
            **{
                **vars(BinaryCounts.empty(cells.cell_count)),
                "scores": np.bincount(at, minlength=2 * cells.cell_count).reshape(-1, 2),
                "decisions": np.bincount(decided, minlength=4).reshape(2, 2),
            }
        )
    return Outcomes(grid.id, counted)


def found(measured: list[Measurement], metric: str, segment: str = ALL) -> Estimate:
    return next(m.estimate for m in measured if (m.metric, m.segment) == (metric, segment))


class Simulation:
    """The builders, as one fixture."""

    Sample = Sample
    Small = Small
    document = DOCUMENT
    found = staticmethod(found)

    @staticmethod
    def days(seed: int, days: int = 20, rows: int = 900, **how: Any) -> list[Sample]:
        random = np.random.default_rng(seed)
        return [Sample.drawn(random, rows, **how) for _ in range(days)]


@pytest.fixture(scope="session")
def simulation() -> type[Simulation]:
    return Simulation


@pytest.fixture(scope="session")
def bundled_world() -> Any:
    """One bundled data set by name, built once."""
    built: dict[str, World] = {}

    def of(name: str) -> World:
        if name not in built:
            built[name] = world(name)
        return built[name]

    return of
