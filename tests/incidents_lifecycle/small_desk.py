"""A monitor, findings about it, and a small desk that puts the pure functions together."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from monitoring_dagster.decisions.verdict import Level
from monitoring_dagster.incidents import (
    acts,
    calling,
    changes,
    escalation,
    lateness,
    lifecycle,
    silences,
)
from monitoring_dagster.incidents.cause import Cause, CauseKind, dedup_key
from monitoring_dagster.incidents.changes import Change, Finding
from monitoring_dagster.incidents.escalation import Due
from monitoring_dagster.incidents.incident import (
    CauseOfDay,
    Context,
    Event,
    Incident,
    Outcome,
    Priority,
    Signal,
    SignalState,
)
from monitoring_dagster.incidents.lifecycle import Judged, Move, Rules
from monitoring_dagster.incidents.owed import Kind, Owed, owed
from monitoring_dagster.incidents.silences import Mute, Silence
from monitoring_dagster.monitors.contract import Monitor

DOCUMENT: dict[str, Any] = {
    "schema_version": 1,
    "name": "flights",
    "owner": "team:ops",
    "model": {"task": "binary", "threshold": 0.5},
    "telemetry": {
        "features": {"kind": "parquet", "path": "features/{date}.parquet"},
        "predictions": {"kind": "parquet", "path": "predictions/{date}.parquet"},
        "labels": {
            "source": {"kind": "parquet", "path": "labels/{date}.parquet"},
            "maturity_days": 7,
        },
    },
    "columns": {
        "flight": {"role": "id"},
        "scored_at": {"role": "timestamp", "in": ["predictions"]},
        "distance": {"role": "feature", "type": "number"},
        "score": {"role": "score"},
        "late": {"role": "label", "type": "integer"},
    },
    "reference": {"first_day": "2025-12-01", "last_day": "2025-12-31"},
    "first_day": "2026-01-01",
    "alerting": {"channel": "#flights", "mention": "S0TEAM"},
}

FIRST = dt.date(2026, 1, 1)
DRIFT = "drift|psi|distance|all|all|"
INPUTS = Cause(CauseKind.INPUTS)


def day(number: int) -> dt.date:
    """The day of that number, from 0."""
    return FIRST + dt.timedelta(days=number)


def morning(number: int) -> dt.datetime:
    """When the day of that number is taken: at six on the next morning."""
    return dt.datetime(2026, 1, 2, 6, tzinfo=dt.UTC) + dt.timedelta(days=number)


def monitor_with(**alerting: Any) -> Monitor:
    """The monitor, with keys of its section `alerting`."""
    document = DOCUMENT | {"alerting": DOCUMENT["alerting"] | alerting}
    return Monitor.model_validate_json(json.dumps(document))


def signal(number: int, subject: str = DRIFT, level: Level = Level.WARN) -> Signal:
    """A signal that fires on the day of that number."""
    when = day(number)
    return Signal(subject, SignalState.FIRING, level, "lasting", f"{subject} moved", when, when)


def finding(
    number: int,
    outcome: Outcome = Outcome.FIRING,
    *,
    priority: Priority = Priority.P2,
    signals: tuple[Signal, ...] | None = None,
    is_late: bool = False,
) -> Finding:
    """What a day says: one signal where it fires."""
    found = (signal(number),) if signals is None else signals
    return Finding(
        day=day(number),
        outcome=outcome,
        signals=found if outcome is Outcome.FIRING else (),
        priority=priority,
        title="Inputs have changed",
        context=Context(what="`distance` moved.", trend=((day(0), 0.1), (day(1), 0.4))),
        is_late=is_late,
    )


def history_of(text: str, level: Level = Level.WARN) -> list[Judged]:
    """A history as text: F fires, C is clear, A is absent, any other sign says nothing."""
    words = {"F": Outcome.FIRING, "C": Outcome.CLEAR, "A": Outcome.ABSENT}
    return [Judged(day(i), words.get(c, Outcome.UNKNOWN), level) for i, c in enumerate(text)]


def an_incident(
    priority: Priority = Priority.P2, *, at: dt.datetime | None = None, mute: Mute | None = None
) -> Incident:
    """An incident that was opened on the morning after day 1, or at `at`."""
    at = at or morning(1)
    found = finding(1, priority=priority)
    args = ("MD-000001", "flights", INPUTS, found, history_of("FF"))
    return changes.opened(*args, since=day(0), mute=mute, at=at)[0]


@dataclass
class Desk:
    """Puts the pure functions together as the real desk does, and remembers in dictionaries."""

    monitor: Monitor
    cause: Cause = INPUTS
    history: dict[dt.date, Judged] = field(default_factory=dict)
    incidents: dict[str, Incident] = field(default_factory=dict)
    events: dict[str, list[Event]] = field(default_factory=dict)
    outbox: dict[str, Owed] = field(default_factory=dict)
    silences: list[Silence] = field(default_factory=list)

    @property
    def latest(self) -> Incident | None:
        return list(self.incidents.values())[-1] if self.incidents else None

    @property
    def rules(self) -> Rules:
        return Rules.of(self.monitor, self.cause)

    def kinds(self) -> list[Kind]:
        return [row.kind for row in self.outbox.values()]

    def mute(self, now: dt.datetime) -> Mute | None:
        latest = self.latest
        if latest is not None and latest.is_open:
            return silences.muted(latest, self.silences, self.monitor, now)
        return silences.muted_cause(self.cause, self.silences, self.monitor, now)

    def judge(
        self,
        number: int,
        outcome: Outcome,
        level: Level = Level.WARN,
        priority: Priority = Priority.P2,
        now: dt.datetime | None = None,
    ) -> Move:
        now = now or morning(number)
        self.history[day(number)] = Judged(day(number), outcome, level)
        known = [j for when, j in self.history.items() if when <= day(number)]
        signals = (signal(number, level=level),) if outcome is Outcome.FIRING else ()
        found = CauseOfDay(self.cause, level, signals)
        late = lateness.is_late(self.monitor, found, day(number), now)
        weighed = finding(number, outcome, priority=priority, signals=signals, is_late=late)
        later = [j for when, j in self.history.items() if when > day(number)]
        step = lifecycle.move(self.latest, known, self.rules, later=later)
        # Marked first, so that an end or a return of what flaps is not told any more.
        if (latest := self.latest) is not None and step not in (Move.NOTHING, Move.OPEN):
            self.store(latest, changes.marked(latest, known, now), now)
        self._take(step, weighed, known, now)
        return step

    def _take(self, step: Move, weighed: Finding, known: list[Judged], now: dt.datetime) -> None:
        mute, latest = self.mute(now), self.latest
        if step is Move.OPEN:
            key = dedup_key("test", self.monitor.name, self.cause)
            ref = lifecycle.reference(key, weighed.day, self.incidents)
            since = lifecycle.began(latest, known, self.rules)
            args = (ref, self.monitor.name, self.cause, weighed, known)
            self.store(None, changes.opened(*args, since=since, mute=mute, at=now), now)
        elif latest is None or step is Move.NOTHING:
            return
        elif step is Move.STAY:
            judged = list(self.history.values())
            change = changes.stayed(latest, weighed, judged, self.rules, mute=mute, at=now)
            self.store(latest, change, now)
        elif step is Move.GONE:
            self.store(latest, changes.gone(latest, self.rules, now), now)
        elif step is Move.RESOLVE:
            self.store(latest, changes.resolved(latest, self.rules, now), now)
        elif step is Move.REOPEN:
            self.store(latest, changes.reopened(latest, weighed, mute=mute, at=now), now)

    def attend(self, now: dt.datetime) -> None:
        latest = self.latest
        if latest is None or not latest.is_open:
            return
        mute, judged_until = self.mute(now), max([*self.history, latest.last_day])
        is_stale = escalation.is_stale(latest, self.monitor, judged_until, now)
        due = self._due(latest, now) if not is_stale else []
        if mute is not None:
            after = calling.kept_back(latest, mute, now, is_due=bool(due))
            self.store(latest, (after, []), now)
            return
        if calling.waits(latest, now) and not (is_stale and latest.alerted_at is not None):
            self.store(latest, calling.called(latest, "the silence is over", now), now)
            latest = self.incidents[latest.ref]
            due = self._due(latest, now)
        for what in due:
            self.store(latest, escalation.told(latest, what, now), now)

    def _due(self, latest: Incident, now: dt.datetime) -> list[Due]:
        return escalation.due(latest, self.events[latest.ref], self.monitor, now, mute=None)

    def acknowledge(self, now: dt.datetime) -> None:
        if (latest := self.latest) is not None:
            self.store(latest, acts.acknowledged(latest, "ada", now), now)

    def snooze(self, until: dt.datetime, now: dt.datetime) -> None:
        if (latest := self.latest) is not None:
            self.store(latest, acts.snoozed(latest, until, "ada", now), now)

    def resolve(self, now: dt.datetime) -> None:
        if (latest := self.latest) is not None:
            self.store(latest, acts.resolved_by_hand(latest, "ada", "mended", now), now)

    def store(self, before: Incident | None, change: Change, now: dt.datetime) -> None:
        after, events = change
        if after is before:
            assert events == []
            return
        mute = self.mute(now) if before is None or after.is_open else None
        has_root = f"root:{after.ref}:1" in self.outbox
        self.incidents[after.ref] = after
        self.events.setdefault(after.ref, []).extend(events)
        for row in owed(before, after, self.monitor, has_root=has_root, mute=mute, now=now):
            assert row.kind is Kind.DIGEST or row.key not in self.outbox, row.key
            self.outbox.setdefault(row.key, row)

    def state(self) -> Mapping[str, Any]:
        return {
            "incidents": dict(self.incidents),
            "events": {ref: list(events) for ref, events in self.events.items()},
            "outbox": dict(self.outbox),
        }
