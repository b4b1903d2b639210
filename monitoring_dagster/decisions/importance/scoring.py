"""How good answers are, one number per task: what permutation takes away.

The metrics of monitored days, from counts and with intervals, are in `metrics`; these work on
rows, and need no more than a value.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from monitoring_dagster.monitors.contract import Task

Floats = NDArray[np.float64]
Score = Callable[[Floats, Floats], float]
"""From labels and answers, both with one entry per row, to a number that is higher when better."""


def roc_auc(labels: Floats, scores: Floats) -> float:
    """The probability that a positive is scored above a negative, ties counting one half.

    Args:
        labels: (n,) of 0 and 1.
        scores: (n,).

    Returns:
        Mann-Whitney's U over the number of pairs; NaN when one class is absent.

    >>> roc_auc(np.array([0, 0, 1, 1]), np.array([0.1, 0.4, 0.35, 0.8]))
    0.75
    """
    positive = labels > 0
    ones = int(positive.sum())
    pairs = ones * (len(labels) - ones)
    if not pairs:
        return float("nan")
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - (counts - 1) / 2
    return float((ranks[place][positive].sum() - ones * (ones + 1) / 2) / pairs)


def accuracy(labels: Floats, scores: Floats) -> float:
    """The share of rows whose class has the highest score; NaN without rows.

    Args:
        labels: (n,) positions of the classes.
        scores: (n, classes).

    >>> accuracy(np.array([0.0, 1.0]), np.array([[0.9, 0.1], [0.8, 0.2]]))
    0.5
    """
    if not len(labels):
        return float("nan")
    decided: NDArray[np.int64] = np.argmax(scores, axis=1)
    return int((decided == labels).sum()) / len(labels)


def r2(labels: Floats, predictions: Floats) -> float:
    """The share of the target's variance that is explained; NaN where the target is constant.

    >>> r2(np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 4.0]))
    0.5
    """
    spread = float(np.sum((labels - labels.mean()) ** 2)) if len(labels) else 0.0
    if spread == 0:
        return float("nan")
    return 1.0 - float(np.sum((labels - predictions) ** 2)) / spread


def score_of(task: Task) -> Score:
    """The number that says how good the answers of a task are."""
    return {Task.BINARY: roc_auc, Task.MULTICLASS: accuracy, Task.REGRESSION: r2}[task]
