"""Recall: of a class, and its averages over classes."""

from __future__ import annotations

from collections.abc import Sequence

from monitoring_dagster.metrics.measurement import Estimate
from monitoring_dagster.metrics.performance.estimates import no_labels, share
from monitoring_dagster.metrics.performance.multiclass.accuracy import accuracy
from monitoring_dagster.metrics.performance.multiclass.averages import Average, averaged
from monitoring_dagster.metrics.performance.multiclass.classes import ByClass, absent
from monitoring_dagster.profiles.outcomes import MulticlassCounts


def recall_of_class(counts: MulticlassCounts, classes: Sequence[str], place: int) -> Estimate:
    """Hits over labels of the class at `place`, with its Wilson interval.

    `class_absent` where it has no label. `n` counts the labels of the class.
    """
    rows = ByClass.of(counts)
    n, labelled = int(rows.labelled.sum()), int(rows.labelled[place])
    if n == 0:
        return no_labels()
    if problem := absent(rows.labelled[place : place + 1], classes[place : place + 1], n):
        return problem
    return share(int(rows.hits[place]), labelled)


def recall_macro(counts: MulticlassCounts, classes: Sequence[str]) -> Estimate:
    """Plain mean over all declared classes, in [0, 1]; also called balanced accuracy.

    `class_absent` where a class has no label: scikit-learn would count it as 0 and warn.
    Source: Sokolova and Lapalme 2009, Information Processing and Management 45:427-437.

    >>> import numpy as np
    >>> from dataclasses import replace
    >>> table = np.array([[8, 1, 1], [0, 5, 5], [0, 0, 10]])
    >>> recall_macro(replace(MulticlassCounts.empty(3), confusion=table), ["a", "b", "c"]).value
    0.766667
    """
    rows = ByClass.of(counts)
    n = int(rows.labelled.sum())
    if n == 0:
        return no_labels()
    return absent(rows.labelled, classes, n) or averaged(
        counts, Average.MACRO, by_label=True, by_prediction=False
    )


def recall_weighted(counts: MulticlassCounts) -> Estimate:
    """Mean weighted by the labels of each class: accuracy."""
    return accuracy(counts)


def recall_micro(counts: MulticlassCounts) -> Estimate:
    """Hits over labels of all classes pooled: accuracy."""
    return accuracy(counts)
