from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, r2_score, roc_auc_score

from monitoring_dagster.decisions.importance.scoring import accuracy, r2, roc_auc, score_of
from monitoring_dagster.monitors.contract import Task

pairs = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 5)), min_size=2, max_size=60)


@given(pairs)
def test_the_auc_is_that_of_scikit_learn_with_ties_or_without(drawn):
    labels, scores = (np.array(values, dtype=float) for values in zip(*drawn, strict=True))
    if len(set(labels)) == 1:
        assert math.isnan(roc_auc(labels, scores))
    else:
        assert roc_auc(labels, scores) == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)


def test_accuracy_and_r2_are_those_of_scikit_learn():
    r = np.random.default_rng(5)
    labels, scores = r.integers(0, 3, 200).astype(float), r.random((200, 3))
    assert accuracy(labels, scores) == accuracy_score(labels, scores.argmax(axis=1))
    target = r.normal(size=200)
    guess = target + r.normal(size=200)
    assert r2(target, guess) == pytest.approx(r2_score(target, guess), rel=1e-12)


def test_what_cannot_be_scored_is_nan():
    nothing = np.zeros(0)
    assert math.isnan(roc_auc(nothing, nothing))
    assert math.isnan(accuracy(nothing, np.zeros((0, 3))))
    assert math.isnan(r2(nothing, nothing))
    assert math.isnan(r2(np.ones(5), np.zeros(5)))


def test_every_task_with_a_score_per_row_has_a_number():
    scores = [score_of(task) for task in (Task.BINARY, Task.MULTICLASS, Task.REGRESSION)]
    assert scores == [roc_auc, accuracy, r2]
