"""Monitors whose verdicts are made up, a clock that is moved by hand, and what can be seen."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event

from monitoring_dagster.decisions.verdict import Level, Rule, Subject, Verdict
from monitoring_dagster.incidents.briefing import Briefing, Pages
from monitoring_dagster.incidents.desk import Desk, Office
from monitoring_dagster.incidents.following import follow
from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.notifications.channel import Channel
from monitoring_dagster.notifications.configuration import Channels
from monitoring_dagster.notifications.file import FileChannel
from monitoring_dagster.store import Docket, Store
from monitoring_dagster.upkeep import Upkeep
from tests.incidents_lifecycle.small_desk import DOCUMENT, day

PLACE = "#flights"


class Clock:
    """Stands still until it is moved."""

    def __init__(self, now: dt.datetime) -> None:
        self.now = now

    def __call__(self) -> dt.datetime:
        return self.now

    def move(self, seconds: float) -> None:
        self.now += dt.timedelta(seconds=seconds)


def monitor(name: str = "flights", **alerting: Any) -> Monitor:
    """A monitor that opens an incident on the first day that fires."""
    section = {**DOCUMENT["alerting"], "warnings": "1 of 1", **alerting}
    return Monitor.model_validate_json(json.dumps({**DOCUMENT, "name": name, "alerting": section}))


def harm(metric: str = "roc_auc", level: Level = Level.CRITICAL, segment: str = "all") -> Verdict:
    """A verdict that the model is worse than it should be; P2 by itself."""
    reason = "harmful" if level is Level.CRITICAL else "within_noise"
    subject = Subject(Rule.PERFORMANCE, metric, segment=segment)
    return Verdict(subject, level, reason, f"{metric} is {level}", value=0.3, effect=0.5, n=1000)


def broken(metric: str, level: Level = Level.ERROR) -> Verdict:
    """A verdict that a metric cannot be measured: an incident for each of them."""
    subject = Subject(Rule.PERFORMANCE, metric)
    return Verdict(subject, level, "failed", f"{metric}: {level}", value=0.3, n=1000)


def judge(
    store: Store, of: Monitor, now: dt.datetime, days: Mapping[int, Sequence[Verdict]]
) -> None:
    """Let the days of these numbers say that of the monitor."""

    def work(docket: Docket) -> None:
        desk = Desk(docket, of, now, now, Office())
        said = {day(number): verdicts for number, verdicts in days.items()}
        follow(desk, Briefing(of, lambda _: (), Pages()), said)
        desk.close()

    store.decide(of.name, work)


def upkeep(
    store: Store,
    monitors: Sequence[Monitor],
    clock: Clock,
    folder: Path,
    *,
    channel: Channel | None = None,
    default: str = PLACE,
) -> Upkeep:
    """Upkeep that delivers into a file, or by the channel."""
    file = FileChannel(folder / "messages.jsonl", clock=clock)
    channels = Channels(channel, (file,), default) if channel else Channels(file, (), default)
    return Upkeep(
        store,
        {one.name: one for one in monitors},
        channels,
        Office(),
        clock,
        clock,
        pause=clock.move,
        rng=random.Random(7),
    )


def rows(store: Store, query: str, **given: object) -> list[Any]:
    return list(store.read(lambda connection: connection.execute(sa.text(query), given).all()))


@contextlib.contextmanager
def counted(store: Store) -> Iterator[list[str]]:
    """The statements that are sent meanwhile."""
    engine = store._database.engine
    sent: list[str] = []

    def note(*args: Any) -> None:
        sent.append(args[2])

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", note)
