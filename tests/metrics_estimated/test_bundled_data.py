"""On NannyML's own data: what it reaches itself, and what its formulas give."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from benchmarks.estimates import missed
from benchmarks.worlds import World

BY_NANNYML = {  # nannyml 0.13.1, CBPE at its defaults, chunks of 5,000
    "roc_auc": [
        0.97074,
        0.97101,
        0.97141,
        0.97109,
        0.97112,
        0.96109,
        0.96182,
        0.96107,
        0.96253,
        0.96132,
    ],
    "f1": [0.94303, 0.94132, 0.94357, 0.94316, 0.9442, 0.91175, 0.91177, 0.91166, 0.91376, 0.91475],
    "precision": [
        0.95779,
        0.95796,
        0.95828,
        0.957,
        0.95821,
        0.94132,
        0.94187,
        0.93941,
        0.94335,
        0.94113,
    ],
    "recall": [
        0.92872,
        0.92526,
        0.92932,
        0.92971,
        0.9306,
        0.88399,
        0.88353,
        0.8855,
        0.88598,
        0.88981,
    ],
}


def measured(world: World, *, rows: bool) -> list[Any]:
    estimates = world.estimates()
    return [estimates.measure(c.profile, rows=c.rows if rows else None) for c in world.chunks]


def test_on_census_data_the_estimates_reach_nannyml_and_the_adapted_form_beats_it(
    bundled_world: Any,
) -> None:
    world = bundled_world("MA employment")
    assert len(world.chunks) == 42
    found = measured(world, rows=True)
    plain = {m: missed(world, found, f"estimated_{m}") for m in world.data.metrics}
    adapted = {m: missed(world, found, f"shift_adapted_{m}") for m in world.data.metrics}
    assert plain["roc_auc"][0] <= 0.00405
    assert plain["accuracy"][0] <= 0.00515
    assert plain["f1"][0] <= 0.00660
    assert adapted["roc_auc"][0] <= 0.0034
    assert adapted["accuracy"][0] <= 0.0045
    assert adapted["f1"][0] <= 0.0045
    assert all(covered >= 0.9 for _, covered in [*plain.values(), *adapted.values()])


@pytest.mark.parametrize("metric", BY_NANNYML)
def test_on_car_loans_the_counts_give_what_nannyml_computes_from_rows(
    bundled_world: Any, metric: str
) -> None:
    world = bundled_world("car loan")
    ours = [
        next(m.estimate.value for m in day if m.metric == f"estimated_{metric}")
        for day in measured(world, rows=False)
    ]
    np.testing.assert_allclose(ours, BY_NANNYML[metric], atol=2e-5)


def test_on_car_prices_direct_loss_is_as_near_as_nannymls(bundled_world: Any) -> None:
    world = bundled_world("car price")
    found = measured(world, rows=True)
    assert missed(world, found, "estimated_mae")[0] <= 0.013
    assert missed(world, found, "estimated_rmse")[0] <= 0.015


def test_of_three_classes_counts_come_near_nannyml_and_rows_come_nearer(
    bundled_world: Any,
) -> None:
    world = bundled_world("credit card")
    found = measured(world, rows=True)
    by_nannyml = {"roc_auc_macro": 0.03366, "accuracy": 0.03782, "f1_macro": 0.03722}
    for metric, theirs in by_nannyml.items():
        plain, _ = missed(world, found, f"estimated_{metric}")
        assert plain <= theirs + 0.001  # half of these chunks changed in what counts cannot see
        assert missed(world, found, f"shift_adapted_{metric}")[0] < plain
