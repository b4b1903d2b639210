"""Backtesting: what a changed document would have said of days that were already measured.

Reads stored measurements and the frozen reference, and writes nothing. What is judged, and how, is
`decisions`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from monitoring_dagster.day import Day
from monitoring_dagster.decisions.budget import Family
from monitoring_dagster.decisions.champion import is_about_it, lasting
from monitoring_dagster.decisions.judge import Judge
from monitoring_dagster.decisions.state import State
from monitoring_dagster.decisions.verdict import Level, Subject, Verdict
from monitoring_dagster.errors import BacktestImpossible
from monitoring_dagster.evaluation import judged_of, normal_on
from monitoring_dagster.learnt import Learnt
from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.profiles.reference import reference_id
from monitoring_dagster.retraining.succession import Stretch, Succession
from monitoring_dagster.store import Docket

MEASURED_ANEW = ("quality", "telemetry", "retention", "schedule", "first_day", "last_day")
"""Sections whose change shows from the day they are deployed on, and not in a backtest."""


@dataclass(frozen=True)
class Alert:
    """An uninterrupted run of days on which one subject alerted, and its gravest verdict."""

    subject: Subject
    first_day: dt.date
    last_day: dt.date
    days: int
    verdict: Verdict

    @property
    def is_page(self) -> bool:
        """Whether it would have woken somebody."""
        return self.verdict.level is Level.CRITICAL


@dataclass(frozen=True)
class Replay:
    """What one document says of the days: its alerts, and how many days had any."""

    alerts: Mapping[tuple[Subject, dt.date], Alert]
    days: int
    warned_days: int
    paged_days: int
    planned_share: float
    """Share of days with a false alarm that the document's budget allows."""


@dataclass(frozen=True)
class Backtest:
    """Two documents over the same days."""

    before: Replay
    after: Replay
    not_replayed: Sequence[str]

    @property
    def appear(self) -> list[Alert]:
        """Alerts that only the changed document raises."""
        return _only(self.after, self.before)

    @property
    def vanish(self) -> list[Alert]:
        """Alerts that only the present document raises."""
        return _only(self.before, self.after)


def backtest(day: Day, changed: Monitor, first: dt.date, last: dt.date) -> Backtest:
    """Replay the days from `first` to `last` with the monitor's document and a changed one.

    Days before `first` are not replayed, so that both start with detectors at rest.

    Args:
        day: the monitor's places, with the document that is in force.
        changed: the document to try.
        first: first day.
        last: last day; days that were not measured are left out.

    Raises:
        BacktestImpossible: the documents are about different monitors, count differently, or
            nothing was measured on these days.
    """
    present = day.monitor
    if changed.name != present.name:
        raise BacktestImpossible(
            f"the changed document is about {changed.name!r}, and {present.name!r} was asked for; "
            "give it the same name"
        )
    if reference_id(changed) != reference_id(present):
        raise BacktestImpossible(
            "the changed document counts differently (its model, columns, segments, reference or "
            "time zone), and stored measurements cannot tell what it would have measured; change "
            "what is decided only (slos, minimum_effects, alerting), or deploy it beside the other"
        )
    measured = day.store.look_up(present.name, lambda docket: docket.measured_days(first, last))
    tenures = day.succession.tenures
    stretches = Succession(present, tenures).stretches(measured)
    learnt = {reign.id: day.on(days[0]).learnt for reign, days in stretches}

    def work(docket: Docket) -> list[Replay]:
        return [
            _replayed(docket, Succession(document, tenures), stretches, learnt)
            for document in (present, changed)
        ]

    before, after = day.store.look_up(present.name, work)
    if not before.days:
        raise BacktestImpossible(
            f"nothing was measured of {present.name} from {first} to {last}; choose other days, or "
            f"measure them with `monitoring-dagster run {present.name}`"
        )
    old, new = present.model_dump(mode="json"), changed.model_dump(mode="json")
    return Backtest(before, after, [name for name in MEASURED_ANEW if old[name] != new[name]])


def _replayed(
    docket: Docket,
    succession: Succession,
    stretches: Sequence[Stretch],
    learnt: Mapping[int, Learnt],
) -> Replay:
    """The days again, those of each champion by what its own reference teaches."""
    normals = docket.new_normals()
    state = State()
    states: dict[int, State] = {}
    alerts: dict[tuple[Subject, dt.date], Alert] = {}
    on: dict[Subject, Alert] = {}
    days = warned = paged = 0
    share = 0.0
    for reign, part in stretches:
        taught = learnt[reign.id]
        effective = succession.on(part[0])
        judge = Judge.of(effective, taught.frozen, taught.noise, taught.importance)
        share = sum(judge.budget.share(family) for family in Family)
        if days:
            state = state.succeeded(lasting(effective), states.get(reign.id))
            on = {s: alert for s, alert in on.items() if not is_about_it(effective, s)}
        for when in part:
            normal = normal_on(when, normals, succession)
            judged = judged_of(judge, docket, when, state, normal)
            state = states[reign.id] = judged.state
            alerting = {v.subject: v for v in judged.verdicts if v.is_alert}
            on = {s: _continued(on.get(s), v, when) for s, v in alerting.items()}
            alerts |= {(s, alert.first_day): alert for s, alert in on.items()}
            levels = {v.level for v in alerting.values()}
            warned += Level.WARN in levels
            paged += Level.CRITICAL in levels
        days += len(part)
    return Replay(alerts, days, warned, paged, share)


def _continued(alert: Alert | None, verdict: Verdict, day: dt.date) -> Alert:
    if alert is None:
        return Alert(verdict.subject, day, day, 1, verdict)
    worst = verdict if verdict.level is Level.CRITICAL else alert.verdict
    return Alert(alert.subject, alert.first_day, day, alert.days + 1, worst)


def _only(one: Replay, other: Replay) -> list[Alert]:
    """Alerts of which the other has no day."""
    found = [a for a in one.alerts.values() if not any(_overlap(a, b) for b in _of(other, a))]
    return sorted(found, key=lambda a: (not a.is_page, a.first_day, a.subject))


def _of(replay: Replay, alert: Alert) -> Iterator[Alert]:
    """Alerts about the same that are as grave."""
    return (
        other
        for (subject, _), other in replay.alerts.items()
        if subject == alert.subject and other.is_page >= alert.is_page
    )


def _overlap(one: Alert, other: Alert) -> bool:
    return one.first_day <= other.last_day and other.first_day <= one.last_day
