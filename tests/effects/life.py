"""One incident's life, step by step: a column is lost, people are told, one of them answers, the
column is back. What decides happens at a fixed instant; delivery takes as long as it takes.
"""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import datetime as dt
import functools
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from monitoring_dagster.errors import StoreError
from monitoring_dagster.notifications.file import MESSAGES, FileChannel, threads
from monitoring_dagster.store import Store
from monitoring_dagster.upkeep import Upkeep
from tests.effects.failing import Effects
from tests.effects.office import ROUND, SlackOffice, until_quiet
from tests.faults.deployment import DAY, DAYS, NEXT, Deployment
from tests.slack.clock import HandClock
from tests.slack.seeing import Seen

WITHOUT_A_COLUMN = dt.datetime(2026, 1, 7, 6, tzinfo=dt.UTC)
"""The morning after the day without it."""

HOUR = dt.timedelta(hours=1)
MORNINGS = [(day, WITHOUT_A_COLUMN + i * dt.timedelta(days=1) - HOUR) for i, day in enumerate(DAYS)]
"""When each day is measured."""

SMALLEST = {
    "  - columns: [region]\n": "",
    "segments:\n": "",
    "  age: {role: feature, type: integer}\n": "",
    "  region: {role: feature, type: category}\n": "",
    "first_day: 2026-01-06\n": "first_day: 2026-01-06\nalerting: {channel: '#model-alerts'}\n",
}
"""What the small monitor can do without: each of its measurements is judged hundreds of times."""


def made(home: Path) -> Deployment:
    """A deployment whose two days are measured, each on its own morning, and not evaluated."""
    deployment = Deployment(home)
    deployment.write_monitor(**SMALLEST)
    deployment.day().freeze_reference()
    nothing = pa.array([None] * deployment.rows, pa.float64())
    deployment.write_inputs(DAY, income=nothing)
    for day, now in MORNINGS:
        deployment.take(day, now=now)
    measure(deployment)
    deployment.store.close()
    return deployment


def measure(deployment: Deployment) -> None:
    """Measure what was taken, into whatever store the deployment has."""
    for day, now in MORNINGS:
        deployment.measure(day, now=now)


@functools.cache
def store_at(url: str) -> Store:
    """A store, which holds no more than statements that are drawn up: they take the most time.

    One on PostgreSQL has its connections closed by whoever restarts.
    """
    return Store(url, pause=lambda _: None)


@dataclass
class Life:
    """A deployment, and the people whom it tells; nothing is remembered but what is written.

    Args:
        home: the deployment's folder.
        url: of its store.
        office: the people, and the clock.
        has_slack: whether they are told by Slack, else by the file.
    """

    home: Path
    url: str
    office: SlackOffice
    has_slack: bool = True
    deployment: Deployment = field(init=False)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """A new process: only what is written and what people see is left."""
        self.deployment = Deployment(self.home)
        self.deployment.store = store_at(self.url)

    @property
    def store(self) -> Store:
        return self.deployment.store

    @property
    def upkeep(self) -> Upkeep:
        file = FileChannel(self.home / MESSAGES, clock=self.office.clock.now)
        channel = None if self.has_slack else file
        return self.office.upkeep(self.store, [self.deployment.monitor], channel=channel)

    @property
    def shown(self) -> list[Any]:
        """What people see: each message with its replies, without when it came."""
        if self.has_slack:
            return [_shown(root) for root in self.office.seen]
        return [
            [entry.plain for entry in (thread.root, *thread.replies)]
            for thread in threads(self.home / MESSAGES)
        ]


Do = Callable[[Life], object]


@dataclass(frozen=True)
class Step:
    """Something that happens at an instant; a delivery goes on from there until all is told."""

    name: str
    at: dt.datetime
    do: Do
    is_delivery: bool = False


def evaluated(day: dt.date) -> Do:
    return lambda life: life.deployment.day(life.office.clock.now()).evaluate([day])


def attended(life: Life) -> None:
    life.upkeep.attend()


def heard(life: Life) -> None:
    """Somebody has put 👀 on the message."""
    for root in life.office.seen:
        life.office.workspace.human.react(life.office.person, root.ts, "eyes")
    life.upkeep.hear()


def delivered(life: Life) -> None:
    until_quiet(life.office, lambda: life.upkeep)


def _steps() -> Iterator[Step]:
    next_day = WITHOUT_A_COLUMN + 24 * HOUR
    decisions = [
        Step("evaluates the day", WITHOUT_A_COLUMN, evaluated(DAY)),
        Step("reminds", WITHOUT_A_COLUMN + 5 * HOUR, attended),
        Step("hears an answer", WITHOUT_A_COLUMN + 7 * HOUR, heard),
        Step("evaluates the next day", next_day, evaluated(NEXT)),
    ]
    for decision in decisions:
        yield decision
        at = decision.at + HOUR / 60
        yield Step(f"{decision.name} and tells people", at, delivered, is_delivery=True)


STEPS = tuple(_steps())


FAILURES = (StoreError, OSError)
"""How a step may end whose effect failed."""


def lived(life: Life, steps: tuple[Step, ...] = STEPS, effects: Effects | None = None) -> None:
    """Take the steps; one of which an effect failed is taken again by a new process."""
    for step in steps:
        life.office.at(step.at)
        if effects is None or effects.failed:
            step.do(life)
            continue
        life.office.meet = effects.call
        with contextlib.suppress(*FAILURES), effects.watched():
            step.do(life)
        if effects.failed:
            life.restart()
            if step.is_delivery:
                life.office.clock.advance(ROUND.total_seconds())
            step.do(life)


def copied(life: Life, home: Path, url: str = "") -> Life:
    """The same life at the same point in another folder, in place of what is there."""
    shutil.rmtree(home, ignore_errors=True)
    life.store.close()
    shutil.copytree(life.home, home)
    office = SlackOffice(HandClock(life.office.clock()))
    known = {id(life.office.clock): office.clock}
    state = copy.deepcopy(life.office.workspace.state, known)
    for part in dataclasses.fields(state):
        setattr(office.workspace.state, part.name, getattr(state, part.name))
    return Life(home, url or f"sqlite:///{home / 'store.db'}", office, life.has_slack)


def _shown(root: Seen) -> Any:
    """Pictures are sent at most once, and a message that was found is edited once more: neither
    counts.
    """
    replies = [_shown(reply) for reply in root.replies if not reply.files]
    return root.text, root.blocks_text, dict(root.reactions), replies
