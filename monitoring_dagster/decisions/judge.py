"""A day's verdicts: the rules in their order, and what the detectors remember for tomorrow.

Assembled here and nowhere else. Reading measurements and storing verdicts is `evaluation`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from monitoring_dagster.decisions import harm, record, series, watched
from monitoring_dagster.decisions.budget import Budget
from monitoring_dagster.decisions.detectors.losses import Losses
from monitoring_dagster.decisions.importance import Importance
from monitoring_dagster.decisions.measured import Measured
from monitoring_dagster.decisions.noise import Noise
from monitoring_dagster.decisions.rules import (
    data,
    drift,
    estimates,
    objectives,
    operations,
    performance,
)
from monitoring_dagster.decisions.series import Finding
from monitoring_dagster.decisions.state import Series, State
from monitoring_dagster.decisions.verdict import Reason, Rule, Subject, Verdict
from monitoring_dagster.metrics.measurement import Measurement
from monitoring_dagster.metrics.performance import measure as measure_performance
from monitoring_dagster.monitors.contract import Monitor, Role
from monitoring_dagster.profiles import segments
from monitoring_dagster.profiles.profile import ALL
from monitoring_dagster.profiles.reference import FrozenReference


@dataclass(frozen=True)
class Judged:
    """The verdicts of a day, and the state after it."""

    verdicts: list[Verdict]
    state: State


@dataclass(frozen=True)
class Judge:
    """What decides about a monitor's days, and does not change from one to the next.

    `losses` are those of the reference, by segment.
    """

    monitor: Monitor
    noise: Noise
    importance: Importance
    budget: Budget
    losses: Mapping[str, Losses]

    @classmethod
    def of(
        cls, monitor: Monitor, frozen: FrozenReference, noise: Noise, importance: Importance
    ) -> Judge:
        """The judge of a monitor with this reference."""
        drifting = (Role.FEATURE, Role.SCORE, Role.PREDICTION)
        columns = [c for c in frozen.grid.columns if _role(monitor, c) in drifting]
        cut = [s for s in segments.expected(monitor, frozen.grid) if s != ALL]
        realised = (
            measure_performance(
                monitor, frozen.grid, frozen.outcomes, reference=None, maturity=None
            )
            if frozen.outcomes is not None
            else []
        )
        return cls(
            monitor,
            noise,
            importance,
            Budget.of(
                monitor,
                columns=2 * len(columns),  # each for its distribution and for its nulls
                segments=len(cut),
                scalars=watched.scalars(monitor, 1 + len(cut)),
            ),
            harm.losses_of(monitor.model.task, realised),
        )

    def null_highs(self, day: dt.date, measurements: Sequence[Measurement]) -> list[float | None]:
        """The largest value of each measurement that chance explains at the budget's level.

        None for a measurement without a value, and for one that nothing is known to compare with.
        """
        levels = [self.budget.single_level(watched.family(m)) for m in measurements]
        found = self.noise.against(day, measurements, level=levels)
        return [None if against is None else against.null_high for against in found]

    def judge(
        self,
        day: dt.date,
        measurements: Sequence[Measurement],
        before: State | None = None,
        *,
        normal_since: dt.date | None = None,
    ) -> Judged:
        """What the rules say of a day.

        Args:
            day: the day that is judged.
            measurements: of that day, in any order.
            before: the state after the last day that was judged; None for the first one.
            normal_since: the last new normal that begins no later than the day.
        """
        measured = Measured(measurements)
        state = self._begun(before or State(), measured, normal_since)
        found = self._found(day, measured, state)
        performing = found[Rule.PERFORMANCE]
        harms = {
            h.finding.watched.subject: h
            for h in harm.follow(
                day,
                self.monitor.model.task,
                performing,
                self.losses,
                self.noise,
                state,
                self.budget,
            )
        }
        usable = data.judge(measured)
        told = {said.subject for said in usable}
        verdicts = [
            *usable,
            *operations.judge([f for f in found[Rule.DATA] if f.watched.subject not in told]),
            *drift.judge(found[Rule.DRIFT], self.importance),
            *operations.judge(found[Rule.OPERATIONS]),
            *performance.judge(performing, harms),
            *estimates.judge(self.monitor, found[Rule.ESTIMATE], measured),
        ]
        days: dict[str, objectives.Days] = {}
        for slo in self.monitor.slos:
            said, days[slo.name] = objectives.judge(
                day, slo, measured, state.objectives.get(slo.name, {})
            )
            verdicts.append(said)
        remembered = dict(state.series)
        for one in (f for findings in found.values() for f in findings):
            remembered[one.watched.subject.key] = _remembered(one, harms, state)
        missed = record.extended(state.missed, day, measured)
        return Judged(verdicts, replace(state, series=remembered, objectives=days, missed=missed))

    def _found(self, day: dt.date, measured: Measured, state: State) -> dict[Rule, list[Finding]]:
        """What is found of every series, by rule."""
        important = {name: self.importance.is_important(name) for name in self.monitor.columns}
        everything = [
            *watched.drift(self.monitor, measured, important),
            *watched.operations(self.monitor, measured),
            *watched.performance(self.monitor, measured),
            *watched.estimates(self.monitor, measured, state.missed, day),
        ]
        found: dict[Rule, list[Finding]] = {rule: [] for rule in Rule}
        for finding in series.follow(day, everything, self.noise, state, self.budget):
            found[finding.watched.subject.rule].append(finding)
        return found

    def _begun(self, before: State, measured: Measured, normal_since: dt.date | None) -> State:
        """The state that the day begins with: restarted by a new version or a new normal."""
        seen = before.model_versions
        served = next(iter(measured.served()), None)
        if seen and served is not None and served not in seen:
            of_model = (Rule.PERFORMANCE, Rule.ESTIMATE)
            anew = {k: Series(level=s.level) for k, s in before.series.items() if _of(k, of_model)}
            before = replace(before, series={**before.series, **anew})
        if served is not None:
            others = tuple(version for version in seen if version != served)
            before = replace(before, model_versions=(*others, served))
        if normal_since is not None and normal_since != before.normal_since:
            return before.restarted(normal_since)
        return before


def _remembered(finding: Finding, harms: Mapping[Subject, harm.Harm], state: State) -> Series:
    subject = finding.watched.subject
    if (proven := harms.get(subject)) is not None:
        return proven.finding.series
    if finding.reason is Reason.ACCEPTED and subject.metric in watched.LOSSES.values():
        return harm.learnt(state.of(subject.key), finding)
    return finding.series


def _of(key: str, rules: Collection[Rule]) -> bool:
    return key.partition("|")[0] in rules


def _role(monitor: Monitor, column: str) -> Role | None:
    return monitor.columns[column].role if column in monitor.columns else None
