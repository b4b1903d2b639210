"""What each check of the gate lets pass, refuses, and leaves open."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from monitoring_dagster.monitors.contract import Task
from monitoring_dagster.monitors.retraining import GateRules
from monitoring_dagster.retraining.gate import Compared, Segment, Side
from monitoring_dagster.retraining.gate.decision import CheckKind, Outcome
from tests.retraining_gate.gate_worlds import (
    RULES,
    binary,
    decided,
    figure,
    groups,
    multiclass,
    of_kind,
    one_for,
    only,
    regression,
    swapped,
)

BETTER = binary(3)
AGES = np.random.default_rng(8).integers(0, 4, len(BETTER.labels))


def with_rules(**more: object) -> GateRules:
    return GateRules(**{**RULES.model_dump(), **more})


def harming(age: int, noise: float) -> Compared:
    """Better on average, and noisier than the champion for one group."""
    return binary(3, challenger=np.where(age == AGES, noise, 0.3))


@pytest.mark.parametrize("task", [t for t in Task if t is not Task.RANKING])
def test_a_better_model_passes_and_the_worse_one_does_not(task: Task) -> None:
    rows = one_for(task)
    assert decided(rows, task=task).is_passed
    assert not decided(swapped(rows), task=task).is_passed


def test_better_on_average_and_worse_for_one_protected_segment_is_refused_by_default() -> None:
    decision = decided(
        harming(2, 1.4), GateRules(), segments=groups(AGES, "age", is_protected=True)
    )
    assert only(decision, CheckKind.PRIMARY).outcome is Outcome.PASSED
    assert not decision.is_passed
    check = only(decision, CheckKind.PROTECTED, "age=2")
    assert check.outcome is Outcome.FAILED
    assert check.text in decision.because
    others = [only(decision, CheckKind.PROTECTED, f"age={age}").outcome for age in (0, 1, 3)]
    assert others == [Outcome.PASSED] * 3


def test_the_same_harm_to_a_segment_is_refused_where_it_is_proven() -> None:
    decision = decided(harming(2, 1.4), segments=groups(AGES, "age", is_protected=False))
    check = only(decision, CheckKind.SEGMENT, "age=2")
    assert check.outcome is Outcome.FAILED
    assert "surely worse, also among 4 segments" in check.text
    assert decision.because == check.text


def test_a_small_harm_to_a_segment_is_left_open_and_to_a_protected_one_is_not() -> None:
    rows = harming(2, 0.86)
    left_open = decided(rows, segments=groups(AGES, "age", is_protected=False))
    assert only(left_open, CheckKind.SEGMENT, "age=2").outcome is Outcome.UNDECIDED
    assert left_open.is_passed
    refused = decided(rows, segments=groups(AGES, "age", is_protected=True))
    assert only(refused, CheckKind.PROTECTED, "age=2").is_in_the_way
    assert not refused.is_passed


def test_a_protected_group_that_is_too_small_to_tell_is_in_the_way() -> None:
    members = np.zeros(len(BETTER.labels), dtype=bool)
    members[::90] = True
    decision = decided(BETTER, segments={"region=FO": Segment(members, is_protected=True)})
    check = only(decision, CheckKind.PROTECTED, "region=FO")
    assert (check.outcome, check.is_needed) == (Outcome.UNDECIDED, True)
    assert "94 labelled rows that both answered, at least 100 are needed" in check.text
    assert not decision.is_passed


def test_a_protected_group_whose_interval_is_too_wide_is_undecided_and_in_the_way() -> None:
    equal = binary(4, challenger=0.8)
    group = Segment(np.arange(len(equal.labels)) % 20 == 0, is_protected=True)
    found = decided(equal, segments={"g": group})
    check = only(found, CheckKind.PROTECTED, "g")
    assert figure(check.gain) >= -0.0025
    assert check.outcome is Outcome.UNDECIDED
    assert check.is_in_the_way
    assert "too few rows to show that it is not worse" in check.text


def test_a_gap_between_protected_groups_that_widens_is_refused_though_nobody_is_worse_off() -> None:
    rows = binary(6, rows=1_000, challenger=0.7)
    sex = np.random.default_rng(1).integers(0, 2, len(rows.labels))
    perfect = np.where(sex == 1, np.clip(rows.labels, 0.1, 0.9), rows.challenger.scores)
    rows = replace(rows, challenger=Side(perfect, 0.4))
    decision = decided(rows, segments=groups(sex, "sex", is_protected=True))
    assert {c.outcome for c in of_kind(decision, CheckKind.PROTECTED) if "=" in c.segment} == {
        Outcome.PASSED
    }
    gaps = {c.metric: c for c in of_kind(decision, CheckKind.PROTECTED, "sex")}
    assert set(gaps) == {
        "roc_auc_gap",
        "demographic_parity_difference",
        "equal_opportunity_difference",
    }
    assert gaps["roc_auc_gap"].outcome is Outcome.FAILED
    assert gaps["equal_opportunity_difference"].outcome is Outcome.FAILED
    assert not decision.is_passed


def test_gaps_are_largest_less_smallest_of_the_groups_of_one_cut() -> None:
    sex = np.random.default_rng(1).integers(0, 3, len(BETTER.labels))
    both = groups(sex, "sex", is_protected=True) | groups(AGES, "age", is_protected=True)
    decision = decided(BETTER, segments=both)
    parity = {c.segment: c for c in decision.checks if c.metric == "demographic_parity_difference"}
    for cut, membership in (("sex", sex), ("age", AGES)):
        made = BETTER.challenger.scores >= 0.4
        rates = [made[membership == value].mean() for value in np.unique(membership)]
        assert parity[cut].challenger == pytest.approx(max(rates) - min(rates))


def test_a_gain_has_to_exceed_what_the_document_asks_for() -> None:
    gain = figure(only(decided(BETTER), CheckKind.PRIMARY).low)
    for asked, outcome in ((gain * 0.9, Outcome.PASSED), (gain * 1.1, Outcome.FAILED)):
        check = only(decided(BETTER, with_rules(better_by=asked)), CheckKind.PRIMARY)
        assert check.outcome is outcome
        assert check.required == asked


def test_what_is_asked_of_a_metric_without_a_bound_is_a_part_of_the_champions_value() -> None:
    rows = regression(1)
    found = decided(rows, with_rules(better_by=0.1, guards=("rmse",)), task=Task.REGRESSION)
    primary, guard = only(found, CheckKind.PRIMARY), only(found, CheckKind.GUARD)
    assert primary.required == pytest.approx(0.1 * figure(primary.champion))
    assert guard.required == pytest.approx(-0.01 * figure(guard.champion))
    bias = only(found, CheckKind.CALIBRATION)
    assert bias.required == pytest.approx(-0.01 * figure(primary.champion))


def test_a_guard_that_is_lost_refuses_a_model_that_ranks_better() -> None:
    shy = replace(BETTER.challenger, scores=BETTER.challenger.scores * 0.2)
    rows = replace(BETTER, challenger=shy)
    for guards, refused in (((), 0), (("log_loss",), 1)):
        found = decided(rows, with_rules(guards=guards))
        assert only(found, CheckKind.PRIMARY).outcome is Outcome.PASSED
        assert len([c for c in of_kind(found, CheckKind.GUARD) if c.is_in_the_way]) == refused


def test_scores_that_no_longer_mean_what_they_say_are_refused() -> None:
    shy = replace(BETTER.challenger, scores=BETTER.challenger.scores * 0.8, threshold=0.32)
    check = only(decided(replace(BETTER, challenger=shy)), CheckKind.CALIBRATION)
    assert check.outcome is Outcome.FAILED
    assert "points off instead of" in check.text


def test_a_bias_that_chance_explains_is_not_in_the_way() -> None:
    checks = [
        only(decided(regression(seed), task=Task.REGRESSION), CheckKind.CALIBRATION)
        for seed in range(20)
    ]
    assert any(figure(c.gain) < figure(c.required) for c in checks)
    assert not any(c.is_in_the_way for c in checks)


def test_a_model_that_errs_to_one_side_is_refused() -> None:
    rows = regression(1)
    tilted = replace(rows, challenger=Side(rows.challenger.scores + 0.4))
    found = decided(tilted, task=Task.REGRESSION)
    assert only(found, CheckKind.PRIMARY).outcome is Outcome.PASSED
    assert only(found, CheckKind.CALIBRATION).outcome is Outcome.FAILED


def test_the_newest_days_count_for_themselves() -> None:
    worse_lately = binary(3, rows=900, challenger=np.repeat([0.2, 1.0], [21 * 900, 7 * 900]))
    found = decided(worse_lately)
    assert only(found, CheckKind.PRIMARY).outcome is Outcome.PASSED
    check = only(found, CheckKind.NEWEST)
    assert (check.outcome, check.days, check.rows) == (Outcome.FAILED, 7, 6_300)
    assert "of the last 7 days" in found.because


def test_the_newest_days_are_those_of_the_calendar() -> None:
    gone = BETTER.days == np.datetime64("2026-03-26")
    rows = replace(BETTER, labels=np.where(gone, np.nan, BETTER.labels))
    assert only(decided(rows), CheckKind.NEWEST).days == 6


def test_fewer_newest_days_than_can_tell_are_not_in_the_way() -> None:
    check = only(decided(BETTER, with_rules(newest_days=3)), CheckKind.NEWEST)
    assert (check.outcome, check.is_in_the_way) == (Outcome.UNDECIDED, False)
    assert "3 days with rows, at least 5 are needed" in check.text


def test_negative_flips_are_counted_among_what_the_champion_had_right() -> None:
    labels, was, now = (
        BETTER.labels == 1,
        *(side.scores >= 0.4 for side in (BETTER.champion, BETTER.challenger)),
    )
    share = (now[was == labels] != labels[was == labels]).mean()
    for limit, outcome in ((share + 1e-6, Outcome.PASSED), (share - 1e-6, Outcome.FAILED)):
        check = only(decided(BETTER, with_rules(negative_flips=limit)), CheckKind.FLIPS)
        assert check.outcome is outcome
        assert check.challenger == pytest.approx(share)


def test_each_model_decides_by_its_own_threshold() -> None:
    moved = replace(BETTER, challenger=replace(BETTER.challenger, threshold=0.9))
    assert only(decided(moved), CheckKind.FLIPS).outcome is Outcome.FAILED


def test_a_regressions_flips_are_errors_that_become_large() -> None:
    labels = np.full(2_000, 10.0)
    errors = np.linspace(0, 1, 2_000)
    worse = errors.copy()
    worse[:90] = 5.0
    days = np.datetime64("2026-03-01") + np.arange(2_000) % 20
    rows = Compared(labels, days, Side(labels + errors), Side(labels + worse))
    check = only(decided(rows, task=Task.REGRESSION), CheckKind.FLIPS)
    assert "90 of 1,800 rows that the champion had right become wrong, 5 %" in check.text


def timed(champion: list[float], challenger: list[float]) -> Compared:
    return replace(
        BETTER,
        champion=replace(BETTER.champion, seconds=np.array(champion)),
        challenger=replace(BETTER.challenger, seconds=np.array(challenger)),
    )


def test_a_slow_challenger_is_refused_and_one_slow_timing_is_not_slow() -> None:
    steady, late = [1e-6] * 40, [1e-6] * 39 + [9.0]
    for challenger, refused in (([2e-6] * 40, True), (late, False), ([1.5e-6] * 40, False)):
        found = decided(timed(steady, challenger))
        assert any(c.is_in_the_way for c in of_kind(found, CheckKind.LATENCY)) is refused


@pytest.mark.parametrize("seconds", [None, np.array([]), np.full(9, np.nan), np.zeros(9)])
def test_times_that_were_not_taken_are_not_in_the_way(seconds: np.ndarray | None) -> None:
    rows = replace(BETTER, challenger=replace(BETTER.challenger, seconds=seconds))
    checks = of_kind(decided(rows), CheckKind.LATENCY)
    assert [(c.outcome, c.is_in_the_way) for c in checks] == [(Outcome.UNDECIDED, False)]


def test_a_challenger_that_leaves_rows_unanswered_is_refused_and_told_how_many() -> None:
    silent = BETTER.challenger.scores.copy()
    silent[:12] = np.nan
    found = decided(replace(BETTER, challenger=replace(BETTER.challenger, scores=silent)))
    check = only(found, CheckKind.ANSWERS)
    assert check.outcome is Outcome.FAILED
    assert found.because == (
        "the challenger does not answer 12 of 8,400 rows that the champion answers"
    )
    assert found.rows == 8_400 - 12


def test_rows_without_a_label_have_to_be_answered_as_well() -> None:
    silent, labels = BETTER.challenger.scores.copy(), BETTER.labels.copy()
    silent[7], labels[7] = np.inf, np.nan
    rows = replace(BETTER, labels=labels, challenger=replace(BETTER.challenger, scores=silent))
    assert only(decided(rows), CheckKind.ANSWERS).outcome is Outcome.FAILED


def test_rows_that_the_champion_does_not_answer_are_left_out_and_told() -> None:
    silent = BETTER.champion.scores.copy()
    silent[5:10] = -np.inf
    found = decided(replace(BETTER, champion=replace(BETTER.champion, scores=silent)))
    assert found.is_passed
    assert only(found, CheckKind.ANSWERS).text.endswith(
        "; 5 other rows only the challenger answers"
    )
    assert found.rows == 8_395


def test_a_row_of_classes_is_answered_when_all_its_scores_are() -> None:
    rows = multiclass(3)
    scores = rows.challenger.scores.copy()
    scores[3, 1] = np.nan
    found = decided(replace(rows, challenger=Side(scores)), task=Task.MULTICLASS)
    assert (found.rows, only(found, CheckKind.ANSWERS).outcome) == (1_599, Outcome.FAILED)


def test_the_primary_check_comes_first_and_the_rest_in_one_order() -> None:
    kinds = [c.kind for c in decided(BETTER, with_rules(guards=("brier",))).checks]
    assert kinds == [
        CheckKind.PRIMARY,
        CheckKind.ANSWERS,
        CheckKind.GUARD,
        CheckKind.CALIBRATION,
        CheckKind.NEWEST,
        CheckKind.FLIPS,
        CheckKind.LATENCY,
    ]
