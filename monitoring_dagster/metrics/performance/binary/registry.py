"""The metrics of a binary classifier, by name. A new one is a file and a line here."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from monitoring_dagster.metrics.measurement import Estimate
from monitoring_dagster.metrics.performance.binary import confusion
from monitoring_dagster.metrics.performance.binary.accuracy import accuracy
from monitoring_dagster.metrics.performance.binary.average_precision import average_precision
from monitoring_dagster.metrics.performance.binary.balanced_accuracy import balanced_accuracy
from monitoring_dagster.metrics.performance.binary.base_rate import base_rate
from monitoring_dagster.metrics.performance.binary.brier import brier
from monitoring_dagster.metrics.performance.binary.calibration_intercept import (
    calibration_intercept,
)
from monitoring_dagster.metrics.performance.binary.calibration_slope import calibration_slope
from monitoring_dagster.metrics.performance.binary.ece import ece
from monitoring_dagster.metrics.performance.binary.ece_bias_floor import ece_bias_floor
from monitoring_dagster.metrics.performance.binary.f1 import f1
from monitoring_dagster.metrics.performance.binary.log_loss import log_loss
from monitoring_dagster.metrics.performance.binary.mcc import mcc
from monitoring_dagster.metrics.performance.binary.precision import precision
from monitoring_dagster.metrics.performance.binary.predicted_positive_rate import (
    predicted_positive_rate,
)
from monitoring_dagster.metrics.performance.binary.recall import recall
from monitoring_dagster.metrics.performance.binary.roc_auc import roc_auc
from monitoring_dagster.metrics.performance.binary.specificity import specificity
from monitoring_dagster.profiles.outcomes import BinaryCounts

Floats = NDArray[np.float64]
Metric = Callable[[BinaryCounts, Floats], Estimate]


def _of_counts(metric: Callable[[BinaryCounts], Estimate]) -> Metric:
    """A metric that does not need to know what score a cell stands for."""
    return lambda counts, _: metric(counts)


REGISTRY: dict[str, Metric] = {
    "roc_auc": _of_counts(roc_auc),
    "average_precision": _of_counts(average_precision),
    "log_loss": log_loss,
    "brier": brier,
    "ece": ece,
    "ece_bias_floor": ece_bias_floor,
    "calibration_slope": calibration_slope,
    "calibration_intercept": calibration_intercept,
    "true_positives": _of_counts(confusion.true_positives),
    "false_positives": _of_counts(confusion.false_positives),
    "true_negatives": _of_counts(confusion.true_negatives),
    "false_negatives": _of_counts(confusion.false_negatives),
    "accuracy": _of_counts(accuracy),
    "balanced_accuracy": _of_counts(balanced_accuracy),
    "precision": _of_counts(precision),
    "recall": _of_counts(recall),
    "specificity": _of_counts(specificity),
    "f1": _of_counts(f1),
    "mcc": _of_counts(mcc),
    "predicted_positive_rate": _of_counts(predicted_positive_rate),
    "base_rate": _of_counts(base_rate),
}
