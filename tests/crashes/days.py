"""Days of two monitors, and their evaluation through the real desk: only the judge says what it is
told to.

Three days open, worsen, end and bring back incidents, so that people are owed every kind of
message; one that nobody answers is escalated minutes later.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monitoring_dagster.decisions.judge import Judged
from monitoring_dagster.decisions.state import State
from monitoring_dagster.decisions.verdict import Level, Rule, Verdict
from monitoring_dagster.evaluation import Evaluated, Evaluation
from monitoring_dagster.incidents.desk import EMBEDDED
from monitoring_dagster.monitors.calendar import Sitting
from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.response import Response
from monitoring_dagster.store import EvaluationInput, Store
from monitoring_dagster.telemetry.lake import Lake
from monitoring_dagster.telemetry.quality.report import QualityReport
from tests.incidents_grouping import world
from tests.incidents_grouping.world import DAY, drift, lost, objective, ok, verdict

START = dt.datetime(2026, 3, 17, 6, tzinfo=dt.UTC)
"""The morning after the first day."""

PLACE = "model-alerts"
NAMES = ("letters", "parcels")
A_DAY = dt.timedelta(days=1)

ALERTING: dict[str, Any] = {
    "channel": f"#{PLACE}",
    "mention": "S0TEAM",
    "warnings": "1 of 1",
    "close_after_days": 1,
    "acknowledge_within_hours": {"P1": 0.05},
}

_LOST, _MOVED = lost("age"), drift("region")
_SLOWER, _TOO_SLOW = (
    objective("latency_p95", "fast_enough", level) for level in (Level.WARN, Level.CRITICAL)
)
_ROWS = verdict(Rule.DATA, "rows", level=Level.CRITICAL)

DAYS: Sequence[Sequence[Verdict]] = (
    (_LOST, _SLOWER, _MOVED),
    (ok(_LOST), _TOO_SLOW, ok(_MOVED), _ROWS),
    (_LOST, ok(_TOO_SLOW), ok(_MOVED), ok(_ROWS)),
)
"""What is said of each day, from `DAY` on: a column is lost, found and lost again; answers get slow
and too slow before they are fast again; inputs move once, as does the number of rows."""


def monitors(names: Sequence[str] = NAMES) -> dict[str, Monitor]:
    """The monitors by name."""
    document = world.DOCUMENT | {"alerting": ALERTING, "materiality": "high"}
    made = (Monitor.model_validate_json(json.dumps(document | {"name": n})) for n in names)
    return {monitor.name: monitor for monitor in made}


@dataclass(frozen=True)
class Told:
    """A judge that says what it was told to."""

    monitor: Monitor

    def judge(self, day: dt.date, *_: object, **__: object) -> Judged:
        return Judged(list(DAYS[(day - DAY).days]), State())


def evaluate(store: Store, monitor: Monitor, number: int, now: dt.datetime) -> list[Evaluated]:
    """Evaluate the day of that number, in one transaction."""

    def report(day: dt.date) -> QualityReport:
        about = {"monitor": monitor.name, "day": day, "fingerprint": "", "reference": ""}
        return QualityReport(**about, checked={}, outcomes=[])

    nowhere: Any = None  # what samples are made of
    response = Response(monitor, store, Lake("."), nowhere, EMBEDDED, now, report)
    judge: Any = Told(monitor)
    evaluation = Evaluation(
        store=store,
        judge=judge,
        basis="",
        about=lambda day: _about(monitor.name, day, "evaluation", now),
        explain=lambda _, verdicts: verdicts,
        respond=response.respond,
    )
    return evaluation.evaluate(Sitting(now, (DAY + number * A_DAY,)))


def prepare(store: Store) -> None:
    """Create the tables; of the first monitor with a curve to draw of what was measured before."""
    store.upgrade()
    store.record_many(
        (_about(NAMES[0], DAY - back * A_DAY, "shape", START), [_null_rate(back / 10)])
        for back in range(1, 5)
    )


def template(path: Path) -> Path:
    """A SQLite file that was prepared, to be copied."""
    store = Store(f"sqlite:///{path}")
    prepare(store)
    store.close()
    return path


def _null_rate(value: float) -> dict[str, Any]:
    found = {"value": value, "n": 100, "status": "ok", "reason": "measured"}
    return {"metric": "null_rate", "column": "age", **found}


def _about(monitor: str, day: dt.date, stage: str, now: dt.datetime) -> EvaluationInput:
    return EvaluationInput(
        monitor=monitor,
        day=day,
        stage=stage,
        config_hash="c",
        algorithm_version="a",
        input_fingerprint="f",
        as_of=now,
        run_id="r",
        computed_at=now,
    )
