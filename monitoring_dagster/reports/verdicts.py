"""Verdicts as a person reads them: on a Dagster page, and at a terminal.

Picks and orders what was decided; nothing is decided here.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

import pyarrow as pa

from monitoring_dagster.backtest import Backtest
from monitoring_dagster.decisions.verdict import Level, Verdict
from monitoring_dagster.evaluation import Evaluated
from monitoring_dagster.incidents.incident import Incident
from monitoring_dagster.profiles.profile import ALL
from monitoring_dagster.reports.figures import Figures

MOST_SEGMENTS = 5
"""Alerts of segments that a page names; there may be hundreds, and most have one cause."""


def of_evaluation(
    evaluated: Iterable[Evaluated], open_incidents: Sequence[Incident] = ()
) -> dict[dt.date, Figures]:
    """What was decided of each day: pages, warnings, objectives, and how much was looked at.

    With it come those of the incidents that lasted on the day: a page names them to whoever wants
    to answer one.
    """
    return {e.day: _of_day(e) | _incidents(e.day, open_incidents) for e in evaluated}


def _incidents(day: dt.date, open_incidents: Iterable[Incident]) -> Figures:
    lines = [_incident(i) for i in open_incidents if i.since <= day <= i.last_day]
    return {"open incidents": lines} if lines else {}


def _incident(incident: Incident) -> dict[str, object]:
    return {
        "incident": incident.ref,
        "priority": incident.priority.value,
        "status": incident.status.value,
        "what": incident.title,
        "since": incident.since.isoformat(),
    }


def _of_day(evaluated: Evaluated) -> Figures:
    verdicts = evaluated.verdicts
    number = f"{evaluated.recorded.evaluation_id} (revision {evaluated.recorded.revision})"
    if not evaluated.recorded.written:
        return {"evaluation": number, "status": "as it was: nothing that it rests on has changed"}
    levels = Counter(v.level.value for v in verdicts)
    figures: Figures = {
        "pages": levels[Level.CRITICAL],
        "warnings": levels[Level.WARN],
        "verdicts": dict(levels.most_common()),
    }
    alerts = told(verdicts)
    if alerts:
        figures["what is wrong"] = [_line(v) for v in alerts]
    objectives = [v for v in verdicts if v.subject.name]
    if objectives:
        figures["objectives"] = [_objective(v) for v in objectives]
    return figures | {"evaluation": number}


def told(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """The alerts that a page names: all of the whole traffic, the gravest of segments."""
    alerts = sorted(
        (v for v in verdicts if v.is_alert), key=lambda v: v.level is not Level.CRITICAL
    )
    whole = [v for v in alerts if v.subject.segment == ALL]
    return whole + [v for v in alerts if v.subject.segment != ALL][:MOST_SEGMENTS]


def _line(verdict: Verdict) -> dict[str, object]:
    return {
        "verdict": verdict.level.value,
        "rule": verdict.subject.rule.value,
        "reason": str(verdict.reason),
        "what": verdict.text,
        "since": verdict.since.isoformat() if verdict.since else "",
        "impact": round(verdict.impact, 3) if verdict.impact is not None else None,
    }


def _objective(verdict: Verdict) -> dict[str, object]:
    details: Mapping[str, object] = verdict.details
    return {
        "objective": verdict.subject.name,
        "verdict": verdict.level.value,
        "day": str(details.get("day")),
        "value": verdict.value,
        "bad days": details.get("bad_days"),
        "budget left": details.get("budget_left"),
        "what": verdict.text,
    }


def alerting(table: pa.Table) -> pa.Table:
    """The rows of a table of verdicts that somebody should hear of."""
    import pyarrow.compute as pc

    loud = pa.array([Level.WARN.value, Level.CRITICAL.value])
    is_loud = pc.is_in(table.column("verdict"), value_set=loud)  # pyright: ignore[reportAttributeAccessIssue]
    return table.filter(is_loud)


def by_day(rows: Sequence[Mapping[str, object]]) -> Iterator[str]:
    """Rows of the table of verdicts as lines for a terminal, the gravest of each day first."""
    days: dict[object, list[Mapping[str, object]]] = {}
    for row in rows:
        days.setdefault(row["day"], []).append(row)
    for day, found in days.items():
        yield str(day)
        for row in sorted(found, key=lambda r: r["verdict"] != Level.CRITICAL.value):
            yield f"  {row['verdict']:<8} {row['rule']:<11} {row['text']}"
    yield f"{len(rows)} verdicts on {len(days)} days"


def of_backtest(found: Backtest) -> Iterator[str]:
    """What a changed document changes, for a terminal."""
    for title, alerts in (
        ("Alerts that appear", found.appear),
        ("Alerts that vanish", found.vanish),
    ):
        yield f"{title}: {len(alerts)}"
        for alert in alerts:
            what = "page" if alert.is_page else "warning"
            until = "" if alert.days == 1 else f" to {alert.last_day} ({alert.days} days)"
            yield f"  {what} {alert.first_day}{until}: {alert.verdict.text}"
    yield ""
    for name, replay in (("now", found.before), ("changed", found.after)):
        yield (
            f"{name:<8} {replay.paged_days} days with a page and {replay.warned_days} with a "
            f"warning, of {replay.days}; its budget allows false alarms on "
            f"{100 * replay.planned_share:.2f} % of days"
        )
    if found.not_replayed:
        yield (
            f"Not replayed: {', '.join(found.not_replayed)}; what these change is measured from "
            "the day on which the document is deployed."
        )
