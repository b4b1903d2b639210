"""The table of thresholds: reproduced by simulation, kept by real losses, fast enough."""

import itertools
import math

import numpy as np
import pytest

from monitoring_dagster.decisions.detectors.e_detector import (
    EDetector,
    advance_loss,
    long_run_inflation,
)
from monitoring_dagster.decisions.detectors.e_threshold import (
    LOG_THRESHOLDS,
    REFERENCE_DAYS,
    SHARES,
    calibrated,
    guaranteed,
    reference_quantile,
)
from monitoring_dagster.decisions.detectors.losses import Losses, Tolerance

SHARE = 0.0025


@pytest.mark.parametrize("row", [0, 2, 3, 5, 6], ids=lambda row: f"{REFERENCE_DAYS[row]} days")
@pytest.mark.parametrize("column", [1, 2])
def test_the_table_is_what_a_simulation_of_its_model_gives(row, column, normal_limit):
    rng = np.random.default_rng([row, column])
    error = 1 / math.sqrt(REFERENCE_DAYS[row])
    quantile = reference_quantile(SHARES[column])
    below = (quantile + rng.standard_normal(6_000)) * error
    reached = normal_limit(rng, below, 300)[80:]
    found = float((reached >= LOG_THRESHOLDS[row][column]).mean())
    assert found == pytest.approx(SHARES[column], rel=0.12)


def test_the_table_is_monotone():
    table = np.array(LOG_THRESHOLDS)
    assert (np.diff(table, axis=1) > 0).all()
    assert (np.diff(table, axis=0) < 0).all()


@pytest.mark.parametrize("days", [0.2, 1, 2, 5, 20, 60, 1_000, math.inf])
def test_thresholds_grow_as_the_share_shrinks_and_as_the_reference_grows(days):
    thresholds = [calibrated(10.0**-e, days) for e in np.linspace(0.1, 9, 90)]
    assert all(a <= b for a, b in itertools.pairwise(thresholds))
    assert all(c >= 1 for c in thresholds)
    assert calibrated(SHARE, days) <= calibrated(SHARE, 2 * days)


@pytest.mark.parametrize("row", range(len(REFERENCE_DAYS)))
@pytest.mark.parametrize("column", range(len(SHARES)))
def test_between_its_entries_the_table_is_interpolated_and_on_them_it_is_itself(row, column):
    found = calibrated(SHARES[column], REFERENCE_DAYS[row])
    assert math.log(found) == pytest.approx(LOG_THRESHOLDS[row][column])


def test_beyond_the_table_the_threshold_grows_as_fast_as_it_ever_must():
    assert calibrated(1e-7, 40) == pytest.approx(100 * calibrated(1e-5, 40))


def replayed(
    errors: np.ndarray, n: int, tolerance: Tolerance, threshold: float, phi: float = 1.0
) -> np.ndarray:
    """Whether the detector stands alarmed, day by day."""
    state, alarmed = EDetector(), np.zeros(errors.size, dtype=bool)
    for day, k in enumerate(errors.tolist()):
        losses = Losses.of_errors(k, n)
        state = advance_loss(state, losses, tolerance, threshold=threshold, phi=phi)
        alarmed[day] = state.fires(threshold)
    return alarmed


def first_alarms(mean: float, tolerances: list[Tolerance], threshold: float, n: int) -> list[int]:
    """Days from the rise to `mean` to the alarm, where none came before it."""
    rng, found = np.random.default_rng(17), []
    for tolerance in tolerances:
        errors = np.concatenate([rng.binomial(n, 0.10, 40), rng.binomial(n, mean, 80)])
        alarmed = replayed(errors, n, tolerance, threshold)
        if not alarmed[:40].any():
            found.append(int(alarmed[40:].argmax()) + 1 if alarmed.any() else 999)
    return found


@pytest.mark.parametrize(("mean", "median"), [(0.12, 6), (0.13, 3), (0.15, 2)])
def test_a_rise_above_a_known_mean_is_paged_within_a_week(mean, median):
    known = [Tolerance(0.1, 0.3)] * 400
    assert np.median(first_alarms(mean, known, calibrated(SHARE), 500)) <= median


@pytest.mark.parametrize(
    ("quantile", "threshold"),
    [
        (1.959964, calibrated(SHARE)),
        (1.959964, guaranteed(SHARE)),
        (reference_quantile(SHARE), calibrated(SHARE, 40)),
    ],
    ids=["97.5 % bound", "97.5 % bound, threshold by theorem", "calibrated to the reference"],
)
def test_a_rise_above_what_20_000_rows_bound_is_paged_within_eight_days(quantile, threshold):
    references = np.random.default_rng(5).binomial(20_000, 0.1, 400)
    bounds = [Tolerance.of(Losses.of_errors(int(k), 20_000), quantile=quantile) for k in references]
    assert np.median(first_alarms(0.12, bounds, threshold, 500)) <= 8


@pytest.mark.parametrize(("n", "mean"), [(50, 0.1), (500, 0.02), (500, 0.1), (5_000, 0.5)], ids=str)
@pytest.mark.parametrize("reference_days", [14, 40, math.inf])
def test_real_error_counts_alarm_on_no_more_days_than_planned(n, mean, reference_days):
    rng = np.random.default_rng([n, 3])
    threshold, alarmed = calibrated(SHARE, reference_days), []
    for _ in range(80):
        tolerance = Tolerance(mean, math.sqrt(mean * (1 - mean)))
        if math.isfinite(reference_days):
            rows = int(n * reference_days)
            reference = Losses.of_errors(int(rng.binomial(rows, mean)), rows)
            tolerance = Tolerance.of(reference, quantile=reference_quantile(SHARE))
        alarmed.append(replayed(rng.binomial(n, mean, 300), n, tolerance, threshold).mean())
    assert np.mean(alarmed) < 1.6 * SHARE  # standard error about 0.3 of it


@pytest.mark.parametrize("rho", [0.0, 0.3])
def test_days_that_differ_alarm_no_more_often_once_they_are_tempered(rho):
    rng, n, days = np.random.default_rng(12), 500, 300
    of_days = 0.1 * 0.9 / n  # as much variance between days as from sampling: phi = 2
    tempered, naive = [], []
    for _ in range(60):
        level, rates = 0.0, []
        for _ in range(days + 40):
            level = rho * level + math.sqrt(1 - rho**2) * rng.standard_normal()
            rates.append(0.1 + math.sqrt(of_days) * level)
        errors = rng.binomial(n, rates)
        reference = Losses.of_errors(int(errors[:40].sum()), 40 * n)
        # Half of the variance is between days, and so half of the autocorrelation is seen.
        phi = long_run_inflation(2.0, rho / 2)
        for kept, factor in ((tempered, phi), (naive, 1.0)):
            tolerance = Tolerance.of(reference, quantile=reference_quantile(SHARE), phi=factor)
            kept.append(replayed(errors[40:], n, tolerance, calibrated(SHARE, 40), factor).mean())
    assert np.mean(tempered) < 1.6 * SHARE
    assert np.mean(naive) > 5 * SHARE
