"""The e-detector: fair by construction, deterministic, and fast where it matters."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from monitoring_dagster.decisions.detectors.e_detector import (
    BETS,
    EDetector,
    advance_loss,
    days_to_detect,
    log_e_value,
    long_run_inflation,
)
from monitoring_dagster.decisions.detectors.losses import Losses, Tolerance

C = 400.0


def tolerance_of(mean: float) -> Tolerance:
    return Tolerance(mean, math.sqrt(mean * (1 - mean)))


def exact(losses: np.ndarray, mean: float, rate: float) -> float:
    return float(np.log1p(rate * (losses - mean)).sum())


@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=50),
    st.floats(0.01, 0.95),
    st.floats(0, 0.75),
)
def test_sums_never_prove_more_than_the_rows_would(rows, mean, staked):
    losses = np.array(rows)
    sums = Losses(len(rows), float(losses.sum()), float((losses * losses).sum()))
    rate = staked / mean
    bound = log_e_value(sums, Tolerance(mean, 0.3), rate)
    assert bound <= exact(losses, mean, rate) + 1e-7 * len(rows) / mean


@pytest.mark.parametrize("rate", [0.1, 1.0, 5.0])
def test_of_errors_the_sums_prove_as_much_as_the_rows(rate):
    rows = np.repeat([1.0, 0.0], [70, 430])
    found = log_e_value(Losses.of_errors(70, 500), tolerance_of(0.1), rate)
    assert found == pytest.approx(exact(rows, 0.1, rate), rel=1e-12)


def test_the_second_moment_makes_even_losses_prove_nearly_what_the_rows_would():
    rng = np.random.default_rng(2)
    rows = rng.beta(12, 88, 500) + 0.01
    sums = Losses(500, float(rows.sum()), float((rows * rows).sum()))
    by_mean_alone = log_e_value(Losses(500, sums.total, sums.total), Tolerance(0.12, 0.03), 1.5)
    by_both = log_e_value(sums, Tolerance(0.12, 0.03), 1.5)
    assert by_both == pytest.approx(exact(rows, 0.12, 1.5), rel=0.05)
    assert by_mean_alone < by_both / 2


@pytest.mark.parametrize("n", [1, 5, 40, 500])
@pytest.mark.parametrize("mean", [0.001, 0.1, 0.5, 0.97])
@pytest.mark.parametrize("bet", BETS)
def test_without_a_rise_a_day_is_worth_one_on_average(n, mean, bet):
    errors = np.arange(n + 1)
    tolerance = tolerance_of(mean)
    rate = bet / math.sqrt(n) / tolerance.deviation
    logs = [log_e_value(Losses.of_errors(float(k), n), tolerance, rate) for k in errors]
    average = float(np.exp(binom.logpmf(errors, n, mean) + logs).sum())
    assert average == pytest.approx(1.0, rel=1e-9)
    below = float(np.exp(binom.logpmf(errors, n, 0.9 * mean) + logs).sum())
    assert below < 1.0


@pytest.mark.parametrize("phi", [2.0, 5.0])
def test_tempering_keeps_overdispersed_days_fair(phi):
    rng, n, mean = np.random.default_rng(9), 500, 0.1
    spread = (phi - 1) / (n - 1)  # intraclass correlation of a beta-binomial
    alpha = mean * (1 / spread - 1)
    rates = rng.beta(alpha, alpha * (1 - mean) / mean, 40_000)
    errors = rng.binomial(n, rates)
    tolerance = tolerance_of(mean)

    def worth(tempered_by: float) -> float:
        rate = math.sqrt(tempered_by / n) / tolerance.deviation
        values = [
            log_e_value(Losses.of_errors(float(k), n), tolerance, rate) / tempered_by
            for k in errors
        ]
        return float(np.exp(values).mean())

    assert worth(phi) == pytest.approx(1.0, abs=0.04)
    assert worth(1.0) > 1.5


DAYS = st.lists(
    st.one_of(
        st.tuples(st.integers(0, 500), st.integers(0, 500)),
        st.just((math.nan, 10)),
    ),
    max_size=30,
)


@given(DAYS, st.sampled_from([1.0, 2.5, 0.3, math.nan]))
def test_a_state_that_was_stored_every_day_ends_with_the_same_bits(days, phi):
    through, stored = EDetector(), EDetector()
    for errors, n in days:
        day = Losses.of_errors(errors, n)
        through = advance_loss(through, day, tolerance_of(0.1), threshold=C, phi=phi)
        again = EDetector.from_dict(json.loads(json.dumps(stored.to_dict(), allow_nan=False)))
        stored = advance_loss(again, day, tolerance_of(0.1), threshold=C, phi=phi)
    assert stored == through
    assert all(0.0 <= log <= math.log1p(C) + 3 for log in through.logs)


@pytest.mark.parametrize(
    "day", [Losses.of_errors(0, 0), Losses.of_errors(9, 5), Losses.of_errors(math.nan, 5)]
)
def test_a_day_without_usable_losses_changes_nothing(day):
    state = advance_loss(EDetector(), Losses.of_errors(70, 500), tolerance_of(0.1), threshold=C)
    assert advance_loss(state, day, tolerance_of(0.1), threshold=C) == state


def test_a_day_that_proves_it_alarms_at_once_and_the_alarm_ends_with_its_cause():
    state = EDetector()
    for _ in range(60):
        state = advance_loss(state, Losses.of_errors(200, 500), tolerance_of(0.1), threshold=C)
        assert state.fires(C)
    days = 0
    while state.fires(C):
        state = advance_loss(state, Losses.of_errors(50, 500), tolerance_of(0.1), threshold=C)
        days += 1
    assert days <= 7


@pytest.mark.parametrize("n", [1, 10**9])
def test_extreme_days_stay_finite(n):
    state = EDetector()
    for errors in (n, 0, n):
        state = advance_loss(state, Losses.of_errors(errors, n), tolerance_of(1e-9), threshold=C)
        assert all(map(math.isfinite, state.logs))


def test_the_statistic_is_the_recursion_written_out():
    tolerance, state, plain = tolerance_of(0.1), EDetector(), [0.0, 0.0, 0.0]
    for errors in (50, 61, 44, 58):
        day = Losses.of_errors(errors, 500)
        state = advance_loss(state, day, tolerance, threshold=1e9)
        for i, bet in enumerate(BETS):
            rate = bet / math.sqrt(500) / tolerance.deviation
            plain[i] = (plain[i] + 1) * math.exp(log_e_value(day, tolerance, rate))
    mixed = 0.4 * plain[0] + 0.4 * plain[1] + 0.2 * plain[2]
    assert state.log_statistic == pytest.approx(math.log1p(mixed))
    assert state.fires(mixed * 0.999)
    assert not state.fires(mixed * 1.001)


@pytest.mark.parametrize(
    ("tolerated", "mean", "labels"),
    [
        (0.10, 0.11, 5_549),
        (0.10, 0.12, 1_425),
        (0.10, 0.15, 245),
        (0.02, 0.03, 1_352),
        (0.30, 0.33, 1_423),
    ],
)
def test_labels_to_detect_are_the_published_bounds(tolerated, mean, labels):
    assert round(days_to_detect(tolerated, mean, 1, 20)) == labels


def test_what_is_tolerated_or_unlabelled_is_never_detected():
    assert days_to_detect(0.1, 0.1, 500, C) == math.inf
    assert days_to_detect(0.1, 0.12, 0, C) == math.inf
    assert days_to_detect(0.5, 1.0, 1, 2.0) == pytest.approx(1.0)


@pytest.mark.parametrize(("rho", "expected"), [(0.3, 1.857), (0.0, 1), (-0.5, 1), (math.nan, 1)])
def test_only_days_that_resemble_the_day_before_inflate_the_long_run(rho, expected):
    assert long_run_inflation(1.0, rho) == pytest.approx(expected, abs=1e-3)
