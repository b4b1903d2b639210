"""A monitor with an input of every kind, verdicts about it, and incidents that hold signals."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from typing import Any

from monitoring_dagster.decisions.verdict import Cost, Level, Reason, Rule, Subject, Verdict
from monitoring_dagster.incidents.cause import Cause
from monitoring_dagster.incidents.incident import (
    CauseOfDay,
    Incident,
    Priority,
    Signal,
    SignalState,
    Status,
)
from monitoring_dagster.metrics.measurement import Reason as Why
from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.profiles.profile import ALL

DAY = dt.date(2026, 3, 16)
NOON = dt.datetime(2026, 3, 17, 12, tzinfo=dt.UTC)
PRICE = Cost(2_000.0, 500.0, 3_500.0, "EUR", "late parcels")

INJECTED = "<!channel>|=cmd()|`x`|<b>🙈"
"""Reads as a mention, a formula, a key of two subjects, markup and a code span."""

FEATURES = ("age", "income", "region", INJECTED)

DOCUMENT: dict[str, Any] = {
    "schema_version": 1,
    "name": "parcels",
    "owner": "team:tests",
    "model": {"task": "binary", "threshold": 0.5},
    "telemetry": {
        "features": {"kind": "parquet", "path": "f/{date}.parquet"},
        "predictions": {"kind": "parquet", "path": "p/{date}.parquet"},
        "labels": {"source": {"kind": "parquet", "path": "l/{date}.parquet"}},
    },
    "columns": {
        "request": {"role": "id"},
        **{name: {"role": "feature", "type": "category"} for name in FEATURES},
        "answered_at": {"role": "timestamp", "in": ["predictions"]},
        "score": {"role": "score"},
        "decision": {"role": "prediction", "type": "integer"},
        "ms": {"role": "latency"},
        "status": {"role": "status"},
        "outcome": {"role": "label", "type": "integer"},
    },
    "reference": {"first_day": "2026-01-05", "last_day": "2026-02-15"},
    "first_day": "2026-02-16",
    "segments": [{"columns": ["region"]}],
    "slos": [
        {"name": "ranks", "metric": "roc_auc", "at_least": 0.7},
        {"name": "outcomes_arrive", "metric": "label_coverage", "at_least": 0.9},
        {"name": "fast_enough", "metric": "latency_p95", "at_most": 0.25},
    ],
}


def monitor(**changes: Any) -> Monitor:
    """The monitor, with sections replaced."""
    return Monitor.model_validate_json(json.dumps(DOCUMENT | changes))


MONITOR = monitor()


def verdict(
    rule: Rule,
    metric: str,
    column: str = "",
    *,
    segment: str = ALL,
    version: str = ALL,
    name: str = "",
    level: Level = Level.WARN,
    reason: str = Reason.LASTING,
    text: str = "",
    **more: Any,
) -> Verdict:
    """A verdict that warns, unless said otherwise."""
    subject = Subject(rule, metric, column, segment, version, name)
    return Verdict(subject, level, reason, text or f"said of {metric} {column}", **more)


def drift(column: str, **more: Any) -> Verdict:
    """A column whose distribution has moved."""
    return verdict(Rule.DRIFT, "psi", column, **{"effect": 1.0, "effect_unit": "σ", **more})


def nulls(column: str, **more: Any) -> Verdict:
    """A column with more nulls than usual."""
    given = {"effect": 0.1, "effect_unit": "points", "reason": Reason.SUDDEN, **more}
    return verdict(Rule.DRIFT, "null_rate_change", column, **given)


def lost(column: str, reason: str = Why.ALL_NULL, **more: Any) -> Verdict:
    """A column without any value."""
    return verdict(Rule.DATA, "psi", column, level=Level.CRITICAL, reason=reason, **more)


def condemned(column: str, kind: str = "features", **more: Any) -> Verdict:
    """A column of which a critical check failed."""
    text = f"{kind}.{column}: must be between 0 and 1 (found: 7)"
    given = {"reason": Why.QUALITY_CHECK_FAILED, "text": text, **more}
    return verdict(Rule.DATA, "null_rate_change", column, level=Level.CRITICAL, **given)


def withheld(verdict_of: Verdict, by: Verdict) -> Verdict:
    """What would have been judged, had a check not condemned it."""
    s = verdict_of.subject
    text = f"{s.metric} has no value: {by.text}"
    return Verdict(s, Level.SUPPRESSED, Why.QUALITY_CHECK_FAILED, text)


def snapshot(kind: str, level: Level = Level.CRITICAL, reason: str = Why.SOURCE_MISSING) -> Verdict:
    """A snapshot, missing unless said otherwise."""
    text = f"no {kind} can be used: no file for the day"
    return verdict(Rule.DATA, "snapshot_rows", f"@{kind}", level=level, reason=reason, text=text)


def harm(**more: Any) -> Verdict:
    """Errors that are proven to have risen."""
    given = {"level": Level.CRITICAL, "reason": Reason.HARMFUL, "since": DAY, "days": 5, **more}
    return verdict(Rule.PERFORMANCE, "accuracy", **given)


def performance(metric: str = "roc_auc", **more: Any) -> Verdict:
    """A metric of performance that has changed."""
    return verdict(Rule.PERFORMANCE, metric, **more)


def objective(
    metric: str = "roc_auc",
    name: str = "ranks",
    level: Level = Level.CRITICAL,
    *,
    bad_days: int = 7,
    left: float = -0.2,
    **more: Any,
) -> Verdict:
    """An objective whose error budget is used up."""
    given = {
        "reason": Reason.EXHAUSTED if level is Level.CRITICAL else Reason.BURNING,
        "details": {"bad_days": bad_days, "good_days": 21, "budget_left": left},
        **more,
    }
    return verdict(Rule.OBJECTIVE, metric, name=name, level=level, **given)


def ok(said: Verdict, level: Level = Level.OK, reason: str = Reason.WITHIN_NOISE) -> Verdict:
    """The same subject on a day on which it is fine."""
    return Verdict(said.subject, level, reason, "fine", value=0.5)


def incident(
    cause: Cause,
    *found: CauseOfDay | Verdict,
    since: dt.date = DAY - dt.timedelta(days=1),
    state: SignalState = SignalState.FIRING,
) -> Incident:
    """An open incident that holds these signals, all of one state."""
    signals = [s for f in found for s in _signals(f, since, state)]
    return Incident(
        "MD-1",
        "parcels",
        cause,
        Status.OPEN,
        Priority.P3,
        "",
        since,
        since,
        NOON,
        NOON,
        signals=tuple(signals),
    )


def _signals(found: CauseOfDay | Verdict, since: dt.date, state: SignalState) -> Sequence[Signal]:
    if isinstance(found, CauseOfDay):
        return found.signals
    return [signal(found, state, first_day=since, last_day=since)]


def signal(
    said: Verdict,
    state: SignalState = SignalState.FIRING,
    *,
    first_day: dt.date = DAY,
    last_day: dt.date = DAY,
) -> Signal:
    """A verdict as a signal."""
    return Signal(
        said.subject.key,
        state,
        said.level,
        said.reason,
        said.text,
        first_day,
        last_day,
        said.effect,
        said.impact,
        said.cost,
        "snapshot:features" if state is SignalState.SUPPRESSED else "",
    )


def causes(found: Sequence[CauseOfDay]) -> Mapping[str, set[str]]:
    """What fires of each cause, as `metric column segment`."""
    return {
        str(one.cause): {s.subject for s in one.signals if s.state is SignalState.FIRING}
        for one in found
    }


def explained(found: Sequence[CauseOfDay]) -> Mapping[str, set[str]]:
    """What each cause explains."""
    return {
        str(one.cause): {s.subject for s in one.signals if s.state is SignalState.SUPPRESSED}
        for one in found
        if any(s.state is SignalState.SUPPRESSED for s in one.signals)
    }


def keys(*verdicts: Verdict) -> set[str]:
    """Their subjects."""
    return {v.subject.key for v in verdicts}
