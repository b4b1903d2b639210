"""Metrics that follow from sums over rows: without a day is all sums less those of the day."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from monitoring_dagster.retraining.gate.compared import Floats
from monitoring_dagster.retraining.gate.paired import Answers, Ints


def daily(days: Ints, weights: Floats, day_count: int) -> Floats:
    """The sum of the weights of every day, shape (days,)."""
    return np.bincount(days, weights=weights, minlength=day_count).astype(np.float64)


def by_day(answers: Answers, *columns: Floats) -> Floats:
    """Rows, then the sum of each of `columns` (n,), of every day; shape (days, 1 + columns)."""
    days, count = answers.days, answers.day_count
    rows = np.ones(len(days))
    return np.stack([daily(days, column, count) for column in (rows, *columns)], axis=1)


def counted(
    answers: Answers, cells: Ints, cell_count: int, weights: Floats | None = None
) -> Floats:
    """Rows (or the sum of their weights) of every day in each cell; shape (days, cells)."""
    places = answers.days * cell_count + cells
    size = answers.day_count * cell_count
    found = np.bincount(places, weights=weights, minlength=size).astype(np.float64)
    return found.reshape(answers.day_count, cell_count)


def replicated(totals: Floats) -> Floats:
    """Sums of all days, then without each of them; (days, sums) to (1 + days, sums).

    >>> replicated(np.array([[1.0, 10.0], [2.0, 20.0]])).tolist()
    [[3.0, 30.0], [2.0, 20.0], [1.0, 10.0]]
    """
    whole = totals.sum(axis=0, keepdims=True)
    return np.concatenate([whole, whole - totals])


def of_sums(
    totals: Callable[[Answers], Floats], value: Callable[[Floats], Floats]
) -> Callable[[Answers], Floats]:
    """The replicates of a metric from its sums by day and its formula over sums (m, s) to (m,)."""

    def replicates(answers: Answers) -> Floats:
        with np.errstate(divide="ignore", invalid="ignore"):
            return value(replicated(totals(answers)))

    return replicates


def mean(sums: Floats) -> Floats:
    """Second column over the first, shape (m,)."""
    return sums[:, 1] / sums[:, 0]
