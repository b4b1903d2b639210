"""Expected metrics against scikit-learn on weighted rows, and against labels that are drawn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics
from sklearn.isotonic import IsotonicRegression

from monitoring_dagster.metrics.estimated.binary.deciding import highest
from monitoring_dagster.metrics.estimated.binary.projection import Projection
from monitoring_dagster.metrics.estimated.binary.registry import REGISTRY
from monitoring_dagster.metrics.estimated.calibrator import Calibrator, with_prior

CELLS = 40
SCORES = (np.arange(CELLS) + 0.5) / CELLS


def projection(seed: int = 0, rows: int = 900) -> Projection:
    random = np.random.default_rng(seed)
    counts = random.multinomial(rows, random.dirichlet(np.ones(CELLS))).astype(float)
    counts[[0, -1]] = 0.0
    return Projection(counts, SCORES**1.3, (SCORES >= 0.5).astype(float))


def by_sklearn(p: Projection) -> dict[str, float]:
    """Every row twice: as a positive with its chance for a weight, and as a negative."""
    labels = np.repeat([1, 0], CELLS)
    scores, decided = np.tile(SCORES, 2), np.tile(p.decided, 2).astype(int)
    weights = np.concatenate([p.positives, p.negatives])
    kept = weights > 0
    labels, scores, decided, weights = (x[kept] for x in (labels, scores, decided, weights))
    return {
        "roc_auc": metrics.roc_auc_score(labels, scores, sample_weight=weights),
        "average_precision": metrics.average_precision_score(labels, scores, sample_weight=weights),
        "accuracy": metrics.accuracy_score(labels, decided, sample_weight=weights),
        "precision": metrics.precision_score(labels, decided, sample_weight=weights),
        "recall": metrics.recall_score(labels, decided, sample_weight=weights),
        "specificity": metrics.recall_score(labels, decided, pos_label=0, sample_weight=weights),
        "f1": metrics.f1_score(labels, decided, sample_weight=weights),
    }


@pytest.mark.parametrize("metric", REGISTRY)
def test_an_expected_metric_is_scikit_learns_on_weighted_rows(metric: str) -> None:
    day = projection()
    assert REGISTRY[metric](day).value == pytest.approx(by_sklearn(day)[metric], abs=1e-12)


@pytest.mark.parametrize("metric", REGISTRY)
def test_the_sampling_variance_is_that_of_labels_that_are_drawn(metric: str) -> None:
    day, random = projection(1), np.random.default_rng(2)
    drawn = []
    for _ in range(3_000):
        positives = random.binomial(day.rows.astype(int), day.chances)
        share = np.divide(positives, day.rows, out=np.zeros(CELLS), where=day.rows > 0)
        drawn.append(REGISTRY[metric](Projection(day.rows, share, day.decided)).value)
    expected = REGISTRY[metric](day)
    assert np.sqrt(expected.sampling) == pytest.approx(np.std(drawn), rel=0.05)
    assert expected.value == pytest.approx(np.mean(drawn), abs=0.004)


@pytest.mark.parametrize("metric", ["roc_auc", "accuracy", "f1"])
def test_the_calibration_variance_is_that_of_references_that_are_drawn(metric: str) -> None:
    day, random = projection(3), np.random.default_rng(4)
    m = np.full(CELLS, 100)
    values, variances = [], []
    for _ in range(1_000):
        positives = random.binomial(m, day.chances)
        fitted = Calibrator.fit(np.stack([m - positives, positives], axis=1).astype(float), SCORES)
        learnt = Projection(
            day.rows, fitted(SCORES), day.decided, lambda w, f=fitted: f.variance(SCORES, w)
        )
        found = REGISTRY[metric](learnt)
        values.append(found.value)
        variances.append(found.calibration)
    assert np.sqrt(np.mean(variances)) == pytest.approx(np.std(values), rel=0.15)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=2, max_size=30))
def test_chances_are_scikit_learns_isotonic_regression(pairs: list[tuple[int, int]]) -> None:
    counts = np.array(pairs, dtype=float)
    if not counts.any():
        return
    scores = np.linspace(0, 1, len(counts))
    rows = counts.sum(axis=1)
    kept = rows > 0
    oracle = IsotonicRegression(out_of_bounds="clip").fit(
        scores[kept], counts[kept, 1] / rows[kept], sample_weight=rows[kept]
    )
    fitted = Calibrator.fit(counts, scores)
    np.testing.assert_allclose(fitted(scores), oracle.predict(scores), atol=1e-9)
    assert (np.diff(fitted(scores)) >= -1e-12).all()
    assert (fitted.spread > 0).all()


def test_weights_of_one_are_no_weights() -> None:
    random = np.random.default_rng(5)
    counts = random.integers(0, 20, (CELLS, 2)).astype(float)
    plain, weighted = (
        Calibrator.fit(counts, SCORES, squares) for squares in (None, counts.sum(axis=1))
    )
    np.testing.assert_array_equal(plain.chances, weighted.chances)
    np.testing.assert_allclose(plain.spread, weighted.spread)


@given(st.lists(st.integers(0, 50), min_size=1, max_size=20), st.floats(0, 1))
def test_as_many_rows_are_decided_positive_as_were_logged(rows: list[int], share: float) -> None:
    counts = np.array(rows, dtype=float)
    decided = highest(counts, share)
    assert counts @ decided == pytest.approx(share * counts.sum(), abs=1e-3)
    assert ((decided >= 0) & (decided <= 1)).all()
    assert (np.diff(decided[counts > 0]) >= 0).all()


def test_a_segment_keeps_its_own_counts_and_borrows_a_hundred_rows() -> None:
    own, whole = np.array([[900.0, 0.0], [0.0, 0.0]]), np.array([[500.0, 500.0], [0.0, 1_000.0]])
    together = with_prior(own, whole)
    assert together.sum() == 1_000
    np.testing.assert_allclose(together, [[925.0, 25.0], [0.0, 50.0]])


def test_decisions_that_do_not_follow_the_scores_are_refused(simulation: Any) -> None:
    from dataclasses import replace

    from monitoring_dagster.metrics.estimated.binary.deciding import Deciding
    from monitoring_dagster.monitors.contract import Monitor
    from monitoring_dagster.profiles.grid import CategoryCells, Grid

    small = simulation.Small.of(simulation.days(1, 3))
    columns = {**simulation.document["columns"], "said": {"role": "prediction", "type": "boolean"}}
    monitor = Monitor.model_validate({**simulation.document, "columns": columns}, strict=False)
    grid = Grid({**small.grid.columns, "said": CategoryCells(("false", "true"))}, {})
    counts = next(iter(small.frozen.outcomes.performance.values()))
    assert Deciding.of(monitor, grid, counts).refused is None
    at_random = np.outer(counts.decisions.sum(axis=1), [0.6, 0.4]).astype(int)
    refused = Deciding.of(monitor, grid, replace(counts, decisions=at_random)).refused
    assert refused is not None
    assert "do not go to the highest scores" in refused.detail
