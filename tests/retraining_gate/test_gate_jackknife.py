"""Intervals of gains: against a jackknife written out, and how often they hold."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from monitoring_dagster.monitors.contract import Task
from monitoring_dagster.retraining.gate.checks.segments import proven
from monitoring_dagster.retraining.gate.decision import CheckKind
from monitoring_dagster.retraining.gate.gained import gained
from monitoring_dagster.retraining.gate.jackknife import chance_below, jackknifed, standard_error
from monitoring_dagster.retraining.gate.measures.registry import REGISTRY
from monitoring_dagster.retraining.gate.paired import Paired
from tests.retraining_gate.gate_worlds import binary, decided, only

AUC = REGISTRY[Task.BINARY]["roc_auc"]


def test_the_primary_check_is_a_jackknife_over_days_written_out() -> None:
    rows = binary(5, days=12, rows=60)
    day, labels = rows.days, rows.labels

    def gain(kept: np.ndarray) -> float:
        ours, theirs = (
            roc_auc_score(labels[kept], side.scores[kept])
            for side in (rows.challenger, rows.champion)
        )
        return ours - theirs

    whole = gain(np.ones(len(day), dtype=bool))
    moved = np.array([gain(day != one) - whole for one in np.unique(day)])
    centred = moved - moved.mean()
    likeness = max((centred[1:] * centred[:-1]).sum() / (centred**2).sum(), 0)
    variance = 11 / 12 * (moved**2).sum() * (1 + likeness) / (1 - likeness)
    reach = stats.t.ppf(0.975, 11) * np.sqrt(variance)
    check = only(decided(rows), CheckKind.PRIMARY)
    assert (check.gain, check.low, check.high) == pytest.approx(
        (whole, whole - reach, whole + reach), rel=1e-9
    )
    assert (check.rows, check.days) == (720, 12)


def test_of_a_mean_of_equal_days_the_jackknife_is_the_standard_error_of_the_mean() -> None:
    means = np.random.default_rng(0).normal(size=9)
    replicates = np.array([means.mean(), *((means.sum() - one) / 8 for one in means)])
    assert jackknifed(replicates) == pytest.approx(stats.sem(means))


def test_days_like_their_neighbours_widen_an_interval_and_unlike_ones_do_not_narrow_it() -> None:
    spell, seesaw = np.repeat([1.0, -1.0], 7), np.tile([1.0, -1.0], 7)
    alike, unlike = (np.concatenate([[0.0], days]) for days in (spell, seesaw))
    assert standard_error(alike) > 2 * jackknifed(alike)
    assert standard_error(unlike) == jackknifed(unlike)


def test_days_that_do_not_move_a_gain_leave_an_interval_without_width() -> None:
    assert standard_error(np.zeros(8)) == 0


def test_a_p_value_is_students() -> None:
    assert chance_below(-0.3, 0.2, 15) == pytest.approx(stats.t.cdf(-1.5, 14))
    assert (chance_below(0.0, 0.0, 15), chance_below(-1e-9, 0.0, 15)) == (1, 0)


def test_holms_procedure_rejects_what_every_closed_test_of_bonferroni_rejects() -> None:
    rng = np.random.default_rng(2)
    for _ in range(60):
        chances = dict(enumerate(rng.random(4) ** 4))
        closed = {
            one
            for one in chances
            if all(
                min(chances[i] for i in family) <= 0.05 / len(family)
                for size in range(1, 5)
                for family in itertools.combinations(chances, size)
                if one in family
            )
        }
        named = {str(i): chance for i, chance in chances.items()}
        assert proven(named, 0.05) == {str(i) for i in closed}


@pytest.mark.parametrize("days", [5, 7, 28])
@pytest.mark.parametrize("name", ["roc_auc", "f1"])
def test_of_equal_models_nineteen_of_twenty_intervals_hold_zero(days: int, name: str) -> None:
    metric, runs = REGISTRY[Task.BINARY][name], 300
    held = 0
    for seed in range(runs):
        rows = binary(seed, days=days, rows=100, challenger=0.8, wobble=0.3)
        found = gained(metric, Paired.within(rows)[0])
        held += found.low <= 0 <= found.high
    assert 0.92 <= held / runs <= 0.99


def test_intervals_that_took_rows_for_independent_would_hold_far_less_often() -> None:
    """Why the unit is the day: the same rows, dealt out to days at random."""
    held, runs = 0, 150
    for seed in range(runs):
        rows = binary(seed, days=28, rows=300, challenger=0.8, wobble=0.6)
        paired, _ = Paired.within(rows)
        dealt = np.random.default_rng(seed).permutation(paired.champion.days)
        sides = (paired.champion, paired.challenger)
        values = [
            AUC.replicates(type(side)(side.labels, side.scores, dealt, 28, None)) for side in sides
        ]
        differences = values[1] - values[0]
        reach = stats.t.ppf(0.975, 27) * jackknifed(differences)
        held += abs(differences[0]) <= reach
    assert held / runs < 0.85
