"""Judging is a function of the days: not of the run that judged them, nor of any order within."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitoring_dagster.decisions.state import State
from monitoring_dagster.decisions.verdict import Level, Rule
from monitoring_dagster.metrics.measurement import Estimate, Measurement, Reason, Status

SLOS = [{"name": "exactness", "metric": "accuracy", "at_least": 0.88, "target": 0.9}]


@pytest.fixture(scope="module")
def watch(world) -> Any:
    return world.watched_by(slos=SLOS)


@pytest.fixture(scope="module")
def judge(watch) -> Any:
    return watch.judge


@pytest.fixture(scope="module")
def days(world, drawn) -> Any:
    """Two weeks of which the second has more errors, moved inputs, gaps, and a new version."""
    worse = drawn.Drawing(errors=0.14, shifts={"x0": 0.25}, nulls={"x2": 0.05})
    second = drawn.Drawing(errors=0.14, version="2")
    found = world.days(*[None] * 6, *[worse] * 6, *[second] * 2)
    for i, measured in enumerate(found.values()):
        measured.append(Measurement("estimated_accuracy", Estimate(0.89, 0.86, 0.92, 500)))
        measured.append(
            Measurement("estimation_error", Estimate(0.02, -1, 1, 500), "@estimated_accuracy")
        )
        if i % 5 == 4:
            found[drawn.after(i)] = drawn.lost(measured, lambda m: m.column == "x0")
    del found[drawn.after(8)]
    return found


def test_days_judged_one_by_one_end_as_days_judged_in_one_go(judge, drawn, days) -> None:
    at_once = drawn.follow(judge, days)
    text = ""
    for day in sorted(days):
        one = judge.judge(day, days[day], State.from_json(text) if text else None)
        text = one.state.to_json()
        assert repr(one.verdicts) == repr(at_once[day].verdicts)
        assert text == at_once[day].state.to_json()


def test_days_judged_again_from_the_start_end_the_same(judge, world, drawn, days) -> None:
    first, again = drawn.follow(judge, days), drawn.follow(world.watched_by(slos=SLOS).judge, days)
    assert repr(first) == repr(again)
    later = {day: m for day, m in days.items() if day > drawn.after(6)}
    resumed = drawn.follow(judge, later, first[drawn.after(6)].state)
    assert {d: repr(j) for d, j in resumed.items()} == {d: repr(first[d]) for d in later}


@pytest.mark.parametrize("seed", range(4))
def test_verdicts_do_not_depend_on_the_order_of_measurements(judge, drawn, days, seed) -> None:
    chance = random.Random(seed)
    shuffled = {day: chance.sample(m, len(m)) for day, m in days.items()}
    straight, mixed = drawn.follow(judge, days), drawn.follow(judge, shuffled)
    for day in days:
        assert by_subject(mixed[day]) == by_subject(straight[day])
        assert mixed[day].state.to_json() == straight[day].state.to_json()


def by_subject(judged: Any) -> list[str]:
    return sorted(repr(v) for v in judged.verdicts)


METRICS = {
    "psi": ["x0", "x1", "c0", "chance"],
    "null_rate_change": ["x0", "x2"],
    "rows": [""],
    "snapshot_rows": ["@features", "@labels"],
    "quarantine_rate": ["@features"],
    "latency_p95": ["ms"],
    "accuracy": [""],
    "roc_auc": [""],
    "label_coverage": [""],
    "estimated_accuracy": [""],
    "estimation_error": ["@estimated_accuracy"],
}
ESTIMATES = st.one_of(
    st.builds(
        lambda value, half, n: Estimate(value, value - half, value + half, n),
        st.floats(0, 1),
        st.floats(0, 0.2),
        st.integers(0, 5_000),
    ),
    st.builds(
        Estimate.without,
        st.sampled_from([s for s in Status if s is not Status.OK]),
        st.sampled_from(Reason),
        st.sampled_from(["the check of `x0` failed", "the check of `region` failed"]),
    ),
)
ANY = st.sampled_from([(m, c) for m, columns in METRICS.items() for c in columns]).flatmap(
    lambda about: st.builds(
        Measurement,
        st.just(about[0]),
        ESTIMATES,
        st.just(about[1]),
        st.sampled_from(["all", "region=north", "region=south"]),
        st.sampled_from(["all", "1", "2"]),
        maturity=st.sampled_from([None, "final", "provisional"]),
    )
)


DAY = st.lists(
    ANY, max_size=15, unique_by=lambda m: (m.metric, m.column, m.segment, m.model_version)
)


@settings(max_examples=50)
@given(st.lists(DAY, min_size=1, max_size=3))
def test_whatever_is_measured_each_subject_has_one_verdict_in_any_order(watch, drawn, many) -> None:
    judge, state = watch.judge, None
    for i, measured in enumerate(many):
        judged = judge.judge(drawn.after(i), measured, state)
        subjects = [v.subject for v in judged.verdicts]
        assert len(set(subjects)) == len(subjects)
        assert all(v.text and v.reason for v in judged.verdicts)
        pages = {v.subject.rule for v in judged.verdicts if v.level is Level.CRITICAL}
        assert not pages & {Rule.DRIFT, Rule.OPERATIONS}
        text = judged.state.to_json()
        assert State.from_json(text).to_json() == text
        turned = judge.judge(drawn.after(i), measured[::-1], state)
        assert (by_subject(turned), turned.state.to_json()) == (by_subject(judged), text)
        state = judged.state
