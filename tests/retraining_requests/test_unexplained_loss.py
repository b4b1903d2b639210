"""Unexplained loss: exact figures by hand and by numpy, and when nothing can be said."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_dagster.retraining import unexplained
from monitoring_dagster.retraining.unexplained import Answer, DayLoss, Unexplained, measure
from monitoring_dagster.store import Docket
from tests.retraining_requests.flights import MATURITY, Shop, day, document, losses, matured

FEW = st.lists(st.floats(-1, 1).map(lambda x: round(x, 6)), min_size=5, max_size=28)


def by_numpy(values: list[float]) -> tuple[float, float]:
    """The same interval as one quadratic form: Bartlett's weights between every two days."""
    e = np.array(values) - np.mean(values)
    n = len(e)
    lag = min(7, max(1, n // 4))
    apart = np.abs(np.subtract.outer(np.arange(n), np.arange(n)))
    variance = e @ np.clip(1 - apart / (lag + 1), 0, None) @ e / (n * (n - 1))
    quantile = np.polynomial.Polynomial([1.96, 2.9694, 0.4160, -0.5324])((lag + 1) / n)
    reach = quantile * math.sqrt(max(variance, 0.0))
    return float(np.mean(values) - reach), float(np.mean(values) + reach)


def test_the_interval_is_that_of_a_computation_by_hand() -> None:
    # Mean .026; squares .00052; products one day apart -.000256; lag 1, weights 1 and 1/2.
    reach = (1.96 + 2.9694 * 0.4 + 0.416 * 0.16 - 0.5324 * 0.064) * math.sqrt(
        (0.00052 + 2 * 0.5 * -0.000256) / 20
    )
    low, high = unexplained.interval([0.02, 0.03, 0.01, 0.04, 0.03])
    assert (low, high) == pytest.approx((0.026 - reach, 0.026 + reach), abs=1e-12)


@given(FEW)
def test_the_interval_equals_a_quadratic_form_in_numpy(values: list[float]) -> None:
    assert unexplained.interval(values) == pytest.approx(by_numpy(values), abs=1e-9)


@given(FEW, st.floats(-1, 1), st.floats(0.1, 10))
def test_the_interval_moves_and_scales_with_its_values(
    values: list[float], by: float, times: float
) -> None:
    low, high = unexplained.interval(values)
    then = unexplained.interval([times * value + by for value in values])
    assert then == pytest.approx((times * low + by, times * high + by), abs=1e-6)


def test_days_that_resemble_their_neighbours_prove_less() -> None:
    together, apart = [0.1] * 5 + [0.0] * 5, [0.1, 0.0] * 5
    assert unexplained.interval(together).low < 0 < unexplained.interval(apart).low


@pytest.mark.parametrize(
    ("rho", "least"), [(0.0, 0.93), (0.3, 0.86)], ids=["independent days", "days correlated by .3"]
)
@pytest.mark.parametrize("days", [5, 10, 28])
def test_the_interval_holds_the_mean_about_as_often_as_it_claims(
    rho: float, least: float, days: int
) -> None:
    random = np.random.default_rng(7)
    noise = random.normal(size=(600, days + 50))
    for t in range(1, days + 50):
        noise[:, t] += rho * noise[:, t - 1]
    held = [low <= 0 <= high for low, high in map(unexplained.interval, noise[:, 50:].tolist())]
    assert np.mean(held) >= least


def days_of(beyond: list[float], loss: float = 0.2) -> list[DayLoss]:
    return [DayLoss(day(n), loss, value) for n, value in enumerate(beyond)]


def test_what_is_lost_beyond_the_estimate_is_unexplained_with_its_share_of_the_whole() -> None:
    found = measure("accuracy", days_of([0.07, 0.08, 0.09, 0.08, 0.07, 0.09]), 0.1)
    assert (found.answer, found.days) == (Answer.UNEXPLAINED, 6)
    assert (found.beyond, found.total, found.share) == pytest.approx((0.08, 0.1, 0.8))
    assert found.text == (
        "inputs that moved do not explain it: the loss in accuracy is 0.08 above what they let "
        "expect (0.0706 to 0.0894 with 95 %, 6 days), 80 % of what was lost"
    )


def test_a_loss_that_the_estimate_foresaw_is_explained() -> None:
    found = measure("accuracy", days_of([0.01, -0.01, 0.02, -0.02, 0.005, -0.005]), 0.1)
    assert found.answer is Answer.EXPLAINED
    assert "inputs that moved may explain it" in found.text
    assert "which is within noise" in found.text


def test_a_model_that_did_better_than_foreseen_is_explained_and_says_below() -> None:
    found = measure("mae", days_of([-0.1, -0.2, -0.1, -0.2, -0.1]), 0.1)
    assert found.answer is Answer.EXPLAINED
    assert "0.14 below" in found.text


@pytest.mark.parametrize(
    ("count", "said"),
    [(0, "no day with final labels"), (1, "only 1 day with"), (4, "only 4 days with")],
    ids=["no day", "one day", "one day less than needed"],
)
def test_of_few_days_it_cannot_be_told(count: int, said: str) -> None:
    found = measure("accuracy", days_of([0.1] * count), 0.1)
    assert found.answer is Answer.UNKNOWN
    assert math.isnan(found.beyond)
    assert said in found.text


def test_nothing_is_a_share_of_a_loss_that_there_is_not() -> None:
    assert measure("accuracy", days_of([0.1] * 6), 0.3).share is None
    assert measure("accuracy", days_of([0.1] * 6), None).share is None
    assert measure("accuracy", days_of([0.1] * 6, 0.15), 0.1).share == pytest.approx(2.0)
    assert "100 % of what was lost" in measure("accuracy", days_of([0.1] * 6, 0.15), 0.1).text


# --- looked up ------------------------------------------------------------------------------------


def looked_up(shop: Shop, since: int, until: int, now: int, **more: Any) -> Unexplained:
    def read(docket: Docket) -> Unexplained:
        return unexplained.look_up(
            docket,
            shop.monitor,
            "accuracy",
            0.9,
            since=day(since),
            until=day(until),
            now=matured(now),
            **more,
        )

    return shop.store.look_up("flights", read)


def test_days_are_taken_from_the_store_since_the_change(shop: Shop) -> None:
    shop.lose(range(10), [0.9] * 4 + [0.8, 0.82, 0.78, 0.81, 0.79, 0.8], 0.88)
    found = looked_up(shop, 4, 9, 9)
    assert found.days == 6
    assert (found.beyond, found.total) == pytest.approx((0.08, 0.1))


def test_the_estimate_that_is_adapted_to_the_inputs_comes_first(shop: Shop) -> None:
    shop.keep(
        {
            n: [
                *losses(n, 0.8, 0.9),
                losses(n, 0.8, 0.81)[1] | {"column": "@shift_adapted_accuracy"},
            ]
            for n in range(6)
        }
    )
    assert looked_up(shop, 0, 5, 5).beyond == pytest.approx(0.01)


def test_four_weeks_at_most_are_looked_at(shop: Shop) -> None:
    shop.lose(range(40), [0.8] * 40, 0.9)
    assert looked_up(shop, 0, 39, 39).days == 28


def test_labels_that_are_final_later_are_not_known_yet(shop: Shop) -> None:
    shop.lose(range(10), [0.8] * 10, 0.9)
    assert looked_up(shop, 0, 9, 9 - MATURITY + 4).days == 7


def test_days_of_broken_data_and_days_without_an_estimate_are_left_out(shop: Shop) -> None:
    shop.lose(range(8), [0.8] * 8, 0.9)
    shop.lose([8, 9], [0.8] * 2, None)
    assert looked_up(shop, 0, 9, 9, without={day(3)}).days == 7


def test_a_regression_loses_what_its_errors_grow_by() -> None:
    assert unexplained.estimated(document().model.task, "brier") == "accuracy"
    assert unexplained.loss_of("rmse", 4.0) == 4.0
