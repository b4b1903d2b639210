"""A metric of the gate: which way is better, what a margin means for it, and what it needs.

How one is computed is `binary`, `multiclass` and `regression`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, StrEnum

import numpy as np

from monitoring_dagster.retraining.gate.compared import Floats
from monitoring_dagster.retraining.gate.paired import Answers

MINIMUM_ROWS = 100
MINIMUM_OF_CLASS = 20
"""Rows, and rows of each class of a binary model, below which nothing is compared."""


class Better(Enum):
    """Which way a metric gets better."""

    HIGHER = 1
    LOWER = -1


class Unit(StrEnum):
    """What a margin of 0.01 means."""

    ABSOLUTE = "absolute"
    """0.01 of the metric itself, which is bounded."""
    OF_CHAMPION = "of_champion"
    """1 % of the champion's value: the metric has no bound."""
    OF_ERROR = "of_error"
    """1 % of the champion's mean absolute error: the metric itself may be 0."""


class Need(StrEnum):
    """What the rows or scores must have for a metric to be defined."""

    BOTH_CLASSES = "both_classes"
    EVERY_CLASS = "every_class"
    THRESHOLD = "threshold"
    PROBABILITIES = "probabilities"


@dataclass(frozen=True)
class Metric:
    """One metric.

    Args:
        name: as in docs/metrics.md.
        better: which way is better.
        replicates: from the answers of one model the values, shape (1 + days,): with all days,
            then without each of them; NaN where it is undefined.
        unit: what a margin means.
        needs: without these there is no value.
    """

    name: str
    better: Better
    replicates: Callable[[Answers], Floats]
    unit: Unit = Unit.ABSOLUTE
    needs: tuple[Need, ...] = ()

    def allowance(self, share: float, champion: Answers, value: float) -> float:
        """What `share`, a margin, is in the metric's own unit, given the champion's value."""
        if self.unit is Unit.ABSOLUTE:
            return share
        if self.unit is Unit.OF_CHAMPION:
            return share * abs(value)
        return share * float(np.abs(champion.scores - champion.labels).mean())

    def lacks(self, answers: Answers) -> str:
        """Why it cannot be computed from these rows, in words; empty where it can."""
        rows = len(answers.labels)
        if rows < MINIMUM_ROWS:
            return f"{rows:,} labelled rows that both answered, at least {MINIMUM_ROWS} are needed"
        return next((why for need in self.needs if (why := _LACKS[need](answers))), "")


def _a_class(answers: Answers) -> str:
    positives = int(answers.is_positive.sum())
    negatives = len(answers.labels) - positives
    if min(positives, negatives) >= MINIMUM_OF_CLASS:
        return ""
    return (
        f"{positives:,} positive and {negatives:,} negative labels, at least {MINIMUM_OF_CLASS} "
        "of each are needed"
    )


def _some_class(answers: Answers) -> str:
    counted = np.bincount(answers.labels.astype(np.int64), minlength=answers.class_count)
    absent = int((counted == 0).sum())
    return f"{absent} of {answers.class_count} classes have no label" if absent else ""


def _a_threshold(answers: Answers) -> str:
    return "a threshold is needed to tell decisions" if answers.threshold is None else ""


def _probabilities(answers: Answers) -> str:
    low, high = float(answers.scores.min()), float(answers.scores.max())
    if low >= 0 and high <= 1:
        return ""
    return f"scores from {low:.4g} to {high:.4g} are no probabilities"


_LACKS: dict[Need, Callable[[Answers], str]] = {
    Need.BOTH_CLASSES: _a_class,
    Need.EVERY_CLASS: _some_class,
    Need.THRESHOLD: _a_threshold,
    Need.PROBABILITIES: _probabilities,
}
