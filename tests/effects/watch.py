"""A monitor whose days are measured or judged by a test, and everything that follows from them.

`Backlog` has days that are measured as drawn, and evaluates them; `Watch` is told verdicts.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from monitoring_dagster import stored
from monitoring_dagster.decisions.verdict import Verdict
from monitoring_dagster.evaluation import Evaluated, Evaluation, Verdicts
from monitoring_dagster.incidents.attending import attend
from monitoring_dagster.incidents.briefing import Briefing
from monitoring_dagster.incidents.context import FailedCheck
from monitoring_dagster.incidents.desk import EMBEDDED, Desk, Office
from monitoring_dagster.incidents.following import follow
from monitoring_dagster.metrics.measurement import Measurement
from monitoring_dagster.monitors.calendar import Sitting, taken_at
from monitoring_dagster.monitors.contract import Monitor, content_hash
from monitoring_dagster.store import Docket, EvaluationInput, Store
from monitoring_dagster.store.verdicts import STAGE
from monitoring_dagster.upkeep import Upkeep
from tests.effects.office import SlackOffice, until_quiet

RUN_DAYS = 31
"""Days of one run of a backfill, as Dagster cuts them here."""


@dataclass
class Watch:
    """One monitor, its desk, and the people it tells.

    Args:
        batch: id of the backfill that its runs belong to.
        checks: the failed quality checks of a day.
    """

    store: Store
    monitor: Monitor
    people: SlackOffice
    batch: str = ""
    checks: Callable[[dt.date], Sequence[FailedCheck]] = field(default=lambda _: ())

    @property
    def office(self) -> Office:
        return Office(batch=self.batch) if self.batch else EMBEDDED

    def respond(self, docket: Docket, sitting: Sitting, verdicts: Verdicts) -> None:
        """What follows from verdicts, as an evaluation has it done in its transaction."""
        desk = Desk(docket, self.monitor, sitting.now, sitting.now, self.office)
        follow(desk, Briefing(self.monitor, self.checks, self.office.pages), verdicts)
        attend(desk)
        desk.close()

    def judge(self, said: Mapping[dt.date, Sequence[Verdict]], now: dt.datetime) -> None:
        """These verdicts are known at an instant."""
        self.people.at(now)
        sitting = Sitting(now, tuple(said))
        self.store.decide(self.monitor.name, lambda docket: self.respond(docket, sitting, said))

    def morning(self, day: dt.date, said: Sequence[Verdict]) -> None:
        """A day is judged on its own next morning, and people are told."""
        self.judge({day: said}, taken_at(self.monitor, day))
        self.deliver()

    def at_desk(self, now: dt.datetime, work: Callable[[Desk], Any]) -> Any:
        """Something is done at the desk at an instant."""
        self.people.at(now)

        def at_desk(docket: Docket) -> Any:
            desk = Desk(docket, self.monitor, now, now, self.office)
            done = work(desk)
            desk.close()
            return done

        return self.store.decide(self.monitor.name, at_desk)

    def attend(self, now: dt.datetime) -> None:
        """What upkeep does at an instant."""
        self.people.at(now)
        self.upkeep.attend()
        self.deliver()

    def deliver(self) -> None:
        until_quiet(self.people, lambda: self.upkeep)

    @property
    def upkeep(self) -> Upkeep:
        return self.people.upkeep(self.store, [self.monitor], office=self.office)


@dataclass
class Backlog(Watch):
    """The same with measured days and a judge, who reads what is stored."""

    judge_of: Any = None

    def measure(
        self, days: Mapping[dt.date, Iterable[Measurement]], now: dt.datetime, stage: str = "all"
    ) -> None:
        """Store what is measured of some days."""
        measured = {day: [stored.measurement_row(m) for m in found] for day, found in days.items()}
        self.store.record_many(
            (self._about(day, stage, now, content_hash(repr(rows))), rows)
            for day, rows in measured.items()
        )

    def evaluate(self, days: Sequence[dt.date], now: dt.datetime) -> list[Evaluated]:
        """Judge days as one run does."""
        self.people.at(now)
        evaluation = Evaluation(
            self.store,
            self.judge_of,
            "drawn",
            lambda day: self._about(day, STAGE, now, ""),
            lambda _, said: said,
            self.respond,
        )
        return evaluation.evaluate(Sitting(now, tuple(days)))

    def backfill(self, days: Sequence[dt.date], now: dt.datetime) -> None:
        """Judge days as the runs of a backfill do, some minutes apart, and tell people between."""
        for start in range(0, len(days), RUN_DAYS):
            at = max(now, self.people.clock.now())
            self.evaluate(days[start : start + RUN_DAYS], at)
            self.deliver()
            self.people.clock.advance(120)

    def _about(
        self, day: dt.date, stage: str, now: dt.datetime, fingerprint: str
    ) -> EvaluationInput:
        name = self.monitor.name
        return EvaluationInput(name, day, stage, "cfg", "1", fingerprint, now, "run", now)
