"""The confusion matrix: its four counts, and the reasons why a metric cannot use it."""

from __future__ import annotations

from typing import NamedTuple

from monitoring_dagster.metrics.measurement import Estimate, Reason, Status
from monitoring_dagster.metrics.performance.estimates import no_labels
from monitoring_dagster.profiles.outcomes import BinaryCounts


class Confusion(NamedTuple):
    """Rows by label and deployed decision."""

    true_negatives: int
    false_positives: int
    false_negatives: int
    true_positives: int

    @classmethod
    def of(cls, counts: BinaryCounts) -> Confusion:
        """The four counts of `decisions[label, decision]`.

        >>> import numpy as np
        >>> from dataclasses import replace
        >>> counts = replace(BinaryCounts.empty(0), decisions=np.array([[50, 10], [5, 35]]))
        >>> Confusion.of(counts).true_positives
        35
        """
        (tn, fp), (fn, tp) = counts.decisions.tolist()
        return cls(tn, fp, fn, tp)

    @property
    def n(self) -> int:
        """Labelled rows with a decision."""
        return sum(self)

    @property
    def positives(self) -> int:
        """Rows whose label is positive."""
        return self.true_positives + self.false_negatives

    @property
    def negatives(self) -> int:
        """Rows whose label is negative."""
        return self.true_negatives + self.false_positives

    @property
    def predicted_positives(self) -> int:
        """Rows that were decided positive."""
        return self.true_positives + self.false_positives


def no_decisions(counts: BinaryCounts) -> Estimate:
    """Why the confusion matrix is empty: no labels at all, or labels without a decision."""
    scored = int(counts.scores.sum())
    if scored == 0:
        return no_labels()
    return Estimate.without(
        Status.NO_DATA,
        Reason.COLUMN_MISSING,
        f"{scored} labelled rows carry a score and none a decision",
    )


def one_class_only(positives: int, negatives: int) -> Estimate:
    """The metric needs rows of a class that has none."""
    return Estimate.without(
        Status.NOT_ENOUGH_DATA,
        Reason.ONE_CLASS_ONLY,
        f"{positives} positive and {negatives} negative labels; both classes are required",
        positives + negatives,
    )


def true_positives(counts: BinaryCounts) -> Estimate:
    """Positive rows that were decided positive."""
    return _count(counts, Confusion.of(counts).true_positives)


def false_positives(counts: BinaryCounts) -> Estimate:
    """Negative rows that were decided positive."""
    return _count(counts, Confusion.of(counts).false_positives)


def true_negatives(counts: BinaryCounts) -> Estimate:
    """Negative rows that were decided negative."""
    return _count(counts, Confusion.of(counts).true_negatives)


def false_negatives(counts: BinaryCounts) -> Estimate:
    """Positive rows that were decided negative."""
    return _count(counts, Confusion.of(counts).false_negatives)


def _count(counts: BinaryCounts, rows: int) -> Estimate:
    n = int(counts.decisions.sum())
    return Estimate.exact(float(rows), n) if n else no_decisions(counts)
