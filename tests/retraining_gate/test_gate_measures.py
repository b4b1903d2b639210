"""The metrics of the gate against scikit-learn, with all days and without each."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn import metrics as sk

from monitoring_dagster.monitors.contract import Task
from monitoring_dagster.retraining.gate.measures.binary import RELIABILITY, SELECTION_RATE
from monitoring_dagster.retraining.gate.measures.metric import Better
from monitoring_dagster.retraining.gate.measures.registry import PRIMARY, REGISTRY
from monitoring_dagster.retraining.gate.paired import Answers, Paired
from tests.retraining_gate.gate_worlds import one_for


def _ece(a: Answers) -> float:
    cells = np.minimum((a.scores * 20).astype(int), 19)
    parts = [(cells == cell).nonzero()[0] for cell in range(20)]
    return sum(abs((a.labels[p] - a.scores[p]).sum()) for p in parts) / len(cells)


BINARY = {
    "roc_auc": lambda a: sk.roc_auc_score(a.labels, a.scores),
    "average_precision": lambda a: sk.average_precision_score(a.labels, a.scores),
    "log_loss": lambda a: sk.log_loss(a.labels, a.scores),
    "brier": lambda a: sk.brier_score_loss(a.labels, a.scores),
    "ece": _ece,
    "accuracy": lambda a: sk.accuracy_score(a.labels, a.chosen),
    "balanced_accuracy": lambda a: sk.balanced_accuracy_score(a.labels, a.chosen),
    "precision": lambda a: sk.precision_score(a.labels, a.chosen),
    "recall": lambda a: sk.recall_score(a.labels, a.chosen),
    "specificity": lambda a: sk.recall_score(a.labels, a.chosen, pos_label=0),
    "f1": lambda a: sk.f1_score(a.labels, a.chosen),
    "mcc": lambda a: sk.matthews_corrcoef(a.labels, a.chosen),
}

AVERAGES = {
    f"{name}_{average}": lambda a, score=score, average=average: score(
        a.labels, a.chosen, average=average
    )
    for name, score in (
        ("precision", sk.precision_score),
        ("recall", sk.recall_score),
        ("f1", sk.f1_score),
    )
    for average in ("macro", "micro", "weighted")
}

MULTICLASS = {
    "log_loss": lambda a: sk.log_loss(a.labels, a.scores),
    "accuracy": lambda a: sk.accuracy_score(a.labels, a.chosen),
    "roc_auc_macro": lambda a: sk.roc_auc_score(a.labels, a.scores, multi_class="ovr"),
    **AVERAGES,
}

REGRESSION = {
    "mae": lambda a: sk.mean_absolute_error(a.labels, a.scores),
    "mse": lambda a: sk.mean_squared_error(a.labels, a.scores),
    "rmse": lambda a: sk.root_mean_squared_error(a.labels, a.scores),
    "mape": lambda a: sk.mean_absolute_percentage_error(a.labels, a.scores),
    "smape": lambda a: np.mean(2 * abs(a.labels - a.scores) / (abs(a.labels) + abs(a.scores))),
    "r2": lambda a: sk.r2_score(a.labels, a.scores),
    "median_absolute_error": lambda a: sk.median_absolute_error(a.labels, a.scores),
    "p90_absolute_error": lambda a: np.quantile(abs(a.labels - a.scores), 0.9),
    "bias": lambda a: abs(np.mean(a.scores - a.labels)),
}

ORACLES = {Task.BINARY: BINARY, Task.MULTICLASS: MULTICLASS, Task.REGRESSION: REGRESSION}
CASES = [(task, name) for task, oracles in ORACLES.items() for name in oracles]


def answers(task: Task) -> Answers:
    paired, _ = Paired.within(one_for(task))
    # Ties, also across days: scores of a real model often come from a few leaves.
    side = paired.challenger
    return replace(side, scores=np.round(side.scores, 2)) if task is Task.BINARY else side


def without(side: Answers, day: int) -> Answers:
    return side.of(side.days != day)


def test_every_metric_of_the_gate_has_an_oracle() -> None:
    assert {task: set(found) for task, found in ORACLES.items()} == {
        task: set(REGISTRY[task]) for task in ORACLES
    }


@pytest.mark.parametrize(("task", "name"), CASES, ids=[f"{t} {n}" for t, n in CASES])
def test_a_metric_is_scikit_learns_with_all_days_and_without_each(task: Task, name: str) -> None:
    side, oracle = answers(task), ORACLES[task][name]
    expected = [oracle(side), *(oracle(without(side, day)) for day in range(side.day_count))]
    assert REGISTRY[task][name].replicates(side) == pytest.approx(expected, rel=1e-9)


def test_the_area_without_a_day_may_be_undefined_while_the_others_are_not() -> None:
    labels = np.array([0.0, 1.0, 0.0, 0.0, 0.0])
    side = Answers(labels, np.array([0.1, 0.9, 0.5, 0.9, 0.9]), np.array([0, 0, 1, 1, 2]), 3, None)
    area = REGISTRY[Task.BINARY]["roc_auc"].replicates(side)
    assert area == pytest.approx([0.75, np.nan, 0.75, 5 / 6], nan_ok=True)


def test_scores_that_are_all_the_same_rank_like_a_coin() -> None:
    side = answers(Task.BINARY)
    constant = replace(side, scores=np.full(len(side.labels), 0.3))
    assert REGISTRY[Task.BINARY]["roc_auc"].replicates(constant) == pytest.approx(0.5)


def test_reliability_is_the_mean_square_of_what_scores_are_off_less_chance() -> None:
    side = answers(Task.BINARY)
    edges = np.unique(np.quantile(side.scores, np.arange(1, 10) / 10))
    cells, expected = np.searchsorted(edges, side.scores, side="right"), 0.0
    for cell in np.unique(cells):
        scores, labels = side.scores[cells == cell], side.labels[cells == cell]
        chance = labels.var(ddof=1) / len(labels)
        expected += len(labels) * ((scores.mean() - labels.mean()) ** 2 - chance)
    assert RELIABILITY.replicates(side)[0] == pytest.approx(expected / len(cells))


def test_reliability_of_calibrated_scores_is_zero_on_average_however_many_bins_they_fill() -> None:
    rng = np.random.default_rng(1)
    found = {"many": [], "one": []}
    for _ in range(300):
        scores = rng.random(500)
        labels = (rng.random(500) < scores).astype(float)
        many = Answers(labels, scores, np.zeros(500, dtype=np.int64), 1, None)
        one = replace(many, scores=np.full(500, 0.5))
        found["many"].append(RELIABILITY.replicates(many)[0])
        found["one"].append(RELIABILITY.replicates(one)[0])
    for values in found.values():
        assert abs(np.mean(values)) < 4 * np.std(values) / np.sqrt(300)


def test_the_rate_of_positive_decisions_is_counted() -> None:
    side = answers(Task.BINARY)
    assert SELECTION_RATE.replicates(side)[0] == pytest.approx((side.scores >= 0.4).mean())


def test_every_task_that_can_be_compared_has_a_primary_metric_of_its_own() -> None:
    for task, name in PRIMARY.items():
        assert name in REGISTRY[task]
    assert set(PRIMARY) == {task for task in Task if REGISTRY[task]}


@pytest.mark.parametrize(("task", "name"), CASES, ids=[f"{t} {n}" for t, n in CASES])
def test_the_answer_that_is_right_is_the_best_by_every_metric(task: Task, name: str) -> None:
    side, metric = answers(task), REGISTRY[task][name]
    if task is Task.MULTICLASS:
        right = np.eye(side.class_count)[side.labels.astype(int)]
    else:
        right = side.labels
    known, seen = (metric.replicates(s)[0] for s in (replace(side, scores=right), side))
    assert known > seen if metric.better is Better.HIGHER else known < seen
