"""Precision: of a class, and its averages over classes."""

from __future__ import annotations

from collections.abc import Sequence

from monitoring_dagster.metrics.measurement import Estimate
from monitoring_dagster.metrics.performance.estimates import no_labels, share
from monitoring_dagster.metrics.performance.multiclass.accuracy import accuracy
from monitoring_dagster.metrics.performance.multiclass.averages import Average, averaged
from monitoring_dagster.metrics.performance.multiclass.classes import (
    ByClass,
    absent,
    never_predicted,
)
from monitoring_dagster.profiles.outcomes import MulticlassCounts


def precision_of_class(counts: MulticlassCounts, classes: Sequence[str], place: int) -> Estimate:
    """Hits over predictions of the class at `place`, with its Wilson interval.

    Undefined where the class is never predicted. `n` counts the predictions of the class.
    """
    rows = ByClass.of(counts)
    n, predicted = int(rows.labelled.sum()), int(rows.predicted[place])
    if n == 0:
        return no_labels()
    if predicted == 0:
        return never_predicted([classes[place]], n)
    return share(int(rows.hits[place]), predicted)


def precision_macro(counts: MulticlassCounts, classes: Sequence[str]) -> Estimate:
    """Plain mean over all declared classes, in [0, 1].

    scikit-learn counts an undefined precision as 0 and warns. Here the day has no value: with
    `class_absent` where a class has no label, `no_predicted_positives` where it has labels and
    is never predicted.
    Source: Sokolova and Lapalme 2009, Information Processing and Management 45:427-437.

    >>> import numpy as np
    >>> from dataclasses import replace
    >>> table = np.array([[8, 1, 1], [0, 5, 5], [0, 0, 10]])
    >>> precision_macro(replace(MulticlassCounts.empty(3), confusion=table), ["a", "b", "c"]).value
    0.819444
    """
    rows = ByClass.of(counts)
    n = int(rows.labelled.sum())
    if n == 0:
        return no_labels()
    return absent(rows.labelled, classes, n) or _averaged(counts, classes, Average.MACRO)


def precision_weighted(counts: MulticlassCounts, classes: Sequence[str]) -> Estimate:
    """Mean weighted by the labels of each class; an absent class weighs nothing.

    `no_predicted_positives` where a class that has labels is never predicted.
    """
    return _averaged(counts, classes, Average.WEIGHTED) if counts.confusion.any() else no_labels()


def precision_micro(counts: MulticlassCounts) -> Estimate:
    """Hits over predictions of all classes pooled: with one label a row, accuracy."""
    return accuracy(counts)


def _averaged(counts: MulticlassCounts, classes: Sequence[str], average: Average) -> Estimate:
    rows = ByClass.of(counts)
    undefined = ((rows.labelled > 0) & (rows.predicted == 0)).tolist()
    if any(undefined):
        names = [name for name, is_so in zip(classes, undefined, strict=True) if is_so]
        return never_predicted(names, int(rows.labelled.sum()))
    return averaged(counts, average, by_label=False, by_prediction=True)
