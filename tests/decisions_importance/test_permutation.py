from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LinearRegression

from monitoring_dagster.decisions.importance import permutation
from monitoring_dagster.decisions.importance.scoring import r2, roc_auc

NAMES = ["a", "b", "c"]


@pytest.fixture
def linear():
    """2,000 rows of three independent features, y = 3 a + b + noise, and a model of it."""
    r = np.random.default_rng(11)
    x = r.normal(size=(2_000, 3))
    y = 3 * x[:, 0] + x[:, 1] + r.normal(size=2_000)
    return x, y, LinearRegression().fit(x, y)


def table(x):
    return pa.table(dict(zip(NAMES, x.T, strict=True)))


def answers(model):
    return lambda rows: model.predict(np.column_stack([rows[n].to_numpy() for n in NAMES]))


def test_the_loss_is_that_of_scikit_learn_and_of_theory(linear):
    x, y, model = linear
    losses = permutation(
        answers(model), table(x), y, NAMES, r2, np.random.default_rng(0), repeats=20
    )
    peer = permutation_importance(model, x, y, n_repeats=20, random_state=0).importances_mean
    # A shuffled feature adds 2 b² var(x) to the squared error: 18/11 and 2/11 of the variance.
    assert [losses[n] for n in NAMES] == pytest.approx(peer, abs=0.02)
    assert [losses[n] for n in NAMES] == pytest.approx([18 / 11, 2 / 11, 0.0], abs=0.1)


def test_a_feature_that_the_model_does_not_read_loses_nothing(linear):
    x, y, _ = linear
    losses = permutation(
        lambda rows: rows["a"].to_numpy(),
        table(x),
        (y > 0).astype(float),
        NAMES,
        roc_auc,
        np.random.default_rng(0),
    )
    assert losses["b"] == losses["c"] == 0.0
    # Without its only feature the AUC falls to one half.
    whole = roc_auc((y > 0).astype(float), x[:, 0])
    assert losses["a"] == pytest.approx(whole - 0.5, abs=0.02)


def test_the_model_is_asked_once_per_feature_and_once_for_the_whole(linear):
    x, y, model = linear
    asked = []

    def predict(rows):
        asked.append(rows.num_rows)
        return answers(model)(rows)

    permutation(predict, table(x), y, NAMES, r2, np.random.default_rng(0), repeats=4)
    assert asked == [2_000, 8_000, 8_000, 8_000]


def test_the_same_seed_gives_the_same_losses(linear):
    x, y, model = linear
    one, other = (
        permutation(answers(model), table(x), y, NAMES, r2, np.random.default_rng(7))
        for _ in range(2)
    )
    assert one == other
