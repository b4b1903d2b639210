"""Rows that nothing can be told from: an outcome and a reason, never an exception."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from monitoring_dagster.monitors.contract import Task
from monitoring_dagster.retraining.gate import Compared, Segment, Side, encoded
from monitoring_dagster.retraining.gate.decision import CheckKind, Outcome
from tests.retraining_gate.gate_worlds import RULES, binary, decided, multiclass, only, regression

GOOD = binary(3)
N = len(GOOD.labels)


def nobody() -> Compared:
    none = np.array([])
    return Compared(none, none.astype("datetime64[D]"), Side(none, 0.5), Side(none, 0.5))


def first(days: int) -> Compared:
    kept = GOOD.days < GOOD.days[0] + np.timedelta64(days)
    return replace(GOOD, labels=np.where(kept, GOOD.labels, np.nan))


def scored(champion: np.ndarray | float, challenger: np.ndarray | float) -> Compared:
    sides = (Side(np.full(N, s), 0.4) for s in (champion, challenger))
    return Compared(GOOD.labels, GOOD.days, *sides)


ours, theirs = GOOD.challenger.scores, GOOD.champion.scores
one_day = GOOD.days == GOOD.days[0]

PRIMARY = {
    "no rows": (nobody(), "0 labelled rows that both answered, at least 100 are needed"),
    "no labels": (
        replace(GOOD, labels=np.full(N, np.nan)),
        "0 labelled rows that both answered, at least 100 are needed",
    ),
    "no days": (
        replace(GOOD, days=np.full(N, np.datetime64("NaT"), dtype="datetime64[D]")),
        "0 labelled rows that both answered, at least 100 are needed",
    ),
    "positive labels only": (
        replace(GOOD, labels=np.ones(N)),
        "8,400 positive and 0 negative labels, at least 20 of each are needed",
    ),
    "four days": (first(4), "4 days with rows, at least 5 are needed"),
    "all positives on one day": (
        replace(GOOD, labels=one_day.astype(float)),
        "it is not defined without 2026-03-01",
    ),
    "a champion that answers nothing": (scored(np.nan, ours), "0 labelled rows"),
    "a challenger that answers nothing": (scored(theirs, np.inf), "0 labelled rows"),
}


@pytest.mark.parametrize(("rows", "why"), PRIMARY.values(), ids=PRIMARY)
def test_without_rows_that_can_tell_nobody_passes_and_the_reason_is_told(
    rows: Compared, why: str
) -> None:
    segments = {"p": Segment(np.ones(len(rows.labels), dtype=bool), is_protected=True)}
    found = decided(rows, segments=segments)
    check = only(found, CheckKind.PRIMARY)
    assert (check.outcome, check.is_needed, check.low) == (Outcome.UNDECIDED, True, None)
    assert why in check.text
    assert why in found.because
    assert not found.is_passed


def test_scores_that_are_all_the_same_lose_to_scores_that_are_not() -> None:
    assert decided(scored(0.5, ours)).checks[0].outcome is Outcome.PASSED
    assert decided(scored(theirs, 0.5)).checks[0].outcome is Outcome.FAILED
    assert decided(scored(0.5, 0.5)).checks[0].gain == 0


def test_scores_that_are_no_probabilities_can_be_ranked_and_not_calibrated() -> None:
    rows = scored(theirs, 7 * ours - 3)
    found = decided(rows, RULES.model_copy(update={"guards": ("log_loss",)}))
    assert only(found, CheckKind.PRIMARY).outcome is Outcome.PASSED
    check = only(found, CheckKind.CALIBRATION)
    assert (check.outcome, check.is_in_the_way) == (Outcome.UNDECIDED, False)
    assert "are no probabilities" in check.text
    assert only(found, CheckKind.GUARD).is_in_the_way


def test_without_a_threshold_there_are_no_decisions_to_compare() -> None:
    rows = replace(GOOD, champion=Side(theirs))
    found = decided(rows, RULES.model_copy(update={"guards": ("f1",)}))
    flips, guard = only(found, CheckKind.FLIPS), only(found, CheckKind.GUARD)
    assert "both models need a threshold" in flips.text
    assert not flips.is_in_the_way
    assert "a threshold is needed" in guard.text
    assert guard.is_in_the_way


def test_a_challenger_that_decides_nothing_positive_has_no_precision_and_does_not_pass() -> None:
    rows = replace(GOOD, challenger=Side(ours, threshold=1.1))
    found = decided(rows, RULES.model_copy(update={"primary": "precision"}))
    assert "it is not defined on these rows" in only(found, CheckKind.PRIMARY).text
    assert not found.is_passed


def test_a_champion_that_had_nothing_right_has_nothing_to_lose() -> None:
    rows = scored(1 - GOOD.labels, ours)
    assert "the champion had no row right" in only(decided(rows), CheckKind.FLIPS).text


def test_a_class_without_labels_has_no_average_over_classes() -> None:
    rows = multiclass(3)
    rows = replace(rows, labels=np.minimum(rows.labels, 1))
    rules = RULES.model_copy(update={"guards": ("f1_macro", "accuracy")})
    found = decided(rows, rules, task=Task.MULTICLASS)
    texts = {c.metric: c.text for c in found.checks if c.kind is CheckKind.GUARD}
    assert "1 of 3 classes have no label" in texts["f1_macro"]
    assert "cannot be compared" not in texts["accuracy"]


def test_targets_that_are_all_the_same_have_no_r2() -> None:
    rows = regression(1)
    rows = replace(rows, labels=np.full(len(rows.labels), 50.0))
    rules = RULES.model_copy(update={"primary": "r2"})
    found = decided(rows, rules, task=Task.REGRESSION)
    assert "it is not defined on these rows" in found.because


def test_a_metric_that_the_gate_does_not_know_lets_nobody_pass() -> None:
    rules = RULES.model_copy(update={"primary": "auc", "guards": ("vibes",)})
    found = decided(GOOD, rules)
    assert [c.text for c in found.checks if c.is_in_the_way] == [
        "auc cannot be compared: the gate has no such metric for a binary model",
        "vibes cannot be compared: the gate has no such metric for a binary model",
    ]


def test_a_ranking_is_not_compared() -> None:
    found = decided(GOOD, task=Task.RANKING)
    assert not found.is_passed
    assert "the gate has no such metric for a ranking model" in found.because


def test_arrays_about_different_rows_are_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="required are the same rows and classes"):
        replace(GOOD, labels=GOOD.labels[1:])
    with pytest.raises(ValueError, match="required are the same rows and classes"):
        replace(GOOD, challenger=Side(np.zeros((N, 2))))


LABELS = {
    "texts": (["yes", "no", None], {"positive_label": "yes"}, [1, 0, np.nan]),
    "booleans": ([True, False, None], {"positive_label": True}, [1, 0, np.nan]),
    "numbers that became floats": ([1.0, 0.0, np.nan], {"positive_label": 1}, [1, 0, np.nan]),
    "pandas' own missing value": (
        pd.Series([1, 0, pd.NA], dtype="Int64"),
        {"positive_label": 1},
        [1, 0, np.nan],
    ),
    "no labels at all": (pd.Series([], dtype=object), {}, []),
}


@pytest.mark.parametrize(("labels", "more", "expected"), LABELS.values(), ids=LABELS)
def test_labels_become_ones_zeros_and_gaps(labels, more, expected) -> None:
    found = encoded(labels, Task.BINARY, **more)
    assert found == pytest.approx(np.array(expected, dtype=float), nan_ok=True)


def test_targets_stay_what_they_are() -> None:
    found = encoded(pd.Series([1.5, None, -2.0]), Task.REGRESSION)
    assert found == pytest.approx([1.5, np.nan, -2.0], nan_ok=True)
