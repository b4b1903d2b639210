"""Estimates: they warn, page only where nothing better is known, and answer for their record."""

from __future__ import annotations

from typing import Any

import pytest

from monitoring_dagster.decisions.record import FEWEST, KEPT_DAYS
from monitoring_dagster.decisions.rules.estimates import BLIND
from monitoring_dagster.decisions.verdict import Level, Reason, Rule
from monitoring_dagster.metrics.measurement import Estimate, Measurement

SLOS = [{"name": "exactness", "metric": "accuracy", "at_least": 0.85}]


@pytest.fixture(scope="module")
def judge(world) -> Any:
    return world.watched_by(slos=SLOS).judge


def guess(value: float, half: float = 0.02, name: str = "estimated_accuracy") -> Measurement:
    return Measurement(name, Estimate(value, value - half, value + half, 500))


def truth(value: float, maturity: str) -> Measurement:
    return Measurement(
        "accuracy", Estimate(value, value - 0.03, value + 0.03, 500), maturity=maturity
    )


def told(judge, drawn, *measured: Measurement) -> Any:
    judged = judge.judge(drawn.first, list(measured))
    return drawn.about(judged, Rule.ESTIMATE, measured[0].metric)


def test_an_estimate_like_the_reference_is_quiet(judge, drawn) -> None:
    said = told(judge, drawn, guess(0.9))
    assert not said.is_alert
    assert BLIND not in said.text


def test_an_estimate_that_fell_warns_and_says_what_it_cannot_see(judge, drawn) -> None:
    said = told(judge, drawn, guess(0.86, 0.03))
    assert told(judge, drawn, guess(0.82, 0.05)).level is Level.WARN
    assert said.level is not Level.CRITICAL
    assert told(judge, drawn, guess(0.82, 0.05)).text.endswith(BLIND)


def test_an_estimate_pages_where_its_whole_band_misses_an_objective(judge, drawn) -> None:
    said = told(judge, drawn, guess(0.8))
    assert (said.level, said.reason) == (Level.CRITICAL, Reason.BEYOND_OBJECTIVE)
    assert "its band 0.78 to 0.82 lies beyond the objective exactness (0.85)" in said.text
    assert said.text.endswith(BLIND)
    assert told(judge, drawn, guess(0.8, 0.06)).level is Level.WARN


def test_an_estimate_without_an_objective_never_pages(world, drawn) -> None:
    assert told(world.judge, drawn, guess(0.5)).level is Level.WARN


@pytest.mark.parametrize(
    ("maturity", "level"), [("final", Level.WARN), ("provisional", "critical")]
)
def test_once_labels_are_final_an_estimate_pages_nobody(judge, drawn, maturity, level) -> None:
    said = told(judge, drawn, guess(0.8), truth(0.9, maturity))
    assert said.level == level
    if maturity == "final":
        assert said.text.endswith("labels have come since: it was 0.9")
        assert said.details["realised"] == 0.9


def test_the_better_estimate_is_told_where_there_are_two(judge, drawn) -> None:
    adapted = guess(0.89, name="shift_adapted_accuracy")
    judged = judge.judge(drawn.first, [guess(0.8), adapted])
    said = [v for v in judged.verdicts if v.subject.rule is Rule.ESTIMATE]
    assert [v.subject.metric for v in said] == ["shift_adapted_accuracy"]


def test_an_estimate_closes_nothing(judge, drawn) -> None:
    """What labels prove stays, however good the estimate looks."""
    days = {drawn.after(i): [guess(0.9), truth(0.8, "final")] for i in range(5)}
    last = drawn.follow(judge, days)[drawn.after(4)]
    assert drawn.about(last, Rule.PERFORMANCE, "accuracy").level is Level.CRITICAL


def record_of(judge, drawn, misses: list[float]) -> Any:
    """The state after days whose estimates, with a band of ±.0196, missed by so many points."""
    days = {
        drawn.after(i): [
            guess(0.9, 0.0196),
            Measurement("estimation_error", Estimate(m, -1, 1, 500), "@estimated_accuracy"),
        ]
        for i, m in enumerate(misses)
    }
    return drawn.follow(judge, days)[drawn.after(len(misses) - 1)].state


@pytest.mark.parametrize(
    ("misses", "half"),
    [
        ([0.03] * 8, 0.0588),  # three standard errors of .01 each time
        ([0.002] * 8, 0.0196),  # a good record makes no band narrower
        ([0.03] * (FEWEST - 1), 0.0196),  # too short to tell
    ],
)
def test_a_band_follows_its_record(judge, drawn, misses, half) -> None:
    state = record_of(judge, drawn, misses)
    judged = judge.judge(drawn.after(len(misses)), [guess(0.9, 0.0196)], state)
    said = drawn.about(judged, Rule.ESTIMATE, "estimated_accuracy")
    assert (said.ci_low, said.ci_high) == pytest.approx((0.9 - half, 0.9 + half), abs=1e-4)


def test_a_bad_record_takes_the_page_from_an_estimate(judge, drawn) -> None:
    day = drawn.after(8)
    trusted = judge.judge(day, [guess(0.82, 0.0196)], record_of(judge, drawn, [0.001] * 8))
    doubted = judge.judge(day, [guess(0.82, 0.0196)], record_of(judge, drawn, [0.03] * 8))
    levels = [drawn.about(j, Rule.ESTIMATE, "estimated_accuracy").level for j in (trusted, doubted)]
    assert levels == [Level.CRITICAL, Level.WARN]


def test_a_record_is_forgotten_after_its_days(judge, drawn) -> None:
    state = record_of(judge, drawn, [0.03] * 8)
    later = judge.judge(drawn.after(8 + KEPT_DAYS), [guess(0.9, 0.0196)], state)
    assert later.state.missed == {"estimated_accuracy": {}}
