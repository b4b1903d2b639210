"""Our own system on a world: rows to snapshots to counts to measurements to verdicts.

As a day of the system does it, without the store, Dagster and Great Expectations: what is timed
and judged here is counting, statistics and decisions.
"""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks.detection import snapshots
from benchmarks.detection.alerts import Alert
from benchmarks.detection.world import Floats, Frame, World
from monitoring_dagster.decisions import importance
from monitoring_dagster.decisions.judge import Judge
from monitoring_dagster.decisions.noise import Noise
from monitoring_dagster.decisions.state import State
from monitoring_dagster.decisions.verdict import Level, Verdict
from monitoring_dagster.metrics import drift, labels, operations, performance, shape
from monitoring_dagster.metrics.measurement import Measurement
from monitoring_dagster.monitors.contract import Kind, Monitor, Role
from monitoring_dagster.profiles import engine, storage
from monitoring_dagster.profiles.freezing import freeze_grid
from monitoring_dagster.profiles.outcomes import Outcomes
from monitoring_dagster.profiles.profile import Profile
from monitoring_dagster.profiles.reference import FrozenReference, StoredDays, reference_id
from monitoring_dagster.telemetry.manifest import Manifest

MOST_ROWS = 20_000
"""Rows of the reference from which the importance of features is learnt."""

MOST_AHEAD = 32
"""Days whose snapshots lie on the disk at a time."""


@dataclass(frozen=True)
class Judged:
    """What was decided on one day, and the state that the next day goes on from."""

    day: dt.date
    verdicts: tuple[Verdict, ...]
    state: State

    @property
    def alerts(self) -> list[Alert]:
        """The verdicts that people hear of."""
        return [
            Alert(v.subject.metric, v.subject.column, v.subject.segment, v.level is Level.CRITICAL)
            for v in self.verdicts
            if v.is_alert
        ]


class Ours:
    """The system with the reference of one world frozen, ready to judge days in their order."""

    def __init__(self, world: World, seed: int = 0) -> None:
        self._world, self._monitor = world, world.monitor
        with tempfile.TemporaryDirectory() as folder:
            self.frozen = _frozen(world, Path(folder))
        self._performance = performance.Performance(
            self._monitor, self.frozen.grid, self.frozen.outcomes
        )
        noise = Noise.learn(self._monitor, self.frozen)
        learnt = importance.learn(
            self._monitor, _sample(world, seed), _Asked(world.features, world), seed=seed
        )
        self._judge = Judge.of(self._monitor, self.frozen, noise, learnt)

    def judge(
        self, days: Iterable[tuple[dt.date, Frame]], before: State | None = None, *, ahead: int = 1
    ) -> Iterator[Judged]:
        """Judge days one after the other, going on from the state `before` them.

        The first `ahead` days are counted together, then twice as many, and so on: opening the
        engine takes as long as counting a day, and who stops early has counted few in vain.
        """
        for block in _growing(days, ahead):
            for day, measurements in self.measured(block):
                judged = self._judge.judge(day, measurements, before)
                before = judged.state
                yield Judged(day, tuple(judged.verdicts), judged.state)

    def measured(
        self, days: Sequence[tuple[dt.date, Frame]]
    ) -> Iterator[tuple[dt.date, list[Measurement]]]:
        """Everything that the stages of a day measure of it, for each of some days."""
        with tempfile.TemporaryDirectory() as folder:
            taken = {
                day: snapshots.write(self._monitor, day, rows, Path(folder)) for day, rows in days
            }
            found = {day: written for day, (written, _) in taken.items()}
            monitor, grid, mean = self._monitor, self.frozen.grid, self.frozen.target_mean
            profiles = engine.each_profile(monitor, grid, found)
            outcomes = engine.each_outcomes(monitor, grid, found, target_mean=mean)
            for (day, counted), (_, labelled) in zip(profiles, outcomes, strict=True):
                yield day, self._measured(counted, labelled, taken[day][1])

    def _measured(
        self, counted: Profile, labelled: Outcomes, manifests: Mapping[Kind, Manifest]
    ) -> list[Measurement]:
        monitor, grid, whole = self._monitor, self.frozen.grid, self.frozen.profile
        days = len(self.frozen.days)
        return [
            *shape.measure(monitor, grid, whole, counted, reference_days=days),
            *shape.measure_snapshots(manifests),
            *labels.measure(monitor, labelled, maturity="final", orphans=0, relabelled=0),
            *drift.measure(monitor, grid, whole, counted),
            *self._performance.measure(labelled, maturity="final"),
            *operations.measure(monitor, grid, counted, hours=24, reference=whole),
        ]


def _growing(
    days: Iterable[tuple[dt.date, Frame]], size: int
) -> Iterator[list[tuple[dt.date, Frame]]]:
    left = iter(days)
    while block := list(islice(left, size)):
        yield block
        size = min(2 * size, MOST_AHEAD)


@dataclass(frozen=True)
class _Asked:
    """The world's model as the system asks a registered one."""

    features: list[str]
    world: World

    def predict(self, rows: pa.Table) -> Floats:
        return self.world.score(rows.to_pandas())


def _frozen(world: World, folder: Path) -> FrozenReference:
    monitor = world.monitor
    taken = {
        day: snapshots.write(monitor, day, rows, folder)[0] for day, rows in world.reference.items()
    }
    grid, mean = freeze_grid(monitor, list(taken.values()))
    # A day of 10 segments with 25,000 score cells takes 12 MB; as it is stored, 40 kB.
    profiles: dict[str, bytes] = {}
    outcomes: dict[str, bytes] = {}
    total, labelled = Profile.empty(grid.id), Outcomes(grid.id, {})
    for day, profile in engine.each_profile(monitor, grid, taken):
        profiles[str(day)] = storage.profile_to_bytes(profile, "")
        total += profile
    for day, counts in engine.each_outcomes(monitor, grid, taken, target_mean=mean):
        outcomes[str(day)] = storage.outcomes_to_bytes(counts, "")
        labelled += counts
    paths = {day: str(day) for day in taken}
    return FrozenReference(
        id=reference_id(monitor),
        grid=grid,
        profile=total,
        outcomes=labelled,
        days=StoredDays(paths, lambda day: storage.profile_from_bytes(profiles[day], day)),
        daily_outcomes=StoredDays(
            paths, lambda day: storage.outcomes_from_bytes(outcomes[day], day)
        ),
        target_mean=mean,
        rows=sum(len(rows) for rows in world.reference.values()),
        created_at=dt.datetime.combine(monitor.first_day, dt.time(), dt.UTC),
        unusable={},
    )


def _sample(world: World, seed: int) -> pa.Table:
    rows = world.pooled
    places = np.random.default_rng(seed).permutation(len(rows))[:MOST_ROWS]
    kept = [*world.features, *_answers(world.monitor)]
    return pa.Table.from_pandas(rows.iloc[np.sort(places)][kept], preserve_index=False)


def _answers(monitor: Monitor) -> list[str]:
    return [
        n for role in (Role.SCORE, Role.PREDICTION, Role.LABEL) for n in monitor.with_role(role)
    ]
