"""A rollback is offered where a champion surely does worse than the one before it, by enough."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.retraining.promotion import offered
from tests.retraining_tenures.test_succession import FIRST, MONITOR, after

NOW = dt.datetime(2026, 5, 30, 6, tzinfo=dt.UTC)
REGRESSION = MONITOR.model_copy(
    update={"model": MONITOR.model.model_copy(update={"task": "regression"})}
)


def days(before: float, then: float, *, spread: float, known: int = 10, seed: int = 0):
    random = np.random.default_rng(seed)
    values = [*random.normal(before, spread, 40), *random.normal(then, spread, known)]
    return [(after(i - 40), float(value)) for i, value in enumerate(values)]


def told(monitor: Monitor, metric: str, trend, **changes) -> str:
    asked = {"since": FIRST, "former_since": dt.date.min, "now": NOW} | changes
    return offered(monitor, metric, trend, **asked)


@pytest.mark.parametrize(
    ("trend", "changes"),
    [
        pytest.param(days(0.8, 0.8, spread=0.01), {}, id="as good"),
        pytest.param(days(0.8, 0.9, spread=0.01), {}, id="better"),
        pytest.param(days(0.8, 0.795, spread=0.001), {}, id="surely worse, and by little"),
        pytest.param(days(0.8, 0.77, spread=0.09), {}, id="much worse, and perhaps by chance"),
        pytest.param(days(0.8, 0.6, spread=0.01, known=6), {}, id="too few days"),
        pytest.param(
            days(0.8, 0.6, spread=0.01),
            {"now": dt.datetime(2026, 4, 7, 6, tzinfo=dt.UTC)},
            id="too few days whose labels are final",
        ),
        pytest.param(
            days(0.8, 0.6, spread=0.01), {"former_since": after(-6)}, id="too short a record"
        ),
        pytest.param([], {}, id="nothing known"),
    ],
)
def test_nothing_is_offered_without_proof(trend, changes) -> None:
    assert told(MONITOR, "roc_auc", trend, **changes) == ""


def test_a_loss_is_told_with_its_figures() -> None:
    text = told(MONITOR, "roc_auc", days(0.8, 0.7, spread=0.01))
    assert text.startswith("roc_auc was 0.7")
    assert f"on the 10 days since {FIRST} and 0.799" in text
    assert "on 28 days of the former champion: worse by 0.09" in text


def test_an_error_is_worse_where_it_is_higher_and_its_minimum_is_relative() -> None:
    assert told(REGRESSION, "mae", days(40.0, 44.0, spread=1.0))
    assert not told(REGRESSION, "mae", days(40.0, 36.0, spread=1.0))
    assert not told(REGRESSION, "mae", days(40.0, 40.3, spread=0.05))


def test_days_without_any_spread_are_compared_as_they_are() -> None:
    assert told(MONITOR, "roc_auc", days(0.8, 0.7, spread=0.0))
    assert not told(MONITOR, "roc_auc", days(0.8, 0.8, spread=0.0))


def test_the_interval_is_welchs() -> None:
    """The edge of what is offered is where scipy's one-sided test says 5 %."""
    trend = days(0.8, 0.785, spread=0.02, known=9)
    before = [v for d, v in trend if after(-28) <= d < FIRST]
    then = [v for d, v in trend if d >= FIRST]
    low, high = -0.05, 0.05
    for _ in range(60):
        shift = math.fsum([low, high]) / 2
        moved = [v - shift for v in then]
        test: Any = stats.ttest_ind(before, moved, equal_var=False, alternative="greater")
        low, high = (shift, high) if test.pvalue > 0.05 else (low, shift)
    for shift, is_offered in ((low - 1e-6, False), (high + 1e-6, True)):
        moved = [(d, v - shift if d >= FIRST else v) for d, v in trend]
        assert bool(told(MONITOR, "roc_auc", moved)) is is_offered
