"""A monitor that can be trained, what is said and stored of its days, and a desk over a store."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from monitoring_dagster.decisions.verdict import Level, Reason, Rule, Subject, Verdict
from monitoring_dagster.incidents.briefing import Briefing, Pages
from monitoring_dagster.incidents.desk import Desk
from monitoring_dagster.incidents.following import follow
from monitoring_dagster.incidents.incident import Incident
from monitoring_dagster.incidents.rows import incident_of
from monitoring_dagster.monitors.calendar import taken_at
from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.retraining.action import Action, ActionKind, Status, Why
from monitoring_dagster.retraining.requesting import Answer, World, by_hand, request
from monitoring_dagster.retraining.rows import action_of, row_of
from monitoring_dagster.retraining.windows import Taken
from monitoring_dagster.store import Docket, EvaluationInput, Store, actions, incidents, tenures
from monitoring_dagster.store.audit import reading

T = TypeVar("T")

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
    "slos": [{"name": "ranks", "metric": "roc_auc", "at_least": 0.7}],
    "retraining": {"trainer": "shop.training:train", "minimum_labels": 1000},
}

FIRST = dt.date(2026, 1, 1)
MATURITY = 7
REFERENCE = 0.9
"""Accuracy of the reference."""


def document(**retraining: Any) -> Monitor:
    """The monitor, with keys of its section `retraining`."""
    changed = DOCUMENT | {"retraining": DOCUMENT["retraining"] | retraining}
    return Monitor.model_validate_json(json.dumps(changed))


def day(number: int) -> dt.date:
    """The monitored day of that number, from 0; below 0 those of the reference."""
    return FIRST + dt.timedelta(days=number)


def matured(number: int) -> dt.datetime:
    """The instant from which the labels of a day are final: on the seventh morning after it."""
    return dt.datetime(2026, 1, 2, 6, tzinfo=dt.UTC) + dt.timedelta(days=number + MATURITY)


def taken(labelled: int = 100, problem: str = "", *, is_gone: bool = False) -> Taken:
    """A day in the lake."""
    digests = {kind: kind[0] * 64 for kind in ("features", "predictions", "labels")}
    return Taken("flights", digests, labelled, problem, is_gone)


# --- what is said of a day ------------------------------------------------------------------------


def accuracy(level: Level = Level.CRITICAL, **more: Any) -> Verdict:
    """Errors: proven to have risen, unless said otherwise."""
    reason = Reason.HARMFUL if level is Level.CRITICAL else Reason.WITHIN_NOISE
    given = {"value": 0.8, "reference_value": REFERENCE, "n": 500, **more}
    return Verdict(Subject(Rule.PERFORMANCE, "accuracy"), level, reason, "accuracy", **given)


def ranks(level: Level = Level.CRITICAL, *, left: float = -0.5, **more: Any) -> Verdict:
    """The objective: exhausted, unless said otherwise."""
    reason = Reason.EXHAUSTED if level is Level.CRITICAL else Reason.MET
    details = {"bad_days": 3, "good_days": 20, "budget_left": left}
    subject = Subject(Rule.OBJECTIVE, "roc_auc", name="ranks")
    given = {"reference_value": 0.8, "details": details, **more}
    return Verdict(subject, level, reason, "ranks", **given)


def moved(column: str = "distance") -> Verdict:
    """Inputs that have moved."""
    subject = Subject(Rule.DRIFT, "psi", column)
    return Verdict(subject, Level.WARN, Reason.LASTING, "moved", effect=1.0, effect_unit="σ")


def lost(column: str = "distance") -> Verdict:
    """A column without any value."""
    subject = Subject(Rule.DATA, "psi", column)
    return Verdict(subject, Level.CRITICAL, "all_null", "lost")


# --- what is stored -------------------------------------------------------------------------------


def losses(number: int, realised: float, estimated: float | None) -> list[dict[str, Any]]:
    """Rows of a day: accuracy with final labels, and what its estimate missed."""
    found = [_row("accuracy", "", realised)]
    if estimated is not None:
        found.append(_row("estimation_error", "@estimated_accuracy", estimated - realised))
    return found


def _row(metric: str, column: str, value: float) -> dict[str, Any]:
    return {
        "metric": metric,
        "column": column,
        "segment": "all",
        "model_version": "all",
        "value": value,
        "ci_low": None,
        "ci_high": None,
        "reference_value": None,
        "n": 500,
        "status": "ok",
        "reason": "computed",
        "detail": "",
        "coverage": 1.0,
        "maturity": "final",
    }


def labelled_row(rows: int) -> dict[str, Any]:
    """How many labels a day has."""
    return _row("labelled", "", float(rows))


def action(
    number: int = 0,
    status: Status = Status.DONE,
    *,
    ref: str = "RT-000001",
    kind: ActionKind = ActionKind.RETRAINING,
    **more: Any,
) -> Action:
    """An action that was requested on the morning after a day."""
    at = taken_at(document(), day(number))
    given = {"why": Why.HARM, "evidence": "errors", "requested_by": "user:ann", **more}
    return Action(
        ref, "flights", kind, requested_at=at, written_at=at, status=status, champion="3", **given
    )


# --- the desk -------------------------------------------------------------------------------------


@dataclass
class Shop:
    """One monitor's desk over a store; `lake` says what there is of a day, all by default."""

    store: Store
    monitor: Monitor = field(default_factory=document)
    lake: dict[dt.date, Taken] = field(default_factory=dict[dt.date, Taken])
    is_disabled: bool = False
    looked: list[dt.date] = field(default_factory=list[dt.date])
    clock: str = ""

    @property
    def world(self) -> World:
        return World(self.monitor, self._look_up, self.is_disabled, self.clock)

    def _look_up(self, when: dt.date) -> Taken:
        self.looked.append(when)
        return self.lake.get(when, taken())

    def keep(self, rows: Mapping[int, Sequence[Mapping[str, Any]]]) -> None:
        """Store what was measured of days."""
        self.store.record_many((_about(number), of_day) for number, of_day in rows.items())

    def lose(self, days: Sequence[int], realised: Sequence[float], estimated: float | None) -> None:
        """Store the accuracy of days, and what was expected of it."""
        together = zip(days, realised, strict=True)
        self.keep({n: losses(n, value, estimated) for n, value in together})

    def morning(
        self, said: Mapping[int, Sequence[Verdict]], now: dt.datetime | None = None
    ) -> Answer | None:
        """Incidents follow the verdicts of days, and a retraining is asked for."""
        verdicts = {day(number): list(of_day) for number, of_day in said.items()}
        briefing = Briefing(self.monitor, lambda _: (), Pages())

        def work(desk: Desk) -> Answer | None:
            follow(desk, briefing, verdicts)
            return request(desk, verdicts, self.world)

        return self.at(now or matured(max(said)), work)

    def ask(self, now: dt.datetime, because: str = "a new rule") -> Answer:
        """A person asks."""
        return self.at(now, lambda desk: by_hand(desk, self.world, "user:ann", because))

    def at(self, now: dt.datetime, work: Callable[[Desk], T]) -> T:
        """Do something at the desk."""

        def at_desk(docket: Docket) -> T:
            desk = Desk(docket, self.monitor, now, now)
            done = work(desk)
            desk.close()
            return done

        return self.store.decide(self.monitor.name, at_desk)

    def add(self, known: Action, **changes: Any) -> int:
        """An action of the past."""
        row = row_of(known) | changes
        return self.store.write(lambda c: actions.add(c, row)) or 0

    def reign(self, action_id: int, since: int, *, resumes: int | None = None) -> int:
        """A tenure that an action has begun."""
        row = {
            "monitor": "flights",
            "model_version": "4",
            "since": day(since),
            "reference": "",
            "resumes": resumes,
            "begun_at": matured(since - MATURITY - 1),
            "begun_by": "user:ann",
            "action_id": action_id,
        }
        return self.store.write(lambda c: tenures.begin(c, row)) or 0

    def finish(self, ref: str, status: Status = Status.REFUSED) -> None:
        """Somebody has decided."""
        kept = next(a for a in self.actions() if a.ref == ref)
        values = {"status": status.value, "decided_at": kept.requested_at}
        assert self.store.write(lambda c: actions.move(c, kept.id, [kept.status.value], **values))

    def actions(self) -> list[Action]:
        """All of them, the oldest first."""
        found = self.store.read(lambda c: actions.of_monitor(c, "flights"))
        return [action_of(row) for row in found]

    def incident(self, cause: str = "performance") -> Incident:
        """The only one of a cause."""
        found = [incident_of(kept) for kept in self.store.read(incidents.listed)]
        (one,) = [incident for incident in found if str(incident.cause) == cause]
        return one

    def log(self, prefix: str = "action.") -> list[tuple[str, str, Any]]:
        """What the audit log has of actions."""
        entries = self.store.read(lambda c: reading.entries(c, limit=1_000))
        return [
            (e.action, e.subject_id, (e.payload or {}).get("guard"))
            for e in entries
            if e.action.startswith(prefix)
        ]

    def timeline(self, kind: str = "retraining") -> list[str]:
        """The events of the incident of performance, of one kind."""

        def read(docket: Docket) -> list[str]:
            desk = Desk(docket, self.monitor, matured(0), matured(0))
            kept = incidents.by_ref(docket.connection, self.incident().ref)
            return [] if kept is None else [e.text for e in desk.events(kept.id) if e.kind == kind]

        return self.store.look_up("flights", read)


def _about(number: int) -> EvaluationInput:
    return EvaluationInput(
        "flights", day(number), "performance", "cfg", "1", "f", matured(number), "", matured(number)
    )
