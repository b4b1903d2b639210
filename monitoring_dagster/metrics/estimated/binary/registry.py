"""The metrics of a binary classifier that can be estimated. A new one is a file and a line."""

from __future__ import annotations

from collections.abc import Callable

from monitoring_dagster.metrics.estimated.binary.accuracy import accuracy
from monitoring_dagster.metrics.estimated.binary.average_precision import average_precision
from monitoring_dagster.metrics.estimated.binary.f1 import f1
from monitoring_dagster.metrics.estimated.binary.precision import precision
from monitoring_dagster.metrics.estimated.binary.projection import Projection
from monitoring_dagster.metrics.estimated.binary.recall import recall
from monitoring_dagster.metrics.estimated.binary.roc_auc import roc_auc
from monitoring_dagster.metrics.estimated.binary.specificity import specificity
from monitoring_dagster.metrics.estimated.expected import Guess

REGISTRY: dict[str, Callable[[Projection], Guess]] = {
    "roc_auc": roc_auc,
    "average_precision": average_precision,
    "accuracy": accuracy,
    "precision": precision,
    "recall": recall,
    "specificity": specificity,
    "f1": f1,
}
