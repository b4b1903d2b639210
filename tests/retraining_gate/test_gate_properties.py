"""What holds of the gate whatever the rows are, and how often it is wrong."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitoring_dagster.monitors.contract import Task
from monitoring_dagster.retraining.gate import Compared, Segment, Side
from monitoring_dagster.retraining.gate.decision import CheckKind, Outcome
from monitoring_dagster.retraining.gate.gained import gained
from monitoring_dagster.retraining.gate.measures.registry import REGISTRY
from monitoring_dagster.retraining.gate.paired import Paired
from tests.retraining_gate.gate_worlds import (
    RULES,
    binary,
    decided,
    figure,
    groups,
    of_kind,
    one_for,
    only,
)


@st.composite
def rows_of_any_shape(draw: st.DrawFn) -> Compared:
    """Few or many rows and days, ties, gaps in labels and answers, any threshold."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n, days = draw(st.integers(0, 400)), draw(st.integers(1, 12))
    labels = (rng.random(n) < draw(st.sampled_from([0.0, 0.02, 0.3, 1.0]))).astype(float)
    digits = draw(st.sampled_from([0, 1, 6]))

    def side() -> Side:
        scores = np.round(rng.random(n), digits)
        scores[rng.random(n) < draw(st.sampled_from([0.0, 0.1, 1.0]))] = np.nan
        return Side(scores, draw(st.sampled_from([None, 0.0, 0.5, 1.0])))

    labels[rng.random(n) < draw(st.sampled_from([0.0, 0.3]))] = np.nan
    day = np.datetime64("2026-03-01") + rng.integers(0, days, n)
    return Compared(labels, day, side(), side())


@given(rows_of_any_shape())
@settings(max_examples=60)
def test_whatever_the_rows_every_check_has_an_outcome_and_says_why(rows: Compared) -> None:
    members = np.arange(len(rows.labels)) % 3
    segments = groups(members, "g", is_protected=True) | groups(members, "h", is_protected=False)
    guards = tuple(REGISTRY[Task.BINARY])
    found = decided(rows, RULES.model_copy(update={"guards": guards}), segments=segments)
    assert found.checks[0].kind is CheckKind.PRIMARY
    for check in found.checks:
        assert check.text
        assert (check.low is None) == (check.high is None)
        assert check.low is None or check.low <= figure(check.gain) <= figure(check.high)


@pytest.mark.parametrize("task", [t for t in Task if t is not Task.RANKING])
@given(seed=st.integers(0, 10_000))
@settings(max_examples=8)
def test_the_other_way_round_every_gain_is_its_negative(task: Task, seed: int) -> None:
    paired, _ = Paired.within(one_for(task, seed))
    other = replace(paired, champion=paired.challenger, challenger=paired.champion)
    for metric in REGISTRY[task].values():
        there, back = gained(metric, paired), gained(metric, other)
        assert there.gain == -back.gain
        assert (there.low, there.high) == pytest.approx((-back.high, -back.low))


@pytest.mark.parametrize("task", [t for t in Task if t is not Task.RANKING])
@given(seed=st.integers(0, 10_000))
@settings(max_examples=8)
def test_a_model_is_never_better_than_itself_and_never_worse(task: Task, seed: int) -> None:
    rows = one_for(task, seed)
    rows = replace(rows, challenger=rows.champion)
    rules = RULES.model_copy(update={"guards": tuple(REGISTRY[task]), "margin": 0.0})
    segments = groups(np.arange(len(rows.labels)) % 2, "g", is_protected=True)
    found = decided(rows, rules, task=task, segments=segments)
    assert only(found, CheckKind.PRIMARY).outcome is Outcome.FAILED
    assert {c.outcome for c in found.checks[1:] if c.kind is not CheckKind.LATENCY} == {
        Outcome.PASSED
    }


USELESS = {
    "empty": lambda n: np.zeros(n, dtype=bool),
    "of a few rows": lambda n: np.arange(n) < 50,
    "of two days": lambda n: np.arange(n) < 600,
}


@pytest.mark.parametrize("members", USELESS.values(), ids=USELESS)
def test_a_segment_that_tells_nothing_changes_nothing_else(members) -> None:
    rows = binary(3)
    n = len(rows.labels)
    segments = groups(np.arange(n) % 3, "g", is_protected=False)
    before = decided(rows, segments=segments)
    after = decided(rows, segments={"useless": Segment(members(n)), **segments})
    assert [c for c in after.checks if c.segment != "useless"] == list(before.checks)
    assert only(after, CheckKind.SEGMENT, "useless").outcome is Outcome.UNDECIDED
    assert after.is_passed is before.is_passed


@given(seed=st.integers(0, 1_000))
@settings(max_examples=10)
def test_the_order_of_rows_does_not_matter(seed: int) -> None:
    rows = binary(seed, days=8, rows=60)
    order = np.random.default_rng(seed).permutation(len(rows.labels))
    shuffled = Compared(
        rows.labels[order],
        rows.days[order],
        replace(rows.champion, scores=rows.champion.scores[order]),
        replace(rows.challenger, scores=rows.challenger.scores[order]),
    )
    for one, other in zip(decided(rows).checks, decided(shuffled).checks, strict=True):
        assert one.outcome is other.outcome
        assert one.low == other.low or one.low == pytest.approx(other.low, abs=1e-9)


@pytest.mark.parametrize("days", [7, 28])
def test_models_of_one_quality_are_let_pass_in_no_more_than_one_case_of_forty(days: int) -> None:
    runs = 250
    passed = sum(
        decided(binary(seed, days=days, rows=100, challenger=0.8, wobble=0.3)).is_passed
        for seed in range(runs)
    )
    # 2.5 % are 6.25; four standard errors more are 16.
    assert passed <= 16


def test_no_segment_of_twenty_is_refused_by_chance_more_often_than_stated() -> None:
    refused, runs = 0, 60
    for seed in range(runs):
        rows = binary(seed, rows=150, challenger=0.8)
        segment = np.random.default_rng(seed).integers(0, 20, len(rows.labels))
        found = decided(rows, segments=groups(segment, "g", is_protected=False))
        refused += any(c.is_in_the_way for c in of_kind(found, CheckKind.SEGMENT))
    assert refused <= 6


def test_a_clearly_better_model_passes_nearly_always_also_with_protected_groups() -> None:
    runs = 40
    passed = 0
    for seed in range(runs):
        rows = binary(seed, challenger=0.3)
        segments = groups(np.arange(len(rows.labels)) % 4, "g", is_protected=True)
        passed += decided(rows, segments=segments).is_passed
    assert passed >= 0.9 * runs
