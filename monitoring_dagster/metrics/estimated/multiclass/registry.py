"""The metrics of a multiclass classifier that can be estimated."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from monitoring_dagster.metrics.estimated.expected import Guess
from monitoring_dagster.metrics.estimated.multiclass.accuracy import accuracy
from monitoring_dagster.metrics.estimated.multiclass.macro import (
    f1_macro,
    precision_macro,
    recall_macro,
)
from monitoring_dagster.metrics.estimated.multiclass.projection import Projection
from monitoring_dagster.metrics.estimated.multiclass.roc_auc import roc_auc_macro

REGISTRY: dict[str, Callable[[Projection, Sequence[str]], Guess]] = {
    "accuracy": accuracy,
    "precision_macro": precision_macro,
    "recall_macro": recall_macro,
    "f1_macro": f1_macro,
    "roc_auc_macro": roc_auc_macro,
}
