"""Errors: more than the reference allows are paged, fewer never, and only what is final counts."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from monitoring_dagster.decisions.judge import Judged
from monitoring_dagster.decisions.state import Series, State
from monitoring_dagster.decisions.verdict import Level, Reason, Rule, Verdict
from monitoring_dagster.metrics.intervals import wilson
from monitoring_dagster.metrics.measurement import Estimate, Measurement

SEEDS = 40
LABELS = 500


def accuracy(errors: int, n: int = LABELS, **more: Any) -> Measurement:
    """What is measured of a day with so many errors."""
    estimate = Estimate(1 - errors / n, *wilson(n - errors, n), n)
    return Measurement("accuracy", estimate, **({"maturity": "final"} | more))


def streams(world, drawn, share: float, days: int) -> Iterator[list[Verdict]]:
    """Days with this share of errors, judged in order, once for every seed."""
    for seed in range(SEEDS):
        errors = np.random.default_rng(seed).binomial(LABELS, share, days).tolist()
        measured = {drawn.after(i): [accuracy(k)] for i, k in enumerate(errors)}
        judged = drawn.follow(world.judge, measured)
        yield [drawn.about(j, Rule.PERFORMANCE, "accuracy") for j in judged.values()]


def pages(said: list[Verdict]) -> list[int]:
    """The days, counted from 1, on which somebody was paged."""
    return [day for day, v in enumerate(said, start=1) if v.level is Level.CRITICAL]


def test_errors_that_rise_from_10_to_12_percent_are_paged_within_8_days(world, drawn) -> None:
    firsts = [min(pages(said), default=math.inf) for said in streams(world, drawn, 0.12, 25)]
    assert np.median(firsts) <= 8
    assert max(firsts) <= 25


def test_errors_as_in_the_reference_and_fewer_are_never_paged(world, drawn) -> None:
    for share in (0.1, 0.08, 0.04):
        for said in streams(world, drawn, share, 40):
            assert not pages(said), share
            assert not [v for v in said if v.is_alert], share


def test_a_page_says_how_many_errors_there_are_and_how_many_are_tolerated(world, drawn) -> None:
    days = {drawn.after(i): [accuracy(75)] for i in range(6)}
    said = [
        drawn.about(j, Rule.PERFORMANCE, "accuracy")
        for j in drawn.follow(world.judge, days).values()
    ]
    page = said[pages(said)[0] - 1]
    assert (page.level, page.reason) == (Level.CRITICAL, Reason.HARMFUL)
    assert page.evidence >= page.threshold
    assert page.details["loss"] == pytest.approx(0.15)
    assert 0.1 < page.details["tolerated_loss"] < 0.12
    assert "errors have risen beyond what the reference allows: 15 %" in page.text
    assert f"{100 * page.details['tolerated_loss']:.3g} % are tolerated" in page.text
    assert "accuracy is 0.85" in page.text


def test_every_page_says_since_when(world, drawn) -> None:
    for said in streams(world, drawn, 0.12, 25):
        for v in (said[day - 1] for day in pages(said)):
            assert v.since is not None
            assert v.days >= 1


def test_an_alert_of_errors_ends_soon_after_its_cause(world, drawn) -> None:
    errors = [75] * 30 + [50] * 30
    days = {drawn.after(i): [accuracy(k)] for i, k in enumerate(errors)}
    said = [
        drawn.about(j, Rule.PERFORMANCE, "accuracy")
        for j in drawn.follow(world.judge, days).values()
    ]
    assert pages(said)[-1] < 45
    assert not said[-1].is_alert


def test_errors_in_one_segment_are_paged_for_it(world, drawn) -> None:
    days = {drawn.after(i): [accuracy(70, 250, segment="region=north")] for i in range(8)}
    judged = drawn.follow(world.judge, days)
    last = drawn.about(judged[drawn.after(7)], Rule.PERFORMANCE, "accuracy", "", "region=north")
    assert last.level is Level.CRITICAL
    assert "errors in region=north have risen" in last.text


def test_provisional_labels_are_not_judged(world, drawn) -> None:
    wrong = drawn.Drawing(errors=0.5)
    judged = drawn.follow(world.judge, world.days(*[wrong] * 3, maturity="provisional"))
    for day in judged.values():
        said = [v for v in day.verdicts if v.subject.rule is Rule.PERFORMANCE]
        assert {(v.level, v.reason) for v in said} == {(Level.NO_DATA, Reason.PROVISIONAL)}
        assert not [k for k, s in day.state.series.items() if "performance" in k and s != Series()]
    text = drawn.about(judged[drawn.first], Rule.PERFORMANCE, "accuracy").text
    assert text == "accuracy is not judged while labels are still expected"


def test_a_day_without_labels_leaves_the_evidence_as_it_was(world, drawn) -> None:
    before = drawn.follow(world.judge, {drawn.after(i): [accuracy(70)] for i in range(2)})
    state = before[drawn.after(1)].state
    nothing = drawn.lost([accuracy(0)], lambda _: True)
    after = world.judge.judge(drawn.after(2), nothing, state)
    key = drawn.about(after, Rule.PERFORMANCE, "accuracy").subject.key
    kept, was = after.state.series[key], state.series[key]
    assert (kept.log_e, kept.up.total, kept.up.days) == (was.log_e, was.up.total, was.up.days)
    assert max(was.log_e) > 0


def served(version: str, n: int = 500) -> Measurement:
    return Measurement("rows", Estimate.exact(n, n), model_version=version)


@pytest.fixture(scope="module")
def troubled(world, drawn) -> State:
    """The state after five days with more errors, shifted inputs, and an estimate."""
    drawing = drawn.Drawing(errors=0.13, shifts={"x0": 0.2})
    days = world.days(*[drawing] * 5)
    for i, measured in enumerate(days.values()):
        measured.append(Measurement("estimated_accuracy", Estimate(0.88, 0.85, 0.91, 500)))
        measured.append(
            Measurement("estimation_error", Estimate(0.01 * i, -1, 1, 500), "@estimated_accuracy")
        )
    return drawn.follow(world.judge, days)[drawn.after(4)].state


def by_rule(judged: Judged, *rules: Rule) -> dict[str, Series]:
    return {k: s for k, s in judged.state.series.items() if k.split("|")[0] in rules}


def test_a_new_model_version_restarts_what_watches_performance_and_nothing_else(
    world, drawn, troubled
) -> None:
    of_model = (Rule.PERFORMANCE, Rule.ESTIMATE)
    others = [rule for rule in Rule if rule not in of_model]
    second = world.measured(5, drawn.Drawing(errors=0.13, shifts={"x0": 0.2}, version="2"))
    second.append(Measurement("estimated_accuracy", Estimate(0.88, 0.85, 0.91, 500)))
    assert troubled.model_versions == ("1",)
    judged = world.judge.judge(drawn.after(5), second, troubled)
    from_scratch = world.judge.judge(drawn.after(5), second)
    as_before = [m for m in second if m.metric not in ("rows", "requests", "predictions")]
    going_on = world.judge.judge(drawn.after(5), [*as_before, served("1")], troubled)
    assert judged.state.model_versions == ("1", "2")
    assert by_rule(judged, *of_model) == by_rule(from_scratch, *of_model)
    drift = by_rule(judged, Rule.DRIFT, Rule.OPERATIONS)
    assert drift == by_rule(going_on, Rule.DRIFT, Rule.OPERATIONS)
    assert drift != by_rule(from_scratch, *others)
    assert judged.state.missed == troubled.missed
    key = drawn.about(judged, Rule.PERFORMANCE, "accuracy").subject.key
    assert judged.state.series[key].log_e != going_on.state.series[key].log_e


def test_a_day_without_traffic_is_no_new_version(world, drawn, troubled) -> None:
    judged = world.judge.judge(drawn.after(5), [], troubled)
    assert judged.state.model_versions == ("1",)
    assert judged.state.series.keys() == troubled.series.keys()


def test_a_version_that_serves_less_is_no_new_version(world, drawn, troubled) -> None:
    both = [served("1", 300), served("2", 200), accuracy(50)]
    assert world.judge.judge(drawn.after(5), both, troubled).state.model_versions == ("1",)
    other = [served("1", 200), served("2", 300), accuracy(50)]
    second = world.judge.judge(drawn.after(5), other, troubled)
    assert second.state.model_versions == ("1", "2")


def test_two_versions_that_take_turns_restart_nothing(world, drawn, troubled) -> None:
    ahead = [served("1", 200), served("2", 300), accuracy(50)]
    behind = [served("1", 300), served("2", 200), accuracy(50)]
    begun = world.judge.judge(drawn.after(5), ahead, troubled).state
    kept = world.judge.judge(drawn.after(6), behind, begun)
    alone = world.judge.judge(drawn.after(6), [accuracy(50)], begun)
    key = drawn.about(kept, Rule.PERFORMANCE, "accuracy").subject.key
    assert kept.state.series[key] == alone.state.series[key]
    assert kept.state.model_versions == ("2", "1")


def test_performance_by_version_is_judged_where_several_serve(world, drawn) -> None:
    one = accuracy(25, 250, model_version="1")
    two = accuracy(100, 250, model_version="2")
    judged = world.judge.judge(drawn.first, [served("1", 250), served("2", 250), one, two])
    said = {
        v.subject.model_version: v.level
        for v in judged.verdicts
        if v.subject.rule is Rule.PERFORMANCE
    }
    assert said["2"] is Level.WARN
    assert said["1"] is not Level.WARN
    alone = world.judge.judge(drawn.first, [served("2", 250), two])
    assert not [v for v in alone.verdicts if v.subject.rule is Rule.PERFORMANCE]
