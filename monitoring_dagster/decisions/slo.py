"""Objectives: whether a day was good, what is left of the error budget, and whether to alarm.

Pure functions of one objective, its measurements and the days before; which measurement belongs
to an objective, and what becomes of an alarm, is not decided here.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Self

from monitoring_dagster.decisions.verdict import Cost, Level, Reason
from monitoring_dagster.metrics.measurement import Estimate, Measurement, Status
from monitoring_dagster.monitors.contract import Slo

PAGE_IN_ONE_DAY, PAGE_IN_THREE_DAYS, WARN_IN_THE_WINDOW = 14.4, 6.0, 1.0
"""Multiples of the pace that uses up the budget exactly at the end of the window.

Google, The Site Reliability Workbook (2018), chapter 5, table 5-8, in days instead of hours. A pace
is at most 1 / (1 - target), so below a target of .931 one bad day cannot page, and below .834 three
cannot: there only an exhausted budget does.
"""

PROVISIONAL = "provisional"

_ROUNDING = 1e-9
"""1 - .9 is a little less than .1: without this, 3 bad days of 30 would be one too many."""


class State(StrEnum):
    """What a day counts as."""

    GOOD = "good"
    BAD = "bad"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class DayState:
    """What an objective says of one day.

    `shortfall` is how far the metric lies beyond the objective, 0 where it does not, in the
    metric's unit, between `shortfall_low` and `shortfall_high` with 95 %; NaN without a value,
    and at an end that the metric's interval leaves open. `cost` is None without a `kpi` or a
    value. `reason` is one of `verdict.Reason`, or the measurement's own where it has no value.
    """

    state: State
    reason: str
    shortfall: float = math.nan
    shortfall_low: float = math.nan
    shortfall_high: float = math.nan
    cost: Cost | None = None


def judge(slo: Slo, measurement: Measurement | None) -> DayState:
    """Whether the day was good, as far as its measurement tells.

    A day is bad only where the whole interval lies beyond the objective: a miss that could be
    noise is good. An exact value has no interval and is compared itself. Without a value, with
    labels that are still arriving, or beyond the objective by an interval that is open on the side
    of the objective, a day is neither good nor bad.

    >>> from monitoring_dagster.metrics.measurement import Estimate
    >>> slo = Slo(name="discrimination", metric="roc_auc", at_least=0.7)
    >>> day = judge(slo, Measurement("roc_auc", Estimate(0.66, 0.63, 0.69, n=900)))
    >>> day.state.value, day.shortfall, day.shortfall_low, day.shortfall_high
    ('bad', 0.04, 0.01, 0.07)
    >>> str(judge(slo, Measurement("roc_auc", Estimate(0.66, 0.61, 0.71, n=300))).reason)
    'within_noise'
    """
    if measurement is None:
        return DayState(State.UNDECIDED, Reason.NOT_MEASURED)
    estimate = measurement.estimate
    if estimate.status is not Status.OK:
        return DayState(State.UNDECIDED, estimate.reason)
    beyond, least, most = _beyond(slo, estimate)
    state, reason = _state(beyond, least)
    if measurement.maturity == PROVISIONAL:
        state, reason = State.UNDECIDED, Reason.PROVISIONAL
    short = [max(distance, 0.0) for distance in (beyond, least, most)]
    return DayState(state, reason, *short, cost=_cost(slo, *short))


class _Beyond(NamedTuple):
    """Signed distances beyond the objective; negative where it is met."""

    value: float
    least: float
    most: float


def _beyond(slo: Slo, estimate: Estimate) -> _Beyond:
    ends = estimate.ci_low, estimate.ci_high
    if all(map(math.isnan, ends)):
        ends = estimate.value, estimate.value
    if slo.at_least is not None:
        bound = slo.at_least
        return _Beyond(bound - estimate.value, bound - ends[1], bound - ends[0])
    bound = slo.at_most if slo.at_most is not None else math.nan  # the contract requires one
    return _Beyond(estimate.value - bound, ends[0] - bound, ends[1] - bound)


def _state(beyond: float, least: float) -> tuple[State, Reason]:
    if beyond <= 0:
        return State.GOOD, Reason.MET
    if math.isnan(beyond + least):
        return State.UNDECIDED, Reason.UNDECIDED
    if least > 0:
        return State.BAD, Reason.MISSED
    return State.GOOD, Reason.WITHIN_NOISE


def _cost(slo: Slo, value: float, low: float, high: float) -> Cost | None:
    if slo.kpi is None:
        return None
    unit = slo.kpi.cost_per_unit
    return Cost(value * unit, low * unit, high * unit, slo.kpi.currency, slo.kpi.name)


@dataclass(frozen=True, slots=True)
class ErrorBudget:
    """What is left of an objective's error budget on the last day of its rolling window.

    `good`, `bad` and `undecided` count days of the window. `allowed_bad` is the share 1 - target of
    the window's days without the undecided ones; days of which nothing is known yet may still
    become good, so that the first bad day of a new monitor does not exhaust its budget. `left` is
    the unused share of it: 1 untouched, 0 used up, below 0 overdrawn. `burn_1`, `burn_3` and
    `burn_window` are the share of bad days among the decided ones of the last day, the last three
    and the window, as a multiple of the share that the target allows; `bad_3` counts those of the
    last three. NaN where no day is decided.
    """

    good: int
    bad: int
    undecided: int
    allowed_bad: float
    left: float
    burn_1: float
    burn_3: float
    burn_window: float
    bad_3: int = 0

    @classmethod
    def of(cls, slo: Slo, days: Mapping[dt.date, State], last_day: dt.date | None = None) -> Self:
        """The budget of the window that ends on `last_day`, by default the last of `days`.

        Days before the window, and after `last_day`, are left out; a day that is not in `days` is
        one of which nothing is known.

        >>> slo = Slo(name="answers", metric="error_rate", at_most=0.01, target=0.9, window_days=30)
        >>> days = {dt.date(2026, 3, d): State.GOOD for d in range(1, 31)}
        >>> days[dt.date(2026, 3, 30)] = State.BAD
        >>> budget = ErrorBudget.of(slo, days)
        >>> budget.left, budget.burn_1, budget.burn_3, budget.burn_window
        (0.667, 10.0, 3.333, 0.333)
        """
        last = last_day or max(days, default=dt.date.min)
        ages = {(last - day).days: state for day, state in days.items()}
        window = _within(ages, slo.window_days)
        allowed_bad = (1 - slo.target) * (slo.window_days - window.undecided)
        return cls(
            *window,
            allowed_bad=allowed_bad,
            left=1 - window.bad / allowed_bad if allowed_bad > 0 and window.decided else math.nan,
            burn_1=_within(ages, 1).burn(slo),
            burn_3=_within(ages, 3).burn(slo),
            bad_3=_within(ages, 3).bad,
            burn_window=window.burn(slo),
        )

    @property
    def is_exhausted(self) -> bool:
        """Whether more days of the window were bad than its target allows."""
        return self.bad > self.allowed_bad + _ROUNDING


class _Days(NamedTuple):
    """How many days of a stretch were what."""

    good: int
    bad: int
    undecided: int

    @property
    def decided(self) -> int:
        return self.good + self.bad

    def burn(self, slo: Slo) -> float:
        return self.bad / self.decided / (1 - slo.target) if self.decided else math.nan


def _within(ages: Mapping[int, State], days: int) -> _Days:
    """The last `days` days, of states by their age in days."""
    states = [state for age, state in ages.items() if 0 <= age < days]
    return _Days(*(states.count(state) for state in State))


@dataclass(frozen=True, slots=True)
class Alarm:
    """What an error budget calls for: nothing, a warning or a page; why, and in words."""

    level: Level
    reason: Reason
    text: str


def alarm(slo: Slo, budget: ErrorBudget) -> Alarm:
    """Page where the budget burns fast or a bad day exhausts it; warn where it will not last.

    An exhausted budget pages on its bad days only: on a good one there is nothing new to tell.

    >>> slo = Slo(name="discrimination", metric="roc_auc", at_least=0.7, target=0.95)
    >>> days = {dt.date(2026, 3, d): State.GOOD for d in range(1, 28)}
    >>> print(alarm(slo, ErrorBudget.of(slo, days | {dt.date(2026, 3, 28): State.BAD})).text)
    discrimination: the day was bad, 20 times the pace that a target of 95 % allows
    """
    if math.isnan(budget.burn_window):
        return Alarm(Level.NO_DATA, Reason.UNDECIDED, f"{slo.name}: no day could be decided")
    if budget.burn_1 >= PAGE_IN_ONE_DAY - _ROUNDING:
        return _burning(slo, Level.CRITICAL, "the day was bad", budget.burn_1)
    # One bad day between two of which nothing is known is not all of the last three.
    is_again = budget.burn_1 > 0 and budget.bad_3 > 1
    if is_again and budget.burn_3 >= PAGE_IN_THREE_DAYS - _ROUNDING:
        share = budget.burn_3 * (1 - slo.target)
        return _burning(
            slo,
            Level.CRITICAL,
            f"{100 * share:.0f} % of the last three days were bad",
            budget.burn_3,
        )
    if budget.is_exhausted and budget.burn_1 > 0:
        return Alarm(Level.CRITICAL, Reason.EXHAUSTED, f"{slo.name}: {_spent(slo, budget)}")
    if budget.burn_window >= WARN_IN_THE_WINDOW - _ROUNDING:
        return _burning(slo, Level.WARN, _spent(slo, budget), budget.burn_window)
    return Alarm(Level.OK, Reason.MET, f"{slo.name}: {_spent(slo, budget)}")


def _burning(slo: Slo, level: Level, what: str, burn: float) -> Alarm:
    pace = (
        f"{float(f'{burn:.3g}'):,g} times the pace that a target of {100 * slo.target:g} % allows"
    )
    return Alarm(level, Reason.BURNING, f"{slo.name}: {what}, {pace}")


def _spent(slo: Slo, budget: ErrorBudget) -> str:
    return (
        f"{budget.bad} of {budget.good + budget.bad} decided days in {slo.window_days} were bad, "
        f"{budget.allowed_bad:.3g} are allowed"
    )
