"""The metrics of a binary classifier at the gate; definitions are those of docs/metrics.md."""

from __future__ import annotations

import numpy as np

from monitoring_dagster.profiles.outcomes import CALIBRATION_BINS
from monitoring_dagster.retraining.gate.compared import Floats
from monitoring_dagster.retraining.gate.measures.areas import area
from monitoring_dagster.retraining.gate.measures.average_precision import average_precision
from monitoring_dagster.retraining.gate.measures.metric import Better, Metric, Need, Unit
from monitoring_dagster.retraining.gate.measures.sums import by_day, counted, mean, of_sums
from monitoring_dagster.retraining.gate.paired import Answers

QUANTILE_BINS = 10
"""Bins of equally many rows in which `reliability` compares scores with labels."""


def _log_losses(answers: Answers) -> Floats:
    scores = np.clip(answers.scores, 1e-15, 1 - 1e-15)
    return by_day(answers, -np.log(np.where(answers.is_positive, scores, 1 - scores)))


def _squared_errors(answers: Answers) -> Floats:
    return by_day(answers, (answers.scores - answers.is_positive) ** 2)


def _confusion(answers: Answers) -> Floats:
    """TN, FP, FN and TP of every day, shape (days, 4)."""
    return counted(answers, 2 * answers.is_positive.astype(np.int64) + answers.chosen, 4)


def _accuracy(c: Floats) -> Floats:
    return (c[:, 0] + c[:, 3]) / c.sum(axis=1)


def _recall(c: Floats) -> Floats:
    return c[:, 3] / (c[:, 2] + c[:, 3])


def _specificity(c: Floats) -> Floats:
    return c[:, 0] / (c[:, 0] + c[:, 1])


def _precision(c: Floats) -> Floats:
    return c[:, 3] / (c[:, 1] + c[:, 3])


def _f1(c: Floats) -> Floats:
    return 2 * c[:, 3] / (2 * c[:, 3] + c[:, 1] + c[:, 2])


def _balanced_accuracy(c: Floats) -> Floats:
    return (_recall(c) + _specificity(c)) / 2


def _mcc(c: Floats) -> Floats:
    tn, fp, fn, tp = c.T
    root = np.sqrt((tp + fn) * (tn + fp) * (tp + fp) * (tn + fn))
    # Where every decision is the same the limit is 0, as in `metrics.performance`.
    return np.where(root > 0, (tp * tn - fp * fn) / np.where(root > 0, root, 1.0), 0.0)


def _predicted_positive_rate(c: Floats) -> Floats:
    return (c[:, 1] + c[:, 3]) / c.sum(axis=1)


def _in_bins(answers: Answers, edges: Floats) -> Floats:
    """Rows, summed scores and positives of every day and bin, shape (days, 3 × bins)."""
    cells, bins = np.searchsorted(edges, answers.scores, side="right"), len(edges) + 1
    parts = (None, answers.scores, answers.is_positive.astype(np.float64))
    return np.concatenate([counted(answers, cells, bins, part) for part in parts], axis=1)


def _equal_width(answers: Answers) -> Floats:
    return _in_bins(answers, np.arange(1, CALIBRATION_BINS) / CALIBRATION_BINS)


def _equal_rows(answers: Answers) -> Floats:
    shares = np.arange(1, QUANTILE_BINS) / QUANTILE_BINS
    return _in_bins(answers, np.unique(np.quantile(answers.scores, shares)))


def _ece(sums: Floats) -> Floats:
    rows, scores, positives = np.split(sums, 3, axis=1)
    return np.abs(positives - scores).sum(axis=1) / rows.sum(axis=1)


def _reliability(sums: Floats) -> Floats:
    rows, scores, positives = np.split(sums, 3, axis=1)
    is_used = rows > 1
    n = np.where(is_used, rows, 2.0)
    rates = positives / n
    gaps = (scores / n - rates) ** 2 - rates * (1 - rates) / (n - 1)
    return np.where(is_used, n * gaps, 0.0).sum(axis=1) / rows.sum(axis=1)


BOTH, DECIDED, PROBABLE = (Need.BOTH_CLASSES,), (Need.THRESHOLD,), (Need.PROBABILITIES,)

METRICS = (
    Metric("roc_auc", Better.HIGHER, area, needs=BOTH),
    Metric("average_precision", Better.HIGHER, average_precision, needs=BOTH),
    Metric("log_loss", Better.LOWER, of_sums(_log_losses, mean), Unit.OF_CHAMPION, PROBABLE),
    Metric("brier", Better.LOWER, of_sums(_squared_errors, mean), needs=PROBABLE),
    Metric("ece", Better.LOWER, of_sums(_equal_width, _ece), needs=PROBABLE),
    Metric("accuracy", Better.HIGHER, of_sums(_confusion, _accuracy), needs=DECIDED),
    Metric(
        "balanced_accuracy",
        Better.HIGHER,
        of_sums(_confusion, _balanced_accuracy),
        needs=BOTH + DECIDED,
    ),
    Metric("precision", Better.HIGHER, of_sums(_confusion, _precision), needs=BOTH + DECIDED),
    Metric("recall", Better.HIGHER, of_sums(_confusion, _recall), needs=BOTH + DECIDED),
    Metric("specificity", Better.HIGHER, of_sums(_confusion, _specificity), needs=BOTH + DECIDED),
    Metric("f1", Better.HIGHER, of_sums(_confusion, _f1), needs=BOTH + DECIDED),
    Metric("mcc", Better.HIGHER, of_sums(_confusion, _mcc), needs=BOTH + DECIDED),
)

RELIABILITY = Metric(
    "reliability", Better.LOWER, of_sums(_equal_rows, _reliability), needs=BOTH + PROBABLE
)
"""The part of the Brier score that is due to calibration: a mean of squares, 0 at best.

Murphy 1973, Journal of Applied Meteorology 12:595-600; less what chance adds to it (Ferro and
Fricker 2012, QJRMS 138:1954-1960), so that a model with many distinct scores is not held to be
worse than one with few. Bins hold equally many rows, since rare classes would share one otherwise.
"""

SELECTION_RATE = Metric(
    "predicted_positive_rate",
    Better.HIGHER,
    of_sums(_confusion, _predicted_positive_rate),
    needs=DECIDED,
)
"""The share of positive decisions: not good or bad in itself, only between groups."""
