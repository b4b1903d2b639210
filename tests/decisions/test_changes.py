"""Changes of inputs: what is real and large alerts, what is not says why, and drift never pages."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitoring_dagster.decisions.verdict import Level, Reason, Rule
from monitoring_dagster.metrics.measurement import Estimate, Measurement, Status

QUIET = {Level.OK, Level.NOT_ENOUGH_DATA}


@pytest.fixture(scope="module")
def quiet(world, drawn) -> Any:
    """Thirty days without a change, judged in order."""
    return drawn.follow(world.judge, world.days(*[None] * 30))


def test_a_day_without_a_change_is_ok(quiet, drawn) -> None:
    first = quiet[drawn.first]
    assert {v.level for v in first.verdicts} <= QUIET
    for column in ("x1", "x2", "c0"):
        said = drawn.about(first, Rule.DRIFT, "psi", column)
        assert (said.level, said.reason) == (Level.OK, Reason.WITHIN_NOISE)
        assert (said.since, said.days) == (None, 0)
    rows = drawn.about(first, Rule.DATA, "snapshot_rows", "@features")
    assert (rows.level, rows.text) == (Level.OK, "500 rows of features")


def test_a_month_without_a_change_alerts_on_one_day_at_most(quiet) -> None:
    alerted = [day for day, judged in quiet.items() if any(v.is_alert for v in judged.verdicts)]
    assert len(alerted) <= 1


def test_a_jump_on_one_day_is_sudden_and_gone_on_the_next(world, drawn) -> None:
    jump = drawn.Drawing(shifts={"x1": 0.6})
    judged = drawn.follow(world.judge, world.days(None, jump, None))
    before, on, after = (drawn.about(j, Rule.DRIFT, "psi", "x1") for j in judged.values())
    assert before.reason is Reason.WITHIN_NOISE
    assert (on.level, on.reason) == (Level.WARN, Reason.SUDDEN)
    assert (on.since, on.days) == (drawn.after(1), 1)
    assert on.effect == pytest.approx(0.6, abs=0.15)
    assert on.value > on.null_high
    assert "more than noise explains on a single day" in on.text
    assert "`x1` moved by 0." in on.text
    assert (after.level, after.since, after.days) == (Level.OK, None, 0)


def test_what_is_large_but_not_real_does_not_alert(world, drawn) -> None:
    few = drawn.Drawing(rows=60, shifts={"x1": 0.35})
    for seed in range(6):
        judged = world.judge.judge(drawn.first, world.measured(seed, few))
        said = drawn.about(judged, Rule.DRIFT, "psi", "x1")
        assert (said.level, said.reason) == (Level.NOT_ENOUGH_DATA, Reason.TOO_FEW_ROWS)


def test_what_is_real_but_not_large_does_not_alert(world, drawn) -> None:
    many = drawn.Drawing(rows=2_000, shifts={"x1": 0.22})
    judged = world.judge.judge(drawn.first, world.measured(0, many))
    said = drawn.about(judged, Rule.DRIFT, "psi", "x1")
    assert (said.level, said.reason) == (Level.OK, Reason.BELOW_MINIMUM_EFFECT)
    assert said.details["p_value"] < 1e-5
    assert said.text.endswith("real, and smaller than the 0.30 σ that count")


def test_an_important_feature_is_watched_with_the_smaller_minimum(world, drawn) -> None:
    judged = world.judge.judge(drawn.first, world.measured(0))
    least = {c: drawn.about(judged, Rule.DRIFT, "psi", c).minimum_effect for c in ("x0", "x1")}
    assert least == {"x0": 0.2, "x1": 0.3}


def test_too_few_rows_say_the_smallest_change_that_today_could_show(world, drawn) -> None:
    judged = world.judge.judge(drawn.first, world.measured(0, drawn.Drawing(rows=100)))
    said = drawn.about(judged, Rule.DRIFT, "psi", "x1")
    assert (said.level, said.reason) == (Level.NOT_ENOUGH_DATA, Reason.TOO_FEW_ROWS)
    assert said.smallest_effect > said.minimum_effect == 0.3
    assert said.text.endswith(f"100 rows could not show less than {said.smallest_effect:.2f} σ")


def test_a_small_shift_that_lasts_is_found_by_its_chart_and_says_for_how_long(world, drawn) -> None:
    shifted = [None] * 3 + [drawn.Drawing(rows=120, shifts={"x0": 0.36})] * 12
    judged = drawn.follow(world.judge, world.days(*shifted))
    said = {day: drawn.about(j, Rule.DRIFT, "psi", "x0") for day, j in judged.items()}
    lasting = [day for day, v in said.items() if v.reason is Reason.LASTING]
    assert lasting
    first = said[lasting[0]]
    assert lasting[0] < drawn.after(12)
    assert Reason.SUDDEN not in {v.reason for day, v in said.items() if day <= lasting[0]}
    assert first.level is Level.WARN
    assert first.evidence >= first.threshold
    assert first.details["lasting_days"] == pytest.approx((lasting[0] - drawn.after(3)).days, abs=3)
    mean, days = first.details["lasting_effect"], first.details["lasting_days"]
    assert first.text.endswith(f"it lasts, {mean:.2f} σ on average over {days} days")
    assert mean == pytest.approx(0.36, abs=0.1)


def test_an_alert_that_goes_on_counts_its_days(world, drawn) -> None:
    judged = drawn.follow(world.judge, world.days(*[drawn.Drawing(shifts={"x1": 0.6})] * 4))
    said = [drawn.about(j, Rule.DRIFT, "psi", "x1") for j in judged.values()]
    assert [v.days for v in said] == [1, 2, 3, 4]
    assert {v.since for v in said} == {drawn.first}
    assert ", 4th day in a row" in said[-1].text


def test_nulls_that_become_more_and_fewer_are_both_drift(world, drawn) -> None:
    more = drawn.Drawing(nulls={"x2": 0.1})
    judged = world.judge.judge(drawn.first, world.measured(0, more))
    said = drawn.about(judged, Rule.DRIFT, "null_rate_change", "x2")
    assert (said.level, said.effect_unit) == (Level.WARN, "points")
    assert said.effect == pytest.approx(0.1, abs=0.04)
    assert "points more nulls" in said.text


def test_slower_answers_warn_and_faster_ones_do_not(world, drawn) -> None:
    slow, fast = drawn.Drawing(slower=1.5), drawn.Drawing(slower=0.6)
    judged = drawn.follow(world.judge, world.days(slow, fast))
    said = [drawn.about(j, Rule.OPERATIONS, "latency_p50", "ms") for j in judged.values()]
    assert said[0].level is Level.WARN
    assert said[1].level in QUIET
    assert said[0].effect == pytest.approx(0.5, abs=0.15)
    assert said[0].effect_unit == "relative"


def test_half_of_the_traffic_warns_and_pages_nobody(world, drawn) -> None:
    judged = world.judge.judge(drawn.first, world.measured(0, drawn.Drawing(rows=250)))
    said = drawn.about(judged, Rule.DATA, "rows")
    assert (said.level, said.reason) == (Level.WARN, Reason.SUDDEN)
    assert said.effect == pytest.approx(-0.5, abs=0.02)


def test_a_day_without_a_value_neither_resets_nor_fires(world, drawn) -> None:
    shifted = drawn.Drawing(shifts={"x0": 0.22})
    days = world.days(*[shifted] * 7)
    days[drawn.after(5)] = drawn.lost(days[drawn.after(5)], lambda m: m.column == "x0")
    judged = drawn.follow(world.judge, days)
    key = drawn.about(judged[drawn.first], Rule.DRIFT, "psi", "x0").subject.key
    sums = [j.state.series[key].up for j in judged.values()]
    assert sums[4].total > 1
    assert (sums[5].total, sums[5].days, sums[5].effects) == (
        sums[4].total,
        sums[4].days,
        sums[4].effects,
    )
    assert sums[5].z is None
    assert sums[6].days == sums[4].days + 1
    said = drawn.about(judged[drawn.after(5)], Rule.DRIFT, "psi", "x0")
    assert (said.level, said.reason, said.value) == (Level.NO_DATA, "no_rows", None)
    assert said.text == "psi of `x0` has no value: nothing came"


def test_a_missing_day_neither_resets_nor_fires(world, drawn) -> None:
    shifted = drawn.Drawing(rows=120, shifts={"x0": 0.3})
    days = world.days(*[shifted] * 13)
    gone = {drawn.after(i) for i in range(5, 12)}  # a week, so that weekdays stay the same
    judged = drawn.follow(world.judge, {d: m for d, m in days.items() if d not in gone})
    key = drawn.about(judged[drawn.first], Rule.DRIFT, "psi", "x0").subject.key
    before, after = (judged[drawn.after(i)].state.series[key].up for i in (4, 12))
    assert before.total > 1
    assert after.days == before.days + 1
    assert after.total > before.total - 1
    assert not drawn.about(judged[drawn.after(12)], Rule.DRIFT, "psi", "x0").is_alert


def test_an_alert_outlasts_a_day_without_a_value(world, drawn) -> None:
    shifted = drawn.Drawing(shifts={"x1": 0.6})
    days = world.days(shifted, shifted, shifted)
    days[drawn.after(1)] = drawn.lost(days[drawn.after(1)], lambda m: m.column == "x1")
    judged = drawn.follow(world.judge, days)
    said = [drawn.about(j, Rule.DRIFT, "psi", "x1") for j in judged.values()]
    assert [v.level for v in said] == [Level.WARN, Level.NO_DATA, Level.WARN]
    assert (said[2].since, said[2].days) == (drawn.first, 2)


def test_what_the_reference_tells_nothing_of_is_not_judged(world, drawn) -> None:
    unknown = Measurement("psi", Estimate(3.0, math.nan, math.nan, 500), "x1", "region=west")
    judged = world.judge.judge(drawn.first, [unknown])
    said = drawn.about(judged, Rule.DRIFT, "psi", "x1", "region=west")
    assert (said.level, said.reason) == (Level.NOT_ENOUGH_DATA, Reason.NO_REFERENCE)


def test_columns_that_the_document_no_longer_names_are_passed_over(world, drawn) -> None:
    kept = {k: v for k, v in drawn.document["columns"].items() if k != "x2"}
    judge = world.watched_by(columns=kept).judge
    judged = judge.judge(drawn.first, world.measured(0))
    assert {v.subject.column for v in judged.verdicts if v.subject.metric == "psi"} == {
        "x0",
        "x1",
        "c0",
        "chance",
    }


NUMBERS = st.one_of(
    st.floats(0, 60), st.sampled_from([0.0, 1e-9, 0.3, 25.0, 1e300]), st.floats(-1, 1)
)
DRIFT = st.builds(
    Measurement,
    st.sampled_from(["psi", "null_rate_change"]),
    st.builds(
        Estimate,
        NUMBERS,
        st.just(math.nan),
        st.just(math.nan),
        st.integers(0, 10**7),
        st.sampled_from([Status.OK, Status.OK, Status.OK, Status.NOT_ENOUGH_DATA]),
    ),
    st.sampled_from(["x0", "x1", "x2", "c0", "chance"]),
    st.sampled_from(["all", "region=north", "region=south", "region=west"]),
)


@settings(max_examples=60)
@given(st.lists(st.lists(DRIFT, max_size=12), min_size=1, max_size=5))
def test_drift_never_pages_whatever_is_measured(world, drawn, many) -> None:
    days = {drawn.after(i): measured for i, measured in enumerate(many)}
    for judged in drawn.follow(world.judge, days).values():
        drift = [v for v in judged.verdicts if v.subject.rule is Rule.DRIFT]
        assert not [v for v in drift if v.level is Level.CRITICAL]
        assert not [v for v in judged.verdicts if v.subject.rule is Rule.OPERATIONS]
        assert len({v.subject for v in judged.verdicts}) == len(judged.verdicts)


def test_alerts_come_first_and_the_most_impact_first_of_all(world, drawn) -> None:
    moved = drawn.Drawing(shifts={"x0": 0.5, "x1": 0.8, "x2": 0.8})
    judged = world.judge.judge(drawn.first, world.measured(0, moved))
    drift = [v for v in judged.verdicts if v.subject.rule is Rule.DRIFT]
    alerts = [v for v in drift if v.is_alert]
    assert drift[: len(alerts)] == alerts
    assert [v.impact or 0 for v in alerts] == sorted([v.impact or 0 for v in alerts], reverse=True)
    whole = [v for v in alerts if v.subject.segment == "all"]
    assert [v.subject.column for v in whole] == ["x0", "x1", "x2"]
    first, second, third = whole
    assert (first.importance_rank, first.importance_of) == (1, 4)
    assert first.importance == pytest.approx(0.8)
    assert first.impact == pytest.approx(0.8 * first.effect)
    assert second.impact == pytest.approx(0.2 * second.effect)
    assert (third.importance_rank, third.importance, third.impact) == (4, 0.0, 0.0)
    assert "importance rank 1 of 4" in first.text


def test_scores_have_no_importance_of_their_own(world, drawn) -> None:
    said = drawn.about(
        world.judge.judge(drawn.first, world.measured(0)), Rule.DRIFT, "psi", "chance"
    )
    assert (said.importance, said.importance_rank, said.impact) == (None, None, None)
