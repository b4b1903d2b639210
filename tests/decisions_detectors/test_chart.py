"""The theory of a CUSUM against Markov chains, published tables and simulation."""

import math

import numpy as np
import pytest
from scipy.stats import norm, t

from monitoring_dagster.decisions.detectors.chart import (
    Chart,
    alarmed_share,
    run_length,
    threshold,
)
from monitoring_dagster.decisions.detectors.cusum import totals


@pytest.mark.parametrize(("h", "published"), [(4.0, 168.0), (4.77, 369.0), (5.0, 465.0)])
def test_run_lengths_are_those_of_the_published_two_sided_charts(h, published, chain_run_length):
    assert chain_run_length(h, 0.5) / 2 == pytest.approx(published, rel=0.005)
    assert run_length(h) / 2 == pytest.approx(published, rel=0.015)


@pytest.mark.parametrize(
    ("h", "shift", "published"),
    [(4.0, 0.5, 26.6), (4.0, 1.0, 8.4), (4.77, 1.0, 9.9), (5.0, 1.0, 10.4), (5.0, 2.0, 4.0)],
)
def test_shifts_are_found_as_fast_as_published(h, shift, published, chain_run_length):
    assert chain_run_length(h, 0.5, shift) == pytest.approx(published, rel=0.015)


@pytest.mark.parametrize("k", [0.25, 0.5, 1.0])
@pytest.mark.parametrize("days", [30.0, 370.0, 1e5, 1e9])
def test_threshold_is_the_inverse_of_run_length(k, days):
    assert run_length(threshold(days, k), k) == pytest.approx(days, rel=1e-9)


def test_a_run_length_shorter_than_that_of_no_threshold_has_the_threshold_zero():
    assert threshold(1.0) == 0.0


@pytest.mark.parametrize(("k", "h"), [(0.5, 4.0), (0.5, 6.0), (0.8, 3.0)])
def test_the_share_of_alarmed_days_is_the_tail_of_the_largest_value_of_a_walk(k, h):
    rng = np.random.default_rng(11)
    reached = np.zeros(20_000)
    alarmed = 0.0
    for day in range(300):
        reached = np.maximum(reached + rng.standard_normal(20_000) - k, 0)
        alarmed += float((reached >= h).mean()) if day >= 100 else 0.0
    assert alarmed / 200 == pytest.approx(alarmed_share(h, k), rel=0.1)


def test_an_alarm_lasts_for_less_than_four_days_on_average():
    assert run_length(9.15) * alarmed_share(9.15) == pytest.approx(3.58, rel=0.01)


@pytest.mark.parametrize("share", [2e-3, 1e-4, 1e-6])
def test_a_chart_without_an_error_of_the_reference_spends_its_share(share):
    chart = Chart.of(share)
    assert chart.k == 0.5
    assert alarmed_share(chart.h) == pytest.approx(share)


def test_a_reference_of_more_days_needs_a_smaller_chart():
    widths = [
        chart.k + chart.h
        for days in (7, 14, 28, 90, 365, math.inf)
        for chart in [Chart.of(1e-4, bias=1 / (days + 1), scale_days=days)]
    ]
    assert widths[0] > 5
    allowances = [
        Chart.of(1e-4, bias=1 / (days + 1), scale_days=days).k for days in (7, 14, 28, 90, 365)
    ]
    assert allowances == sorted(allowances, reverse=True)


def _share_alarmed(chart: Chart, reference_days: int) -> float:
    """Days alarmed of scores whose mean and spread come from so many reference days."""
    rng = np.random.default_rng(reference_days)
    streams, days = 6_000, 300
    reference = rng.standard_normal((reference_days, streams))
    deviate = rng.standard_normal((days, streams)) - reference.mean(axis=0)
    deviate /= reference.std(axis=0, ddof=1) * math.sqrt(1 + 1 / reference_days)
    scores = norm.isf(t.sf(deviate, reference_days - 1))
    return float((totals(scores, chart)[80:] >= chart.h).mean())


@pytest.mark.parametrize("reference_days", [7, 14, 28, 90])
def test_an_estimated_reference_does_not_make_a_chart_alarm_more_often(reference_days):
    share = 2e-3
    naive = _share_alarmed(Chart.of(share), reference_days)
    careful = _share_alarmed(
        Chart.of(share, bias=1 / (reference_days + 1), scale_days=reference_days),
        reference_days,
    )
    assert naive > 2 * share
    assert careful < 1.3 * share
