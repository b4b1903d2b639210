"""The drawn days: the same from the same seed, as different as asked for, with a known truth."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.detection.synthetic import STILL, VICTIMS, Variation, generated, monitor
from benchmarks.detection.world import World
from monitoring_dagster.monitors.contract import Role


def test_the_same_seed_draws_the_same_rows_and_another_one_others() -> None:
    one, again = (generated(50, reference_days=2, days=3, seed=7) for _ in range(2))
    other = generated(50, reference_days=2, days=3, seed=8)
    assert all(one.days[day].equals(again.days[day]) for day in one.days)
    assert not any(one.days[day].equals(other.days[day]) for day in one.days)


def test_still_days_have_exactly_as_many_rows_as_asked_for_and_others_follow_the_week() -> None:
    still = generated(80, reference_days=7, days=14, seed=1, variation=STILL)
    assert {len(rows) for rows in still.days.values()} == {80}
    weekly = generated(10_000, reference_days=7, days=14, seed=1, variation=Variation(rows=0.0))
    sizes = [len(rows) for rows in weekly.days.values()]
    assert sizes[:7] == sizes[7:]
    assert sizes[6] < sizes[5] < sizes[4] < sizes[1]


def test_reference_and_test_days_are_all_days_once(world: World) -> None:
    assert [*world.reference, *world.test] == list(world.days)
    assert len(world.reference) == 6
    assert world.monitor.first_day == next(iter(world.test))


def test_the_score_is_the_chance_of_the_label() -> None:
    world = generated(40_000, reference_days=1, days=2, seed=3, variation=STILL)
    (rows,) = world.test.values()
    known = rows.dropna(subset=["score"])
    low = known["score"] < known["score"].median()
    for half in (known[low], known[~low]):
        expected = half["score"].mean()
        error = np.sqrt(expected * (1 - expected) / len(half))
        assert half["outcome"].mean() == pytest.approx(expected, abs=4 * error)


def test_answers_are_what_the_model_says_of_the_features(world: World) -> None:
    for rows in world.days.values():
        again = world.answered(rows)
        assert again["decision"].equals(rows["decision"])
        np.testing.assert_allclose(again["score"], rows["score"], rtol=1e-12)


def test_requests_that_timed_out_have_no_score_and_no_decision() -> None:
    rows = generated(20_000, reference_days=1, days=1, seed=2).pooled
    failed = rows["status"] != "ok"
    assert 0 < failed.mean() < 0.01
    assert rows.loc[failed, ["score", "decision"]].isna().all(axis=None)
    assert rows.loc[~failed, ["score", "decision"]].notna().all(axis=None)


def test_features_are_correlated_as_stated() -> None:
    rows = generated(40_000, reference_days=1, days=1, seed=5, variation=STILL).pooled
    assert np.corrcoef(rows["x0"], rows["x1"])[0, 1] == pytest.approx(0.3, abs=0.02)


def test_there_are_thirteen_features_and_the_victims_are_among_them() -> None:
    features = monitor().with_role(Role.FEATURE)
    named = {VICTIMS.number, *VICTIMS.numbers, VICTIMS.frozen, VICTIMS.category}
    assert len(features) == 13
    assert {*named, VICTIMS.segment[0]} <= set(features)


def test_ids_are_unique_over_all_days(world: World) -> None:
    ids = [i for rows in world.days.values() for i in rows["request"]]
    assert len(set(ids)) == len(ids)
