"""Multiclass metrics against scikit-learn, on the same rows."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest
from numpy.typing import NDArray

from monitoring_dagster.metrics.measurement import Estimate, Reason, Status
from monitoring_dagster.metrics.performance.multiclass.registry import PER_CLASS, REGISTRY
from monitoring_dagster.profiles.outcomes import MulticlassCounts
from tests.metrics_performance.counting import count_multiclass

CLASSES = ["ant", "bee", "cat"]


def rows(n: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Labels and scores; the third class is rare."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(3, n, p=[0.6, 0.3, 0.1])
    raw = np.exp(1.5 * np.eye(3)[labels] + rng.standard_normal((n, 3)))
    return labels, raw / raw.sum(axis=1, keepdims=True)


def value(metric: str, counts: MulticlassCounts) -> Estimate:
    estimate = REGISTRY[metric](counts, CLASSES)
    assert estimate.status is Status.OK, estimate
    return estimate


@pytest.mark.parametrize("average", ["macro", "micro", "weighted"])
@pytest.mark.parametrize("metric", ["precision", "recall", "f1"])
def test_averages_over_classes_equal_scikit_learn(
    sklearn: ModuleType, metric: str, average: str
) -> None:
    labels, scores = rows(2_000, seed=1)
    predictions = scores.argmax(axis=1)
    estimate = value(f"{metric}_{average}", count_multiclass(labels, predictions, scores, 3))
    oracle = getattr(sklearn, f"{metric}_score")(labels, predictions, average=average)
    assert estimate.value == pytest.approx(oracle, abs=1e-14)
    assert estimate.ci_low < estimate.value < estimate.ci_high


@pytest.mark.parametrize("metric", PER_CLASS)
def test_metrics_of_a_class_equal_scikit_learn(sklearn: ModuleType, metric: str) -> None:
    labels, scores = rows(2_000, seed=2)
    predictions = scores.argmax(axis=1)
    counts = count_multiclass(labels, predictions, scores, 3)
    oracle = getattr(sklearn, f"{metric}_score")(labels, predictions, average=None)
    found = [PER_CLASS[metric](counts, CLASSES, place).value for place in range(3)]
    assert found == pytest.approx(oracle.tolist(), abs=1e-14)


def test_accuracy_and_log_loss_are_exact(sklearn: ModuleType) -> None:
    labels, scores = rows(2_000, seed=3)
    predictions = scores.argmax(axis=1)
    counts = count_multiclass(labels, predictions, scores, 3)
    assert value("accuracy", counts).value == sklearn.accuracy_score(labels, predictions)
    assert value("log_loss", counts).value == pytest.approx(
        sklearn.log_loss(labels, scores), rel=1e-12
    )


def test_the_macro_area_is_within_1e_3_of_scikit_learn(sklearn: ModuleType) -> None:
    labels, scores = rows(3_000, seed=4)
    counts = count_multiclass(labels, scores.argmax(axis=1), scores, 3)
    oracle = sklearn.roc_auc_score(labels, scores, multi_class="ovr", average="macro")
    assert value("roc_auc_macro", counts).value == pytest.approx(oracle, abs=1e-3)


def test_the_interval_of_log_loss_is_that_of_its_rows() -> None:
    labels, scores = rows(5_000, seed=5)
    scores[:20] = np.array([1 - 2e-9, 1e-9, 1e-9])  # confident, and wrong for some
    losses = -np.log(scores[np.arange(5_000), labels])
    estimate = value("log_loss", count_multiclass(labels, labels, scores, 3))
    reach = 1.96 * losses.std(ddof=1) / np.sqrt(5_000) / losses.mean()
    assert np.log(estimate.ci_high / estimate.value) == pytest.approx(reach, rel=0.02)


@pytest.mark.parametrize("metric", ["precision_macro", "recall_macro", "f1_macro", "roc_auc_macro"])
def test_a_macro_average_is_not_given_when_a_class_is_absent(metric: str) -> None:
    labels, scores = rows(500, seed=6)
    kept = labels != 2
    counts = count_multiclass(labels[kept], scores[kept].argmax(axis=1), scores[kept], 3)
    estimate = REGISTRY[metric](counts, CLASSES)
    assert estimate.status is Status.NOT_ENOUGH_DATA
    assert estimate.reason is Reason.CLASS_ABSENT
    assert estimate.detail == (
        f"no label among {kept.sum()} names 'cat'; "
        "an average over the other classes would be another metric"
    )


@pytest.mark.parametrize("metric", ["precision_weighted", "recall_weighted", "f1_weighted"])
def test_an_absent_class_weighs_nothing(sklearn: ModuleType, metric: str) -> None:
    labels, scores = rows(500, seed=7)
    kept = labels != 2
    labels, predictions = labels[kept], scores[kept].argmax(axis=1)
    oracle = getattr(sklearn, metric.replace("weighted", "score"))
    counts = count_multiclass(labels, predictions, None, 3)
    assert value(metric, counts).value == pytest.approx(
        oracle(labels, predictions, average="weighted", zero_division=0), abs=1e-14
    )


NEVER_CAT = count_multiclass(np.array([0, 1, 2] * 20), np.array([0, 1, 1] * 20), None, 3)


@pytest.mark.parametrize("metric", ["precision_macro", "precision_weighted"])
def test_the_precision_of_a_class_that_is_never_predicted_is_undefined(metric: str) -> None:
    estimate = REGISTRY[metric](NEVER_CAT, CLASSES)
    assert estimate.reason is Reason.NO_PREDICTED_POSITIVES
    assert estimate.detail == "none of 60 labelled rows was predicted as 'cat'"
    assert PER_CLASS["precision"](NEVER_CAT, CLASSES, 2).reason is Reason.NO_PREDICTED_POSITIVES
    assert PER_CLASS["recall"](NEVER_CAT, CLASSES, 2).value == 0


def test_the_f1_of_a_class_that_is_never_predicted_is_0() -> None:
    assert value("f1_macro", NEVER_CAT).value == pytest.approx((1 + 2 / 3 + 0) / 3)


@pytest.mark.parametrize("metric", ["log_loss", "roc_auc_macro"])
def test_labels_without_scores_say_so(metric: str) -> None:
    assert REGISTRY[metric](NEVER_CAT, CLASSES).reason is Reason.NO_SCORES
