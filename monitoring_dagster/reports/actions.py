"""Actions for people at a terminal: a table of them, and everything that is known of one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from monitoring_dagster.retraining.action import Action

HEADER = ("name", "monitor", "what", "why", "asked", "status", "champion", "challenger")

_MOST_DAYS = 10
"""Excluded days that are named; the rest is counted."""


def rows(found: Iterable[Action]) -> list[tuple[str, ...]]:
    """A line for each, with the columns of `HEADER`."""
    return [
        (
            action.ref,
            action.monitor,
            action.kind.value,
            action.why.value.replace("_", " "),
            f"{action.requested_at:%Y-%m-%d %H:%M}",
            action.status.value.replace("_", " "),
            action.champion,
            action.challenger,
        )
        for action in found
    ]


def detail(action: Action, approvals: Sequence[tuple[str, str]]) -> list[str]:
    """Everything that is known of an action, line by line."""
    facts = [
        ("Monitor", action.monitor),
        ("Status", action.status.value.replace("_", " ")),
        ("Because", action.because),
        ("Asked for", f"{action.requested_at:%Y-%m-%d %H:%M} UTC by {action.requested_by}"),
        ("Evidence", action.evidence),
        ("Champion", action.champion),
        ("Challenger", action.challenger),
        ("Decided after", _hours(action.seconds_to_decision)),
        ("Shadow until", str(action.shadow_until or "")),
        ("Attempts", str(action.attempt)),
        ("Dagster run", action.run_id),
        ("MLflow run", action.mlflow_run),
        *(("Approved by", f"{person}: {because}") for person, because in approvals),
    ]
    lines = [f"{action.ref} · {action.kind.value} · {action.why.value.replace('_', ' ')}"]
    lines += [f"{name + ':':<16}{value}" for name, value in facts if value]
    return [*lines, *_plan(action.plan), *_decision(action.decision), *_log(action.plan)]


def _hours(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return f"{seconds / 3600:.1f} hours" if seconds >= 3600 else f"{seconds / 60:.1f} minutes"


def _plan(plan: Mapping[str, Any]) -> list[str]:
    lines: list[str] = []
    for name in ("training", "validation"):
        days = plan.get(name) or []
        if days:
            labelled = sum(day.get("labelled", 0) for day in days)
            span = f"{days[0]['day']} to {days[-1]['day']}"
            lines.append(f"{name.title() + ':':<16}{len(days)} days, {span}, {labelled:,} labels")
    excluded = plan.get("excluded") or []
    lines += [f"{'Left out:':<16}{one['day']}: {one['because']}" for one in excluded[:_MOST_DAYS]]
    if len(excluded) > _MOST_DAYS:
        lines.append(f"{'':<16}and {len(excluded) - _MOST_DAYS} more days")
    return lines


def _decision(decision: Mapping[str, Any]) -> list[str]:
    if not decision:
        return []
    verdict = "passed" if decision["is_passed"] else "not passed"
    days = f"{decision['first_day']} to {decision['last_day']}"
    told = f"The gate: {verdict}, on {decision['rows']:,} rows of {days}"
    checks = [f"  {check['outcome']:<10}{check['text']}" for check in decision["checks"]]
    return ["", told, *checks]


def _log(plan: Mapping[str, Any]) -> list[str]:
    """The end of what a trainer that failed has printed."""
    printed = str(plan.get("log", ""))
    return ["", "The end of its log:", *printed.splitlines()] if printed else []
