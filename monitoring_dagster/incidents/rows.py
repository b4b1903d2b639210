"""How incidents are written as rows of the store, and read back.

What their columns mean is documented in docs/incidents.md.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from typing import Any

from monitoring_dagster.decisions.verdict import Cost, Level
from monitoring_dagster.incidents.cause import Cause, CauseKind
from monitoring_dagster.incidents.incident import (
    Context,
    Event,
    EventKind,
    Incident,
    Link,
    NextStep,
    Priority,
    Signal,
    SignalState,
    Status,
)
from monitoring_dagster.store.incidents import Kept

_PLAIN = (
    "ref",
    "monitor",
    "title",
    "since",
    "last_day",
    "opened_at",
    "updated_at",
    "alerted_at",
    "calls",
    "muted_since",
    "reopened",
    "acknowledged_at",
    "acknowledged_by",
    "snoozed_until",
    "resolved_at",
    "resolved_because",
    "resolved_by",
    "is_flapping",
    "is_late",
    "escalations",
    "reminders",
    "revision",
    "retraining",
)
"""Columns that hold what the incident holds."""


def row_of(incident: Incident, dedup_key: str) -> dict[str, Any]:
    """The incident as the store takes it, without its signals."""
    return {
        **{name: getattr(incident, name) for name in _PLAIN},
        "dedup_key": dedup_key,
        "cause_kind": incident.cause.kind.value,
        "cause_name": incident.cause.name,
        "status": incident.status.value,
        "priority": incident.priority.value,
        "told": incident.told.value if incident.told else None,
        "context": json.dumps(_context_row(incident.context), sort_keys=True, allow_nan=False),
    }


def signal_rows(signals: Sequence[Signal]) -> list[dict[str, Any]]:
    """Signals as the store takes them."""
    return [
        {
            "subject": s.subject,
            "state": s.state.value,
            "level": s.level.value,
            "reason": s.reason,
            "text": s.text,
            "first_day": s.first_day,
            "last_day": s.last_day,
            "effect": s.effect,
            "impact": s.impact,
            "cost": s.cost.value if s.cost else None,
            "cost_low": s.cost.low if s.cost else None,
            "cost_high": s.cost.high if s.cost else None,
            "currency": s.cost.currency if s.cost else None,
            "cost_of": s.cost.what if s.cost else None,
            "suppressed_by": s.suppressed_by,
        }
        for s in signals
    ]


def event_rows(events: Sequence[Event]) -> list[dict[str, Any]]:
    """Events as the store takes them."""
    return [{"at": e.at, "kind": e.kind.value, "actor": e.actor, "text": e.text} for e in events]


def events_of(stored: Sequence[Any]) -> list[Event]:
    """The events that rows hold."""
    return [Event(row.at, EventKind(row.kind), row.actor, row.text) for row in stored]


def incident_of(kept: Kept) -> Incident:
    """The incident that a row and its signals hold."""
    row = kept.row
    return Incident(
        cause=Cause(CauseKind(row.cause_kind), row.cause_name),
        status=Status(row.status),
        priority=Priority(row.priority),
        told=Priority(row.told) if row.told else None,
        context=_context_of(json.loads(row.context)),
        signals=tuple(_signal_of(signal) for signal in kept.signals),
        **{name: getattr(row, name) for name in _PLAIN},
    )


def _signal_of(row: Any) -> Signal:
    return Signal(
        subject=row.subject,
        state=SignalState(row.state),
        level=Level(row.level),
        reason=row.reason,
        text=row.text,
        first_day=row.first_day,
        last_day=row.last_day,
        effect=row.effect,
        impact=row.impact,
        cost=None
        if row.cost is None
        else Cost(row.cost, row.cost_low, row.cost_high, row.currency, row.cost_of),
        suppressed_by=row.suppressed_by,
    )


def _context_row(context: Context) -> dict[str, Any]:
    return {
        **asdict(context),
        "trend": [[day.isoformat(), value] for day, value in context.trend],
        "links": [[link.text, link.url] for link in context.links],
        "details": [list(detail) for detail in context.details],
        "next_step": context.next_step.value,
    }


def _context_of(row: dict[str, Any]) -> Context:
    lists = ("columns", "segments", "checks", "versions")
    held: dict[str, Any] = {
        **row,
        **{name: tuple(row[name]) for name in lists},
        "cost": Cost(**row["cost"]) if row["cost"] else None,
        "trend": tuple((date.fromisoformat(day), value) for day, value in row["trend"]),
        "links": tuple(Link(*link) for link in row["links"]),
        "details": tuple((name, text) for name, text in row["details"]),
        "next_step": NextStep(row["next_step"]),
    }
    return Context(**held)
