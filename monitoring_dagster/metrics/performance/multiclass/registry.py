"""The metrics of a multiclass classifier, by name. A new one is a file and a line here."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from monitoring_dagster.metrics.measurement import Estimate
from monitoring_dagster.metrics.performance.multiclass.accuracy import accuracy
from monitoring_dagster.metrics.performance.multiclass.f1 import f1_macro, f1_micro, f1_weighted
from monitoring_dagster.metrics.performance.multiclass.log_loss import log_loss
from monitoring_dagster.metrics.performance.multiclass.precision import (
    precision_macro,
    precision_micro,
    precision_of_class,
    precision_weighted,
)
from monitoring_dagster.metrics.performance.multiclass.recall import (
    recall_macro,
    recall_micro,
    recall_of_class,
    recall_weighted,
)
from monitoring_dagster.metrics.performance.multiclass.roc_auc import roc_auc_macro
from monitoring_dagster.profiles.outcomes import MulticlassCounts

Metric = Callable[[MulticlassCounts, Sequence[str]], Estimate]


def _of_counts(metric: Callable[[MulticlassCounts], Estimate]) -> Metric:
    """A metric that does not need the names of the classes."""
    return lambda counts, _: metric(counts)


REGISTRY: dict[str, Metric] = {
    "accuracy": _of_counts(accuracy),
    "precision_macro": precision_macro,
    "precision_micro": _of_counts(precision_micro),
    "precision_weighted": precision_weighted,
    "recall_macro": recall_macro,
    "recall_micro": _of_counts(recall_micro),
    "recall_weighted": _of_counts(recall_weighted),
    "f1_macro": f1_macro,
    "f1_micro": _of_counts(f1_micro),
    "f1_weighted": _of_counts(f1_weighted),
    "log_loss": _of_counts(log_loss),
    "roc_auc_macro": roc_auc_macro,
}

PER_CLASS: dict[str, Callable[[MulticlassCounts, Sequence[str], int], Estimate]] = {
    "precision": precision_of_class,
    "recall": recall_of_class,
}
"""Measured once per class, with the class as the measurement's column."""
