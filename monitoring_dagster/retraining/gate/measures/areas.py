"""ROC AUC with all days and without each, from one sort and exact.

The wins of positives over negatives, W, lose what the day's positives win over everybody and
what everybody's positives win over the day's negatives, less what was taken off twice.
"""

from __future__ import annotations

import numpy as np

from monitoring_dagster.retraining.gate.compared import Bools, Floats
from monitoring_dagster.retraining.gate.measures.sums import daily
from monitoring_dagster.retraining.gate.paired import Answers, Ints


def area(answers: Answers) -> Floats:
    """ROC AUC of binary scores, shape (1 + days,); ties count half."""
    return areas(answers.scores, answers.is_positive, answers.days, answers.day_count)


def macro_area(answers: Answers) -> Floats:
    """Mean over the classes of the area of one class against the rest, shape (1 + days,)."""
    found = [
        areas(answers.scores[:, k], answers.labels == k, answers.days, answers.day_count)
        for k in range(answers.class_count)
    ]
    return np.mean(found, axis=0)


def areas(scores: Floats, is_positive: Bools, days: Ints, day_count: int) -> Floats:
    """Area under the ROC curve with all rows and without those of each day, (1 + days,).

    NaN where a class would have no row left. O(n log n) for all of them together.
    Sources: Hanley and McNeil 1982, Radiology 143:29-36, for the area as a count of wins.

    >>> scores, labels = np.array([0.1, 0.4, 0.35, 0.8]), np.array([False, False, True, True])
    >>> areas(scores, labels, np.array([0, 0, 0, 1]), 2)
    array([0.75,  nan, 0.5 ])
    """
    order = np.argsort(scores)
    positive, day = is_positive[order].astype(np.float64), days[order]
    tie = np.concatenate([[0], np.cumsum(np.diff(scores[order]) != 0)]).astype(np.int64)
    wins, losses = _won(positive, tie, np.zeros(len(tie), dtype=np.int64))
    of_day = daily(day, wins + losses, day_count)
    # Two bytes hold 179 years of days, and numpy sorts them by radix: stable, and in one pass.
    grouped = np.argsort(day.astype(np.uint16), kind="stable")
    within, _ = _won(positive[grouped], tie[grouped], day[grouped])
    inside = daily(day[grouped], within, day_count)
    positives, negatives = daily(day, positive, day_count), daily(day, 1 - positive, day_count)
    won = np.concatenate([[wins.sum()], wins.sum() - of_day + inside])
    pairs = _left(positives) * _left(negatives)
    with np.errstate(divide="ignore", invalid="ignore"):
        return won / pairs


def _left(counts: Floats) -> Floats:
    return np.concatenate([[counts.sum()], counts.sum() - counts])


def _won(positive: Floats, tie: Ints, group: Ints) -> tuple[Floats, Floats]:
    """Of each row in sorted order, what it wins as a positive and loses as a negative.

    Only rows of one `group`, which lie side by side, meet; rows of one `tie` win half.
    """
    n = len(positive)
    if n == 0:
        return positive, positive
    begins = np.flatnonzero(np.concatenate([[True], (np.diff(tie) != 0) | (np.diff(group) != 0)]))
    sizes = np.diff(np.concatenate([begins, [n]]))
    ups = np.add.reduceat(positive, begins)
    downs = sizes - ups
    ups_before, downs_before = np.cumsum(ups) - ups, np.cumsum(downs) - downs
    # What came before the group that a run of ties belongs to does not count.
    starts = np.concatenate([[True], np.diff(group[begins]) != 0])
    first = np.flatnonzero(starts)[np.cumsum(starts) - 1]
    ends = np.concatenate([np.flatnonzero(starts)[1:], [len(begins)]])[np.cumsum(starts) - 1] - 1
    below = downs_before - downs_before[first] + downs / 2
    above = ups_before[ends] + ups[ends] - ups_before - ups / 2
    return (
        np.repeat(below, sizes) * positive,
        np.repeat(above, sizes) * (1 - positive),
    )
