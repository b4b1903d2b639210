"""A deployment with incidents, as somebody at a terminal finds it."""

from __future__ import annotations

import datetime as dt
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pytest
from typer.testing import CliRunner

from monitoring_dagster import documents
from monitoring_dagster.cli import app
from monitoring_dagster.decisions.verdict import Level
from monitoring_dagster.incidents import changes, rows, samples
from monitoring_dagster.incidents.cause import Cause
from monitoring_dagster.incidents.changes import Finding
from monitoring_dagster.incidents.desk import Desk
from monitoring_dagster.incidents.incident import (
    Context,
    Incident,
    Link,
    NextStep,
    Outcome,
    Priority,
    Signal,
    SignalState,
)
from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.settings import Settings
from monitoring_dagster.store import Docket, Store, incidents
from monitoring_dagster.store.audit import Logged, entries
from monitoring_dagster.telemetry.lake import Lake
from tests.small_world import SmallWorld, days_from

WELL, MENDED, MISUSED = 0, 1, 2


@dataclass
class Terminal:
    """One deployment, the commands that are typed there, and what they leave in its store."""

    home: Path
    now: dt.datetime

    @property
    def store(self) -> Store:
        """The deployment's store."""
        return Store(Settings.from_environment().store_url)

    @property
    def monitor(self) -> Monitor:
        """The only monitor there is."""
        (monitor,) = documents.load(self.home / "monitors").monitors.values()
        return monitor

    @property
    def yesterday(self) -> dt.date:
        """The latest day that is over."""
        return self.now.date() - dt.timedelta(days=1)

    def call(self, *words: object, code: int = WELL) -> str:
        """Type a command that ends with `code`; returns what it says."""
        result = CliRunner(env={"COLUMNS": "400"}).invoke(app, [str(word) for word in words])
        if result.exception is not None:
            assert isinstance(result.exception, SystemExit), result.exception
        assert result.exit_code == code, result.output
        return result.output

    def open(
        self,
        ref: str,
        cause: str = "inputs",
        priority: Priority = Priority.P2,
        title: str = "Inputs have moved",
        **context: object,
    ) -> Incident:
        """An incident that was opened just now, because of yesterday."""
        finding = Finding(
            self.yesterday,
            Outcome.FIRING,
            _signals(self.yesterday),
            priority,
            title,
            replace(_CONTEXT, **context),
        )

        def work(docket: Docket) -> Incident:
            desk = Desk(docket, self.monitor, self.now, self.now)
            opened, events = changes.opened(
                ref, "small", Cause.parse(cause), finding, (),
                since=self.yesterday, mute=None, at=self.now,
            )  # fmt: skip
            desk.add(opened, events)
            desk.close()
            return opened

        return self.store.decide("small", work)

    def kept(self, ref: str) -> Incident:
        """The incident as the store has it now."""
        found = self.store.read(lambda connection: incidents.by_ref(connection, ref))
        assert found is not None
        return rows.incident_of(found)

    def sample(self, ref: str, **columns: list[object]) -> None:
        """Rows of yesterday that show the incident."""
        lake = Lake(Settings.from_environment().lake_url)
        because = ["highest_loss", "highest_loss", "random_control"]
        table = pa.table({"age": [17, 18, 19], **columns, samples.BECAUSE: because})
        samples.keep(lake, self.monitor, ref, self.yesterday, table)

    def logged(self, action: str) -> list[Logged]:
        """What the audit log has of an action."""
        return self.store.read(lambda connection: entries(connection, action=action))


_CONTEXT = Context(
    what="`income` moved by 1.2 σ",
    how_sure="on 3 days in a row",
    columns=("`income` moved by 1.2 σ, importance rank 1 of 3",),
    next_step=NextStep.WAIT,
    next_step_because="no harm of it is proven",
    links=(Link("Runbook", "https://wiki.example.org/small"),),
)


def _signals(day: dt.date) -> tuple[Signal, ...]:
    def signal(subject: str, state: SignalState, text: str, by: str = "") -> Signal:
        return Signal(subject, state, Level.WARN, "lasting", text, day, day, suppressed_by=by)

    return (
        signal("drift|psi|income|all|all|", SignalState.FIRING, "`income` moved"),
        signal("drift|psi|age|all|all|", SignalState.CLEARED, "`age` moved"),
        signal("performance|f1||all|all|", SignalState.SUPPRESSED, "f1 fell", "column:income"),
    )


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that is up to date, to be copied."""
    path = tmp_path_factory.mktemp("empty") / "store.db"
    store = Store(f"sqlite:///{path}")
    store.upgrade()
    store.close()
    return path


@pytest.fixture
def untouched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """A deployment in which nothing was ever measured."""
    now = dt.datetime.now(dt.UTC)
    today = now.date()
    world = SmallWorld(tmp_path, reference=days_from(today, 1), days=days_from(today, 1), rows=3)
    for name, value in world.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    return Terminal(tmp_path, now)


@pytest.fixture
def terminal(untouched: Terminal, empty_store: Path) -> Terminal:
    """A deployment without an incident."""
    shutil.copy(empty_store, untouched.home / "store.db")
    return untouched
