"""Objectives: whether the day met each SLO, and what its error budget calls for.

The arithmetic is `slo`; here is which measurement an objective is about, and the verdict's words.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping

from monitoring_dagster.decisions import slo as budgets
from monitoring_dagster.decisions.measured import Measured
from monitoring_dagster.decisions.slo import DayState, ErrorBudget, State
from monitoring_dagster.decisions.verdict import Level, Reason, Rule, Subject, Verdict
from monitoring_dagster.decisions.wording import number
from monitoring_dagster.metrics.measurement import Estimate, Status
from monitoring_dagster.metrics.measurement import Reason as Cause
from monitoring_dagster.monitors.contract import Slo
from monitoring_dagster.profiles.profile import ALL

Days = Mapping[dt.date, State]

NOTHING = Estimate.without(Status.NO_DATA, Cause.NO_ROWS)


def judge(day: dt.date, slo: Slo, measured: Measured, before: Days) -> tuple[Verdict, Days]:
    """The verdict of one objective, and its days for tomorrow's window.

    Args:
        day: the day that is judged.
        slo: the objective.
        measured: the day's measurements.
        before: what earlier days counted as; those outside the window are dropped.
    """
    measurement = measured.the(slo.metric, slo.column, slo.segment or ALL)
    column = measurement.column if measurement else slo.column or ""
    today = budgets.judge(slo, measurement)
    oldest = day - dt.timedelta(days=slo.window_days - 1)
    days = {when: s for when, s in before.items() if oldest <= when < day} | {day: today.state}
    budget = ErrorBudget.of(slo, days, day)
    alarm = budgets.alarm(slo, budget)
    estimate = NOTHING if measurement is None else measurement.estimate
    value = estimate.value if estimate.status is Status.OK else None
    return (
        Verdict(
            Subject(Rule.OBJECTIVE, slo.metric, column, slo.segment or ALL, name=slo.name),
            _level(today, alarm.level),
            alarm.reason,
            f"{alarm.text}; {_today(slo, today, value)}",
            value=value,
            ci_low=_finite(estimate.ci_low),
            ci_high=_finite(estimate.ci_high),
            reference_value=None if measurement is None else measurement.reference_value,
            n=estimate.n,
            effect=_finite(today.shortfall),
            effect_unit="",
            evidence=_finite(budget.burn_window),
            threshold=budgets.WARN_IN_THE_WINDOW,
            since=_bad_since(day, days),
            days=_bad_in_a_row(day, days),
            cost=today.cost if today.state is State.BAD else None,
            details={
                "objective": slo.at_least if slo.at_least is not None else slo.at_most,
                "bound": "at_least" if slo.at_least is not None else "at_most",
                "day": today.state.value,
                "good_days": budget.good,
                "bad_days": budget.bad,
                "undecided_days": budget.undecided,
                "budget_left": _finite(budget.left),
                "burn_1": _finite(budget.burn_1),
                "burn_3": _finite(budget.burn_3),
                "burn_window": _finite(budget.burn_window),
            },
        ),
        days,
    )


def _level(today: DayState, alarm: Level) -> Level:
    """A day that could not be decided is shown as that, unless earlier days still call for more."""
    if today.state is State.UNDECIDED and alarm is Level.OK:
        return Level.NO_DATA
    return alarm


def _today(slo: Slo, today: DayState, value: float | None) -> str:
    bound = slo.at_least if slo.at_least is not None else slo.at_most
    sign = "≥" if slo.at_least is not None else "≤"
    if value is None or today.state is State.UNDECIDED:
        return f"the day is neither good nor bad ({today.reason})"
    what = f"{slo.metric} was {number(value)}, required is {sign} {number(bound)}"
    if today.reason == Reason.WITHIN_NOISE:
        return f"the day counts as good, its miss within noise: {what}"
    if today.state is State.GOOD:
        return f"the day was good: {what}"
    return f"the day was bad beyond noise: {what}{_price(today)}"


def _price(today: DayState) -> str:
    cost = today.cost
    if cost is None:
        return ""
    return (
        f"; it cost {number(cost.value)} {cost.currency} "
        f"({number(cost.low)} to {number(cost.high)}) of {cost.what}"
    )


def _bad_in_a_row(day: dt.date, days: Days) -> int:
    """Bad days up to `day`; days that could not be decided neither count nor end the row."""
    count = 0
    for when in sorted(days, reverse=True):
        if days[when] is State.GOOD:
            break
        count += days[when] is State.BAD
    return count if days[day] is State.BAD else 0


def _bad_since(day: dt.date, days: Days) -> dt.date | None:
    if days[day] is not State.BAD:
        return None
    first = day
    for when in sorted(days, reverse=True):
        if days[when] is State.GOOD:
            break
        first = when if days[when] is State.BAD else first
    return first


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
