"""What works on actions, by clocks that stand where a test puts them."""

from __future__ import annotations

import datetime as dt
import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest

from monitoring_dagster.day import Day
from monitoring_dagster.deciding import Deciding
from monitoring_dagster.incidents.desk import EMBEDDED
from monitoring_dagster.launching import Launched, Launching
from monitoring_dagster.learnt import Registry
from monitoring_dagster.models import Allowed, Model
from monitoring_dagster.monitors.calendar import Standing
from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.performing import Performing
from monitoring_dagster.retraining.action import Action
from monitoring_dagster.retraining.connecting import connect, reached
from monitoring_dagster.retraining.reconciling import Seen
from monitoring_dagster.retraining.rows import action_of
from monitoring_dagster.store import Store, actions, incidents, tenures
from monitoring_dagster.store.audit import reading
from monitoring_dagster.telemetry.lake import Lake
from monitoring_dagster.telemetry.pseudonyms import Pseudonyms
from monitoring_dagster.telemetry.sources import Access
from tests.retraining_performing.factory import KEY, NEXT, Factory

LIVED = dt.datetime.combine(NEXT[0], dt.time(6), dt.UTC)
"""The morning on which the retraining is asked for."""

NOW = dt.datetime(2026, 3, 1, 6, tzinfo=dt.UTC)
"""What the wall clock shows at first."""


@contextmanager
def within(factory: Factory) -> Iterator[Factory]:
    """While this lasts, this process is one of the deployment."""
    with pytest.MonkeyPatch.context() as patch:
        # MLflow leaves in the environment whichever address somebody else has used.
        for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"):
            patch.delenv(name, raising=False)
        for name, value in factory.environment.items():
            patch.setenv(name, value)
        yield factory


def ticking(seconds: float = 0.001) -> Callable[[], float]:
    """A clock that only being looked at moves, so that timings are the same anywhere."""
    looks = itertools.count()
    return lambda: next(looks) * seconds


@dataclass
class Hands:
    """One process of a deployment, and its clocks.

    Args:
        factory: the deployment.
        now: what the wall clock shows.
        lived: the instant that is relived; None to live in the present.
        registry: address of MLflow, if it is another.
        monotonic: a clock in seconds; by default each look at it takes a millisecond.
    """

    factory: Factory
    now: dt.datetime = NOW
    lived: dt.datetime | None = LIVED
    registry: str = ""
    monotonic: Callable[[], float] = field(default_factory=ticking)
    store: Store = field(init=False)

    def __post_init__(self) -> None:
        self.store = self.factory.store
        self._trained_before = self.factory.trainings

    def wall_clock(self) -> dt.datetime:
        return self.now

    def clock(self) -> dt.datetime:
        return self.lived or self.now

    def day(self, monitor: Monitor) -> Day:
        home = self.factory.home
        return Day(
            monitor=monitor,
            lake=Lake(str(home / "lake")),
            store=self.store,
            access=Access(roots=(str(home),), base=home),
            pseudonyms=Pseudonyms(KEY.encode()),
            clock=Standing(self.clock()),
            computed_at=self.now,
            registry=self.models,
        )

    @property
    def models(self) -> Registry:
        home = self.factory.home
        allowed = Allowed(Access(roots=(str(home),), base=home))
        return Registry(self.registry or self.factory.registry, (), allowed)

    @property
    def launching(self) -> Launching:
        return Launching(self.store, self.factory.monitors, EMBEDDED, self.wall_clock)

    @property
    def deciding(self) -> Deciding:
        return Deciding(self.store, self.factory.monitors, EMBEDDED, self.clock, self.day)

    def performing(self, run_id: str = "run") -> Performing:
        return Performing(
            store=self.store,
            monitors=self.factory.monitors,
            office=EMBEDDED,
            registry=self.models,
            artifacts=(self.factory.home / "mlflow" / "artifacts").as_uri(),
            clock=self.clock,
            wall_clock=self.wall_clock,
            monotonic=self.monotonic,
            run_id=run_id,
            day=self.day,
            environment=dict(os.environ),
        )

    def launch(self, seen: Seen = Seen.ABSENT) -> Launched:
        """What the sensor does in one look, where it sees that of every run."""
        return self.launching.launch(lambda _: seen)

    def act(self, seen: Seen = Seen.ABSENT) -> list[str]:
        """Launch what is owed, and do it here."""
        asked = self.launch(seen).asked
        return [self.performing(f"run-{a.attempt}").perform(a.id, a.attempt) for a in asked]

    def action(self) -> Action:
        """The last action."""
        return action_of(self.store.read(lambda c: actions.listed(c, most=1))[0])

    def later(self, **by: float) -> Hands:
        """The same process, some time later."""
        return replace(self, now=self.now + dt.timedelta(**by))

    def plan_with(self, trainer: str) -> None:
        """Let the action that is owed be done by another trainer."""
        action = self.action()
        plan = {**action.plan, "trainer": f"tests.retraining_performing.trainers:{trainer}"}
        self.store.write(lambda c: actions.move(c, action.id, ["requested"], plan=plan))

    @property
    def trainings_since_copied(self) -> int:
        """How many trainings have begun since this deployment was copied."""
        return self.factory.trainings - self._trained_before

    def incident(self) -> Any:
        """The row of the incident about errors that have risen: the first one."""
        return self.store.read(lambda c: incidents.by_id(c, 1)).row

    def tenures(self) -> list[Any]:
        """Who has taken over: version, first day, reference, resumed tenure and action."""
        found = self.store.read(lambda c: tenures.of_monitor(c, "small"))
        return [(t.model_version, t.since, t.reference, t.resumes, t.action_id) for t in found]

    def told(self, *kinds: str) -> list[str]:
        """What was done by the audit log with subjects of these kinds, in order."""
        entries = self.store.read(lambda c: list(reading.entries(c)))
        return [e.action for e in entries if e.subject_type in kinds]

    def measured(self, metric: str) -> list[dict[str, Any]]:
        """A metric of all traffic, day by day."""
        found = self.store.measurements("small", metric=metric, segment="all", model_version="all")
        return sorted(found.to_pylist(), key=lambda row: row["day"])

    def challenger(self) -> Model:
        """The model of version 2."""
        monitor = self.factory.monitor
        named = monitor.model.model_copy(update={"uri": "models:/small/2"})
        return self.models.model_of(monitor.model_copy(update={"model": named}))

    def runs(self) -> list[Any]:
        """The runs of MLflow that actions of the monitor have."""
        client = connect(self.factory.registry)
        with reached():
            experiment = client.get_experiment_by_name("monitoring/small")
            return (
                [] if experiment is None else list(client.search_runs([experiment.experiment_id]))
            )

    def files(self, run: Any) -> set[str]:
        """The paths of what is kept at a run."""
        folder = Path(urlsplit(run.info.artifact_uri).path)
        return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}

    def file(self, run: Any, path: str) -> str:
        """What one of them holds."""
        return Path(urlsplit(run.info.artifact_uri).path, path).read_text(encoding="utf-8")

    def versions(self) -> Versions:
        """What MLflow holds of the model."""
        client = connect(self.factory.registry)
        with reached():
            made = client.search_model_versions("name = 'small'")
            aliases = client.get_registered_model("small").aliases
        held = {alias: str(version) for alias, version in aliases.items()}
        return Versions(sorted(str(v.version) for v in made), held)


class Versions(NamedTuple):
    """Versions of the model, and which has which alias."""

    numbers: list[str]
    aliases: dict[str, str]
