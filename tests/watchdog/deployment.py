"""A deployment whose watchdog looks at it: what is stored, and what has become of the incidents."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from monitoring_dagster.incidents import rows
from monitoring_dagster.incidents.answering import resolve
from monitoring_dagster.incidents.desk import Desk
from monitoring_dagster.incidents.incident import Incident
from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.store import EvaluationInput, Store, incidents, outbox
from monitoring_dagster.store.response_tables import destination
from monitoring_dagster.store.response_tables import outbox as outbox_table
from monitoring_dagster.watch import Seen, Watched, watch

START = dt.datetime(2026, 2, 2, 5, tzinfo=dt.UTC)
HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
QUIET = Seen(channel="slack")


@dataclass
class Deployment:
    """A store, its monitors, and a clock that tests move.

    Whatever is owed is sent while time passes, unless nobody `delivers`.
    """

    store: Store
    monitors: Sequence[Monitor] = ()
    now: dt.datetime = START
    seen: Seen = QUIET
    delivers: bool = True

    def look(self, seen: Seen | None = None, **more: Any) -> Watched:
        """One look of the watchdog, at the present."""
        return watch(
            self.store,
            self.monitors,
            self.seen if seen is None else seen,
            now=self.now,
            written_at=self.now,
            **more,
        )

    def pass_by(self, length: dt.timedelta) -> None:
        """Let time pass."""
        if self.delivers:
            self.deliver()
        self.now += length

    def evaluate(self, day: str, monitor: str = "small") -> None:
        """A day was evaluated."""
        self.store.record(self._about(monitor, day, "evaluation"), [])

    def snapshot(self, day: str, rows_of: int, monitor: str = "small") -> None:
        """The features of a day were taken, with so many rows."""
        row = {"metric": "snapshot_rows", "column": "@features", "reason": "measured"}
        found = {"value": float(rows_of), "n": rows_of, "status": "ok"}
        nothing = {"status": "no_data", "reason": "no_rows"}
        self.store.record(
            self._about(monitor, day, "quality"), [{**row, **(found if rows_of else nothing)}]
        )

    def owe(self, key: str, place: str = "", created_at: dt.datetime | None = None) -> None:
        """People are owed a message, of no incident that matters here."""
        at = created_at or self.now
        about = {"kind": "escalation", "incident_id": None, "digest_id": None, "priority": "P2"}
        row = {"key": key, "destination": place, "payload": "{}", "created_at": at, "next_at": at}
        self.store.write(lambda c: outbox.enqueue(c, [{**about, **row}]))

    def deliver(self) -> None:
        """Everything that is owed is sent."""
        c = outbox_table.c
        sent = {"status": "sent", "sent_at": self.now, "sent_by": "slack"}
        statement = sa.update(outbox_table).where(c.status == "pending", c.next_at <= self.now)
        self.store.write(lambda connection: connection.execute(statement.values(**sent)))

    def block(self, place: str, because: str) -> None:
        """Slack takes nothing there."""
        row = {
            "channel": "slack",
            "name": place,
            "next_free_at": self.now,
            "blocked_since": self.now,
            "blocked_because": because,
            "failing_since": self.now,
            "failures": 1,
        }
        self.store.write(lambda c: c.execute(sa.insert(destination).values(**row)))

    def mend(self) -> None:
        """Slack takes messages everywhere again."""
        values = {"blocked_since": None, "blocked_because": "", "failing_since": None}
        self.store.write(lambda c: c.execute(sa.update(destination).values(**values)))

    def incidents(self, monitor: str | None = None) -> list[Incident]:
        """All incidents, the oldest first."""
        kept = self.store.read(lambda c: incidents.listed(c, monitor=monitor))
        return [rows.incident_of(one) for one in kept]

    def events(self, ref: str) -> list[str]:
        """The timeline of an incident: what happened, in order."""

        def read(connection: sa.Connection) -> list[str]:
            kept = incidents.by_ref(connection, ref)
            assert kept is not None
            return [event.kind for event in incidents.events(connection, kept.id)]

        return self.store.read(read)

    def owed(self) -> list[tuple[str, str]]:
        """What people are owed: kind and destination, in order."""
        table = outbox_table.c
        query = sa.select(table.kind, table.destination).order_by(table.id)
        return self.store.read(lambda c: [(k, d) for k, d in c.execute(query)])

    def resolve_by_hand(self, monitor: Monitor, ref: str) -> None:
        """Somebody says that it is over."""

        def work(docket: Any) -> None:
            desk = Desk(docket, monitor, self.now, self.now)
            resolve(desk, ref, "I know", "ada")
            desk.close()

        self.store.decide(monitor.name, work)

    def _about(self, monitor: str, day: str, stage: str) -> EvaluationInput:
        return EvaluationInput(
            monitor=monitor,
            day=dt.date.fromisoformat(day),
            stage=stage,
            config_hash="c",
            algorithm_version="a",
            input_fingerprint=f"{self.now}",
            as_of=self.now,
            run_id="r",
            computed_at=self.now,
        )
