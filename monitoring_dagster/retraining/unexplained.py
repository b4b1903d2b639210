"""Unexplained loss: how much of what a model has lost is not due to inputs that moved.

Pure figures of daily values, and the one place that looks these up. What follows for training is
`reasons`.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from monitoring_dagster.decisions.wording import number
from monitoring_dagster.metrics.estimated.names import ADAPTED, ERROR, METRICS, PLAIN
from monitoring_dagster.metrics.intervals import Interval
from monitoring_dagster.monitors.calendar import matures_at
from monitoring_dagster.monitors.contract import Monitor, Task
from monitoring_dagster.profiles.profile import ALL
from monitoring_dagster.store import Docket

MOST_DAYS = 28
"""Days since the change that are looked at: four weeks, so that each weekday counts alike."""

FEWEST_DAYS = 5
"""Days without which nothing is said."""

PRIMARY: Mapping[Task, str] = {
    Task.BINARY: "accuracy",
    Task.MULTICLASS: "accuracy",
    Task.REGRESSION: "mae",
}
"""The loss of each task that is estimated without labels; shares are taken as what is missing."""

_LOSSES = frozenset({"mae", "mse", "rmse"})
"""Of these more is worse; of every other metric that is estimated, less."""


class Answer(StrEnum):
    """Whether inputs that moved explain what was lost."""

    UNEXPLAINED = "unexplained"
    EXPLAINED = "explained"
    UNKNOWN = "unknown"


class DayLoss(NamedTuple):
    """One day with final labels: its loss, and by how much that exceeds what was expected of it.

    Both in error form, larger is worse: 1 less the metric where the metric is a gain.
    """

    day: dt.date
    loss: float
    beyond: float


@dataclass(frozen=True, slots=True)
class Unexplained:
    """What is realised beyond the estimate, on average over days.

    Args:
        metric: whose loss it is.
        days: days with final labels and an estimate.
        beyond: mean of realised less estimated loss; NaN of fewer days than count.
        low: lower end of its 95 % interval; `high` is the upper one.
        total: the realised loss less the reference's; None where the reference has none.
    """

    metric: str
    days: int
    beyond: float = math.nan
    low: float = math.nan
    high: float = math.nan
    total: float | None = None

    @property
    def answer(self) -> Answer:
        """Unexplained where the whole interval lies above zero."""
        if self.days < FEWEST_DAYS:
            return Answer.UNKNOWN
        return Answer.UNEXPLAINED if self.low > 0 else Answer.EXPLAINED

    @property
    def share(self) -> float | None:
        """The part of the loss that is unexplained; None where nothing was lost on average.

        Above 1 where the estimate expected the model to do better than on the reference.
        """
        if self.total is None or self.total <= 0 or math.isnan(self.beyond):
            return None
        return self.beyond / self.total

    @property
    def text(self) -> str:
        """What it says, as the end of a sentence."""
        if self.days < FEWEST_DAYS:
            known = "no day" if not self.days else f"only {_days(self.days)}"
            return (
                f"whether inputs that moved explain it cannot be told: {known} with final labels "
                f"and an estimate of {self.metric}, {FEWEST_DAYS} are needed"
            )
        figures = f"{number(self.low)} to {number(self.high)} with 95 %, {_days(self.days)}"
        if self.answer is Answer.EXPLAINED:
            return (
                f"inputs that moved may explain it: the loss in {self.metric} is "
                f"{number(abs(self.beyond))} {'above' if self.beyond >= 0 else 'below'} what they "
                f"let expect ({figures}), which is within noise"
            )
        share = self.share
        of = "" if share is None else f", {min(share, 1.0):.0%} of what was lost".replace("%", " %")
        return (
            f"inputs that moved do not explain it: the loss in {self.metric} is "
            f"{number(self.beyond)} above what they let expect ({figures}){of}"
        )


def measure(metric: str, days: Sequence[DayLoss], reference: float | None) -> Unexplained:
    """How much of the loss of these days is unexplained.

    Args:
        metric: whose loss it is.
        days: in order; days without an estimate or final labels left out.
        reference: the metric's loss on the reference; None where it has none.
    """
    if len(days) < FEWEST_DAYS:
        return Unexplained(metric, len(days))
    beyond = [day.beyond for day in days]
    low, high = interval(beyond)
    lost = math.fsum(day.loss for day in days) / len(days)
    return Unexplained(
        metric,
        len(days),
        math.fsum(beyond) / len(days),
        low,
        high,
        None if reference is None else lost - reference,
    )


def interval(values: Sequence[float]) -> Interval:
    """The 95 % interval of the mean of a series whose neighbours may resemble each other.

    The variance by Newey and West (1987, Econometrica 55:703-708), with a lag of a quarter of the
    days, 1 to 7. The quantile is not that of Student's t, which ignores that the variance is itself
    a guess from few days, but that of Kiefer and Vogelsang (2005, Econometric Theory 21:1130-1164,
    table 1, Bartlett's kernel), who let the lag grow with the series. Over 4,000 series of 5 to 28
    independent days it held the mean in 94 to 96 % (Student's t: 88 to 92 %), of days correlated by
    .3 in 88 to 93 % (84 to 86 %).

    >>> interval([0.02, 0.03, 0.01, 0.04, 0.03])
    Interval(low=0.0144, high=0.0376)
    """
    n = len(values)
    mean = math.fsum(values) / n
    off = [value - mean for value in values]
    lag = max(1, min(7, n // 4))
    variance = math.fsum(e * e for e in off)
    for behind in range(1, lag + 1):
        together = math.fsum(a * b for a, b in zip(off[behind:], off, strict=False))
        variance += 2 * (1 - behind / (lag + 1)) * together
    b = (lag + 1) / n
    quantile = 1.96 + 2.9694 * b + 0.4160 * b**2 - 0.5324 * b**3
    reach = quantile * math.sqrt(max(variance, 0.0) / (n * (n - 1)))
    return Interval(mean - reach, mean + reach)


def estimated(task: Task, metric: str) -> str | None:
    """The metric whose estimate speaks for a loss in `metric`; None where a task has none.

    >>> estimated(Task.BINARY, "roc_auc"), estimated(Task.BINARY, "brier")
    ('roc_auc', 'accuracy')
    """
    return metric if metric in METRICS[task] else PRIMARY.get(task)


def loss_of(metric: str, value: float) -> float:
    """A metric's value as a loss: itself, or what it misses to one.

    >>> loss_of("mae", 3.0), loss_of("accuracy", 0.75)
    (3.0, 0.25)
    """
    return value if metric in _LOSSES else 1 - value


def look_up(
    docket: Docket,
    document: Monitor,
    metric: str,
    reference: float | None,
    *,
    since: dt.date,
    until: dt.date,
    now: dt.datetime,
    without: Collection[dt.date] = (),
) -> Unexplained:
    """How much of a loss is unexplained, by what the store has measured.

    Of the last `MOST_DAYS` of these days, those whose labels are final. What a day was expected to
    lose is the estimate that is adapted to its inputs, where there is one.

    Args:
        docket: of the monitor.
        document: says when labels are final.
        metric: one that is estimated (`estimated`).
        reference: its value on the reference.
        since: first day of the change.
        until: the last day that is looked at.
        now: what is final later is not known yet.
        without: days whose data is broken: what they lost says nothing of the model.
    """
    first = max(since, until - dt.timedelta(days=MOST_DAYS - 1))
    realised = dict(docket.trend(metric, "", ALL, first, until))
    missed: dict[dt.date, float] = {}
    for prefix in (PLAIN, ADAPTED):
        # Stored of days with final labels only: the estimate less what was realised.
        missed.update(docket.trend(ERROR, f"@{prefix}{metric}", ALL, first, until))
    sign = -1 if metric in _LOSSES else 1
    days = [
        DayLoss(day, loss_of(metric, realised[day]), sign * error)
        for day, error in sorted(missed.items())
        if day in realised and day not in without and _is_final(document, day, now)
    ]
    return measure(metric, days, None if reference is None else loss_of(metric, reference))


def _is_final(document: Monitor, day: dt.date, now: dt.datetime) -> bool:
    matures = matures_at(document, day)
    return matures is not None and matures <= now


def _days(count: int) -> str:
    return "1 day" if count == 1 else f"{count} days"
