"""The budget: how it is divided, and that all rules together stay within it."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import false_discovery_control, norm

from monitoring_dagster.decisions.budget import PARTS, Budget, Family, benjamini_hochberg
from monitoring_dagster.decisions.detectors.cusum import totals
from monitoring_dagster.decisions.detectors.e_detector import EDetector, advance_loss
from monitoring_dagster.decisions.detectors.losses import Losses, Tolerance

BUDGET = Budget(90, columns=14, segments=11, scalars=12)


def test_half_of_the_budget_is_for_what_pages():
    pages = (Family.LOSSES, Family.SEGMENT_LOSSES, Family.OBJECTIVES)
    assert sum(PARTS.values()) == pytest.approx(1)
    assert sum(PARTS[family] for family in pages) == pytest.approx(0.5)
    assert set(PARTS) == set(Family)


def test_the_shares_of_all_families_add_up_to_one_percent_at_ninety_days():
    assert sum(BUDGET.share(family) for family in Family) == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("materiality", "stated", "days"),
    [("low", None, 90), ("medium", None, 90), ("high", None, 30), ("high", 365, 365)],
)
def test_the_monitor_states_its_budget_or_its_materiality_does(
    materiality, stated, days, monitor_stating
):
    monitor = monitor_stating(materiality, stated)
    assert Budget.of(monitor, columns=3, segments=0, scalars=2).days_between == days


@pytest.mark.parametrize("family", list(Family))
def test_more_days_between_false_pages_raise_every_threshold(family):
    rarer = Budget(365, columns=14, segments=11, scalars=12)
    assert rarer.sudden_level(family) < BUDGET.sudden_level(family)
    assert rarer.cusum_threshold(family) > BUDGET.cusum_threshold(family)
    assert rarer.e_threshold(family) > BUDGET.e_threshold(family)
    assert rarer.reference_quantile(family) > BUDGET.reference_quantile(family)


@pytest.mark.parametrize("days", [1, 2, 3_650])
@pytest.mark.parametrize("family", list(Family))
@pytest.mark.parametrize("reference_days", [0.0, 1.0, 30.0, math.inf])
def test_every_budget_has_usable_thresholds(days, family, reference_days):
    budget = Budget(days, columns=0, segments=500, scalars=0)
    chart = budget.cusum(family, reference_days=reference_days)
    assert 1 <= chart.h < math.inf
    assert 0.5 <= chart.k < math.inf
    assert 1 <= budget.e_threshold(family, reference_days=reference_days) < math.inf
    assert budget.guaranteed_e_threshold(family) >= 1


def test_a_signed_column_needs_the_same_chart_as_a_scalar_of_a_family_of_its_size():
    same = Budget(90, columns=12, segments=0, scalars=12)
    assert same.cusum(Family.DRIFT, reference_days=30, is_signed=True) == same.cusum(
        Family.SCALARS, reference_days=30
    )


@given(arrays(np.float64, (3, 9), elements=st.floats(0, 1)), st.floats(0.001, 0.5))
def test_rejections_are_those_of_scipy(p, q):
    adjusted = false_discovery_control(p, axis=-1)
    clear = np.abs(adjusted - q) > 1e-9
    assert (benjamini_hochberg(p, q) == (adjusted <= q))[clear].all()


@given(arrays(np.float64, 9, elements=st.floats(0, 1)), st.sets(st.integers(0, 8)))
def test_what_was_not_tested_does_not_count(p, missing):
    holes = p.copy()
    holes[list(missing)] = math.nan
    tested = ~np.isnan(holes)
    found = benjamini_hochberg(holes, 0.2)
    assert not found[~tested].any()
    assert (found[tested] == benjamini_hochberg(p[tested], 0.2)).all()


@pytest.mark.parametrize("p", [[], [math.nan, math.nan]])
def test_without_a_test_nothing_is_rejected(p):
    assert not benjamini_hochberg(np.array(p, dtype=float), 0.5).any()


STREAMS, DAYS, WARM = 400, 260, 60
SIZES = {Family.DRIFT: 14, Family.SEGMENT_DRIFT: 154, Family.SCALARS: 12}


def _scores(rng: np.random.Generator, series: int, common: np.ndarray, weight: float) -> np.ndarray:
    own = rng.standard_normal((*common.shape, series))
    return math.sqrt(weight) * common[..., None] + math.sqrt(1 - weight) * own


def _alarmed(family: Family, scores: np.ndarray) -> np.ndarray:
    """Days on which a family has any alarm, sudden or lasting, shape (DAYS, STREAMS)."""
    is_signed = family is Family.SCALARS
    chances = 2 * norm.sf(np.abs(scores)) if is_signed else norm.sf(scores)
    alarmed = benjamini_hochberg(chances, BUDGET.sudden_level(family)).any(axis=-1)
    chart = BUDGET.cusum(family)
    for side in (1, -1) if is_signed else (1,):
        flat = (side * scores).reshape(DAYS, -1)
        reached = totals(flat, chart).reshape(scores.shape)
        alarmed |= (reached >= chart.h).any(axis=-1)
    return alarmed


def _losses_alarmed(rng: np.random.Generator, day_effects: np.ndarray) -> np.ndarray:
    """The e-detectors of the whole traffic and 11 segments, their common part shared."""
    alarmed = np.zeros((DAYS, STREAMS), dtype=bool)
    for stream in range(0, STREAMS, 4):
        for family, n, many in ((Family.LOSSES, 500, 1), (Family.SEGMENT_LOSSES, 60, 11)):
            threshold = BUDGET.e_threshold(family, reference_days=40)
            for _ in range(many):
                alarmed[:, stream] |= _one_loss(
                    rng, n, threshold, BUDGET.reference_quantile(family), day_effects[:, stream]
                )
    return alarmed


def _one_loss(rng, n: int, threshold: float, quantile: float, effects: np.ndarray) -> np.ndarray:
    phi = 1.0 + float(effects.std() > 0)  # the common part doubles the variance
    rates = np.clip(0.1 + 0.3 / math.sqrt(n) * effects, 0.0, 1.0)
    reference = int(rng.binomial(40 * n, 0.1))
    tolerance = Tolerance.of(Losses.of_errors(reference, 40 * n), quantile=quantile, phi=phi)
    state, found = EDetector(), np.zeros(DAYS, dtype=bool)
    for day, errors in enumerate(rng.binomial(n, rates).tolist()):
        losses = Losses.of_errors(errors, n)
        state = advance_loss(state, losses, tolerance, threshold=threshold, phi=phi)
        found[day] = state.fires(threshold)
    return found


@pytest.mark.parametrize("family", [Family.DRIFT, Family.SCALARS])
def test_independent_series_spend_their_familys_share_and_no_more(family):
    rng = np.random.default_rng(13)
    scores = _scores(rng, SIZES[family], np.zeros((DAYS, 1_600)), 0.0)
    assert _alarmed(family, scores)[WARM:].mean() == pytest.approx(BUDGET.share(family), rel=0.2)


@pytest.mark.parametrize("weight", [0.0, 0.8], ids=["independent", "one common factor"])
def test_all_rules_together_are_alarmed_on_less_than_one_day_in_a_hundred(weight):
    rng = np.random.default_rng(31)
    common = rng.standard_normal((DAYS, STREAMS))
    any_alarm = np.zeros((DAYS, STREAMS), dtype=bool)
    for family, series in SIZES.items():
        any_alarm |= _alarmed(family, _scores(rng, series, common, weight))
    losses = _losses_alarmed(rng, common * (weight > 0))
    planned = BUDGET.share(Family.LOSSES) + BUDGET.share(Family.SEGMENT_LOSSES)
    losses_share = float(losses[WARM:, ::4].mean())
    assert losses_share < 1.5 * planned
    assert float(any_alarm[WARM:].mean()) + losses_share < 0.01
