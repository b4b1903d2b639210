"""F1: its averages over classes."""

from __future__ import annotations

from collections.abc import Sequence

from monitoring_dagster.metrics.measurement import Estimate
from monitoring_dagster.metrics.performance.estimates import no_labels
from monitoring_dagster.metrics.performance.multiclass.accuracy import accuracy
from monitoring_dagster.metrics.performance.multiclass.averages import Average, averaged
from monitoring_dagster.metrics.performance.multiclass.classes import ByClass, absent
from monitoring_dagster.profiles.outcomes import MulticlassCounts


def f1_macro(counts: MulticlassCounts, classes: Sequence[str]) -> Estimate:
    """Plain mean over all declared classes of 2 hits / (labels + predictions), in [0, 1].

    A class that has labels and is never predicted counts as 0. `class_absent` where a class has
    no label: scikit-learn leaves it out or counts it as 0, depending on the predictions.
    Source: Opitz and Burst 2019 (arXiv 1911.03347), the mean of the F1 of classes.

    >>> import numpy as np
    >>> from dataclasses import replace
    >>> table = np.array([[8, 1, 1], [0, 5, 5], [0, 0, 10]])
    >>> f1_macro(replace(MulticlassCounts.empty(3), confusion=table), ["a", "b", "c"]).value
    0.761040
    """
    rows = ByClass.of(counts)
    n = int(rows.labelled.sum())
    if n == 0:
        return no_labels()
    return absent(rows.labelled, classes, n) or averaged(
        counts, Average.MACRO, by_label=True, by_prediction=True
    )


def f1_weighted(counts: MulticlassCounts) -> Estimate:
    """Mean weighted by the labels of each class; an absent class weighs nothing."""
    if not counts.confusion.any():
        return no_labels()
    return averaged(counts, Average.WEIGHTED, by_label=True, by_prediction=True)


def f1_micro(counts: MulticlassCounts) -> Estimate:
    """F1 of all classes pooled: with one label a row, accuracy."""
    return accuracy(counts)
