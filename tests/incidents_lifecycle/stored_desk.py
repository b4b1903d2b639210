"""A real desk over a real store: days are judged, time passes, people act."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import sqlalchemy as sa

from monitoring_dagster.decisions.verdict import Level, Reason, Rule, Subject, Verdict
from monitoring_dagster.incidents.attending import attend
from monitoring_dagster.incidents.briefing import Briefing, Pages
from monitoring_dagster.incidents.desk import Desk
from monitoring_dagster.incidents.following import follow
from monitoring_dagster.incidents.incident import Incident
from monitoring_dagster.incidents.rows import incident_of
from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.store import Docket, Store, incidents
from monitoring_dagster.store.response_tables import incident_event, outbox
from tests.incidents_lifecycle.small_desk import day, morning

T = TypeVar("T")

WARN, CRITICAL, OK = Level.WARN, Level.CRITICAL, Level.OK


def verdict(
    level: Level,
    *,
    rule: Rule = Rule.PERFORMANCE,
    metric: str = "roc_auc",
    column: str = "",
    segment: str = "all",
    version: str = "all",
) -> Verdict:
    """What a rule says of one subject."""
    is_alert = level in (WARN, CRITICAL)
    reason = Reason.WITHIN_NOISE
    if is_alert:
        reason = Reason.HARMFUL if level is CRITICAL else Reason.LASTING
    subject = Subject(rule, metric, column, segment, version)
    return Verdict(subject, level, reason, f"{metric} {level}", value=0.3, n=1_000)


@dataclass
class StoredDesk:
    """One monitor's incidents in a store."""

    store: Store
    monitor: Monitor

    def judge(self, days: Mapping[int, Sequence[Verdict]], now: dt.datetime | None = None) -> None:
        """Follow the verdicts of these days, by default on the morning after the last."""
        briefing = Briefing(self.monitor, lambda _: (), Pages())
        said = {day(number): verdicts for number, verdicts in days.items()}

        def work(desk: Desk) -> None:
            follow(desk, briefing, said)
            attend(desk)

        self.at(now or morning(max(days)), work)

    def attend(self, now: dt.datetime) -> None:
        """Do what time brings."""
        self.at(now, attend)

    def at(self, now: dt.datetime, work: Callable[[Desk], T]) -> T:
        """Do something at the monitor's desk."""

        def at_desk(docket: Docket) -> T:
            desk = Desk(docket, self.monitor, now, now)
            done = work(desk)
            desk.close()
            return done

        return self.store.decide(self.monitor.name, at_desk)

    def incidents(self) -> list[Incident]:
        """All of them, the oldest first."""
        return [incident_of(kept) for kept in self.store.read(incidents.listed)]

    def one(self) -> Incident:
        """The only one."""
        (found,) = self.incidents()
        return found

    def owed(self) -> list[str]:
        """What people are owed, in order, without the incident's name."""
        query = sa.select(outbox.c.key).order_by(outbox.c.id)
        keys = self.store.read(lambda c: list(c.execute(query).scalars()))
        for incident in self.incidents():
            keys = [key.replace(f"{incident.ref}:", "") for key in keys]
        return keys

    def last_said(self) -> tuple[str, str]:
        """Headline and mention of the message that was owed last."""
        query = sa.select(outbox.c.payload).order_by(outbox.c.id.desc()).limit(1)
        payload = json.loads(self.store.read(lambda c: c.scalar(query)) or "{}")
        return payload["headline"], payload["mention"]

    def state(self) -> tuple[object, ...]:
        """Everything that must not change when the same is done twice."""
        count = sa.select(sa.func.count()).select_from(incident_event)
        return self.incidents(), self.owed(), self.store.read(lambda c: c.scalar(count))
