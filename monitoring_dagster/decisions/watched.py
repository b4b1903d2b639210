"""What is watched from day to day, which way is worse, and how large a change has to be.

A catalogue: whether a change is real is `noise`, whether it lasts `series`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum, StrEnum

from monitoring_dagster.decisions.budget import Family
from monitoring_dagster.decisions.measured import Measured
from monitoring_dagster.decisions.record import Record, widened
from monitoring_dagster.decisions.verdict import Rule, Subject
from monitoring_dagster.metrics.drift import REGISTRY
from monitoring_dagster.metrics.measurement import Measurement, Status
from monitoring_dagster.monitors.contract import Monitor, Role, Task
from monitoring_dagster.profiles.profile import ALL


class Worse(Enum):
    """Which way a metric gets worse."""

    UP = 1
    DOWN = -1
    BOTH = 0


class Unit(StrEnum):
    """What an effect is counted in."""

    DEVIATIONS = "σ"
    POINTS = "points"
    RELATIVE = "relative"


@dataclass(frozen=True)
class Watched:
    """A measurement that is held against noise, and what a change of it would mean."""

    subject: Subject
    measurement: Measurement
    worse: Worse
    minimum_effect: float
    unit: Unit
    family: Family


_OPERATIONS: Mapping[str, tuple[Rule, Worse, Unit, str]] = {
    "rows": (Rule.DATA, Worse.BOTH, Unit.RELATIVE, "traffic"),
    "error_rate": (Rule.OPERATIONS, Worse.UP, Unit.POINTS, "performance"),
    "latency_p50": (Rule.OPERATIONS, Worse.UP, Unit.RELATIVE, "operations"),
    "latency_p95": (Rule.OPERATIONS, Worse.UP, Unit.RELATIVE, "operations"),
}
"""Of each: whose rule, which way is worse, its unit, and which of `minimum_effects` counts."""

_PERFORMANCE: Mapping[Task, Mapping[str, tuple[Worse, Unit]]] = {
    Task.BINARY: {
        "roc_auc": (Worse.DOWN, Unit.POINTS),
        "accuracy": (Worse.DOWN, Unit.POINTS),
        "brier": (Worse.UP, Unit.POINTS),
        "base_rate": (Worse.BOTH, Unit.POINTS),
    },
    Task.MULTICLASS: {
        "accuracy": (Worse.DOWN, Unit.POINTS),
        "f1_macro": (Worse.DOWN, Unit.POINTS),
        "log_loss": (Worse.UP, Unit.RELATIVE),
    },
    Task.REGRESSION: {
        "mae": (Worse.UP, Unit.RELATIVE),
        "large_error_rate": (Worse.UP, Unit.POINTS),
    },
    Task.RANKING: {},
}

LOSSES: Mapping[Task, str] = {
    Task.BINARY: "accuracy",
    Task.MULTICLASS: "accuracy",
    Task.REGRESSION: "large_error_rate",
}
"""The bounded loss of each task: errors among labelled rows, or large errors."""


def scalars(monitor: Monitor, groups: int) -> int:
    """How many series that are no distances a day has, performance in every one of `groups`."""
    judged = len(_PERFORMANCE[monitor.model.task])
    return len(_OPERATIONS) + judged * (groups + 1)  # and one estimate of each


def is_gain(metric: str) -> bool:
    """Whether the loss is what is missing to one."""
    return metric == "accuracy"


def drift(monitor: Monitor, measured: Measured, important: Mapping[str, bool]) -> Iterator[Watched]:
    """Distribution and nulls of every feature, score and prediction, whole and by segment.

    Args:
        monitor: says what columns are for.
        measured: the day's measurements.
        important: whether a feature matters more than the average one.
    """
    least = monitor.minimum_effects
    for found in measured.of_metric("psi"):
        column = monitor.columns.get(found.column)  # a day may be older than the document
        role = column.role if column else None
        if found.model_version == ALL and role in (Role.FEATURE, Role.SCORE, Role.PREDICTION):
            minimum = least.important if important.get(found.column, False) else least.other
            yield _watched(Rule.DRIFT, found, Worse.UP, minimum, Unit.DEVIATIONS)
    for found in measured.of_metric("null_rate_change"):
        if found.model_version == ALL and found.column in monitor.columns:
            yield _watched(Rule.DRIFT, found, Worse.BOTH, least.shares, Unit.POINTS)


def operations(monitor: Monitor, measured: Measured) -> Iterator[Watched]:
    """How much traffic there was, how fast and how well it was answered; whole traffic only."""
    least = monitor.minimum_effects
    for metric, (rule, worse, unit, effect) in _OPERATIONS.items():
        for found in measured.of_metric(metric):
            if found.segment == ALL and found.model_version == ALL:
                yield _watched(rule, found, worse, getattr(least, effect), unit)


def performance(monitor: Monitor, measured: Measured) -> Iterator[Watched]:
    """How well was predicted: whole, by segment, and by version where several served."""
    least = monitor.minimum_effects
    served = measured.served()
    for metric, (worse, unit) in _PERFORMANCE[monitor.model.task].items():
        minimum = least.shares if metric == "base_rate" else least.performance
        for found in measured.of_metric(metric):
            if not found.column and (found.model_version == ALL or len(served) > 1):
                yield _watched(Rule.PERFORMANCE, found, worse, minimum, unit)


def estimates(
    monitor: Monitor, measured: Measured, past: Record, day: dt.date
) -> Iterator[Watched]:
    """How well was predicted, as estimated without labels: the best estimate of the whole traffic.

    Held against the noise of the metric that it estimates, since that is what it would have been;
    `past` says how far estimates before `day` missed.
    """
    least = monitor.minimum_effects
    for metric, (worse, unit) in _PERFORMANCE[monitor.model.task].items():
        for name in (f"shift_adapted_{metric}", f"estimated_{metric}"):
            found = measured.get(name)
            if found is not None and found.estimate.status is Status.OK:
                subject = Subject(Rule.ESTIMATE, name)
                known = widened(found, past, day)
                as_realised = replace(known, metric=metric, maturity=None)
                minimum = least.performance
                yield Watched(subject, as_realised, worse, minimum, unit, Family.SCALARS)
                break


def _watched(rule: Rule, found: Measurement, worse: Worse, minimum: float, unit: Unit) -> Watched:
    subject = Subject(rule, found.metric, found.column, found.segment, found.model_version)
    return Watched(subject, found, worse, minimum, unit, _family(rule, found))


def _family(rule: Rule, found: Measurement) -> Family:
    return family(found) if rule is Rule.DRIFT else Family.SCALARS


def family(found: Measurement) -> Family:
    """The part of the budget that judging a measurement would be paid from."""
    if found.metric not in REGISTRY:
        return Family.SCALARS
    return Family.DRIFT if found.segment == ALL else Family.SEGMENT_DRIFT
