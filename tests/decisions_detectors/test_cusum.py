"""The CUSUM's state: deterministic, independent, and not fooled by a day."""

import itertools
import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_dagster.decisions.detectors.chart import Chart
from monitoring_dagster.decisions.detectors.cusum import Cusum, advance, residual, totals

CHART = Chart(k=0.5, h=5.0)
SCORES = st.lists(
    st.one_of(st.none(), st.floats(-12, 12), st.sampled_from([math.nan, math.inf, -math.inf])),
    max_size=40,
)


@given(SCORES, st.floats(-1, 1))
def test_a_state_that_was_stored_every_day_ends_with_the_same_bits(scores, rho):
    through, stored = Cusum(), Cusum()
    for z in scores:
        through = advance(through, z, CHART, rho=rho, effect=0.1)
        text = json.dumps(stored.to_dict(), allow_nan=False)
        stored = advance(Cusum.from_dict(json.loads(text)), z, CHART, rho=rho, effect=0.1)
    assert stored == through
    assert 0.0 <= through.total <= CHART.cap


@given(SCORES)
def test_many_series_at_once_are_each_series_alone(scores):
    residuals = np.array([math.nan if z is None else z for z in scores], dtype=float)
    together = totals(np.column_stack([residuals, residuals[::-1]]), CHART)
    state = Cusum()
    for day, z in enumerate(residuals):
        state = advance(state, float(z), CHART)
        assert together[day, 0] == state.total


def test_a_replay_may_start_from_stored_sums():
    residuals = np.random.default_rng(5).normal(0.4, 1, (30, 3))
    whole = totals(residuals, CHART)
    assert np.array_equal(totals(residuals[12:], CHART, start=whole[11]), whole[12:])


@pytest.mark.parametrize("missing", [None, math.nan])
def test_a_day_without_a_score_keeps_the_sum_and_forgets_the_day_before(missing):
    state = advance(Cusum(), 3.0, CHART, effect=0.2)
    after = advance(state, missing, CHART, rho=0.5, effect=9.0)
    assert (after.total, after.days, after.effects, after.z) == (2.5, 1, 0.2, None)
    assert advance(after, 1.0, CHART, rho=0.5).total == 3.0


@pytest.mark.parametrize("z", [8.0, 40.0, math.inf])
def test_no_single_day_looks_lasting_but_two_do(z):
    once = advance(Cusum(), z, CHART)
    assert not once.fires(CHART)
    assert advance(once, z, CHART).fires(CHART)


def test_the_effect_is_averaged_since_the_sum_left_zero():
    state = Cusum()
    for z, effect in ((2.0, 5.0), (-9.0, 7.0), (1.5, 0.2), (1.5, 0.4), (1.5, math.nan)):
        state = advance(state, z, CHART, effect=effect)
    assert state.days == 3
    assert state.mean_effect == pytest.approx(0.2)
    assert Cusum().mean_effect == 0.0


def test_an_alarm_ends_soon_after_its_cause():
    state = Cusum()
    for _ in range(200):
        state = advance(state, 2.0, CHART)
    days = 0
    while state.fires(CHART):
        state, days = advance(state, 0.0, CHART), days + 1
    assert days == 6  # (7.5 - 5) / 0.5, and one more to be below


def test_residuals_of_an_autocorrelated_series_are_not():
    rng, rho, days = np.random.default_rng(3), 0.6, 20_000
    noise = rng.standard_normal(days)
    z = [float(noise[0])]
    for e in noise[1:]:
        z.append(rho * z[-1] + math.sqrt(1 - rho**2) * float(e))
    left = np.array([residual(today, before, rho) for before, today in itertools.pairwise(z)])
    assert left.std() == pytest.approx(1.0, abs=0.02)
    assert np.corrcoef(left[1:], left[:-1])[0, 1] == pytest.approx(0.0, abs=0.02)


@pytest.mark.parametrize("rho", [1.0, -1.0, 5.0, math.nan])
def test_an_impossible_autocorrelation_leaves_a_finite_residual(rho):
    assert math.isfinite(residual(1.0, -1.0, rho))


def test_days_that_remember_the_day_before_alarm_no_more_often_once_that_is_removed():
    rng, rho, streams, days = np.random.default_rng(8), 0.3, 4_000, 400
    chart = Chart.of(2e-3)
    z = rng.standard_normal(streams)
    raw, left = np.zeros(streams), np.zeros(streams)
    alarmed = np.zeros(2)
    for day in range(days):
        after = rho * z + math.sqrt(1 - rho**2) * rng.standard_normal(streams)
        raw = totals(after[None], chart, start=raw)[0]
        left = totals((after - rho * z)[None] / math.sqrt(1 - rho**2), chart, start=left)[0]
        z = after
        if day >= 60:
            alarmed += [(raw >= chart.h).mean(), (left >= chart.h).mean()]
    remembered, removed = alarmed / (days - 60)
    assert remembered > 3 * 2e-3
    assert removed < 1.1 * 2e-3


@pytest.mark.parametrize(("shift", "median"), [(3.0, 4), (2.0, 6), (1.0, 17)])
def test_a_lasting_shift_of_a_whole_column_is_found(shift, median):
    chart = Chart.of(0.01 / 12 / 14)  # its share of 1 % of days with 14 columns
    rng = np.random.default_rng(21)
    scores = rng.standard_normal((100, 4_000))
    scores[40:] += shift
    found = (totals(scores, chart)[40:] >= chart.h).argmax(axis=0) + 1
    assert float(np.median(found)) == median
