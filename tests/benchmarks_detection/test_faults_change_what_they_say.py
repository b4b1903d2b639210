"""The faults: each changes the rows that it says, by what it says, and nothing else."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from scipy import stats

from benchmarks.detection.faults import SIZES, Fault, catalogue
from benchmarks.detection.world import Frame, World

Day = tuple[dt.date, Frame]

ANSWERS = {"score", "decision"}
CHANGED = {
    "mean_shift": {"x0"} | ANSWERS,
    "scale_shift": {"x0"} | ANSWERS,
    "many_shift": {"x0", "x1", "x2", "x3", "x6", "x7"} | ANSWERS,
    "slow_ramp": {"x0"} | ANSWERS,
    "category_mix": {"product"} | ANSWERS,
    "new_category": {"product"} | ANSWERS,
    "null_burst": {"x0"} | ANSWERS,
    "unit_change": {"x0"} | ANSWERS,
    "frozen_column": {"x7"} | ANSWERS,
    "concept": {"outcome"},
    "concept_in_segment": {"outcome"},
    "latency_creep": {"latency_ms"},
}


def changed(before: Frame, after: Frame) -> set[str]:
    return {name for name in before if not before[name].equals(after[name])}


def test_there_are_fourteen_kinds_in_three_sizes(world: World) -> None:
    faults = catalogue(world)
    assert len({fault.kind for fault in faults}) == 14
    assert [fault.size for fault in faults] == list(SIZES) * 14


@pytest.mark.parametrize("kind", sorted(CHANGED))
def test_a_fault_changes_its_columns_and_no_other(
    kind: str, day: Day, world: World, faults: dict[str, Fault]
) -> None:
    after = faults[f"{kind}/large"].inject(world, day[1], day=2, seed=1)
    assert changed(day[1], after) <= CHANGED[kind]
    assert (CHANGED[kind] - ANSWERS) <= changed(day[1], after)


def test_a_fault_is_the_same_from_the_same_seed_and_leaves_its_rows_alone(
    day: Day, world: World
) -> None:
    untouched = day[1].copy(deep=True)
    for fault in catalogue(world):
        one, again = (fault.inject(world, day[1], day=3, seed=5) for _ in range(2))
        assert one.equals(again), fault.name
    assert day[1].equals(untouched)


def test_shifts_are_counted_in_standard_deviations_of_the_reference(
    day: Day, world: World, faults: dict[str, Fault]
) -> None:
    spread = np.concatenate([rows["x0"] for rows in world.reference.values()]).std(ddof=1)
    moved = faults["mean_shift/medium"].inject(world, day[1], day=0, seed=1)
    np.testing.assert_allclose(moved["x0"] - day[1]["x0"], 0.6 * spread, rtol=1e-12)
    ramped = faults["slow_ramp/large"].inject(world, day[1], day=9, seed=1)
    np.testing.assert_allclose(ramped["x0"] - day[1]["x0"], 1.0 * spread, rtol=1e-12)


def test_a_wider_spread_keeps_the_reference_mean_in_place(
    day: Day, world: World, faults: dict[str, Fault]
) -> None:
    after = faults["scale_shift/large"].inject(world, day[1], day=0, seed=1)
    assert after["x0"].std() == pytest.approx(2 * day[1]["x0"].std())
    mean = world.pooled["x0"].mean()
    assert after["x0"].mean() - mean == pytest.approx(2 * (day[1]["x0"].mean() - mean))


@pytest.mark.parametrize(
    ("name", "column", "is_hit"),
    [
        ("new_category/large", "product", lambda v: v == "never seen"),
        ("null_burst/large", "x0", lambda v: v.isna()),
    ],
    ids=["a new category", "nulls"],
)
def test_a_share_of_rows_is_hit_within_chance(
    name: str, column: str, is_hit, day: Day, world: World, faults: dict[str, Fault]
) -> None:
    fault = faults[name]
    hit = int(is_hit(fault.inject(world, day[1], day=0, seed=1)[column]).sum())
    low, high = stats.binom.interval(0.9999, len(day[1]), fault.amount)
    assert low <= hit <= high


def test_all_rows_are_hit_where_all_are_said(
    day: Day, world: World, faults: dict[str, Fault]
) -> None:
    times_100 = faults["unit_change/large"].inject(world, day[1], day=0, seed=1)
    np.testing.assert_allclose(times_100["x0"], 100 * day[1]["x0"])
    assert faults["frozen_column/large"].inject(world, day[1], day=0, seed=1)["x7"].nunique() == 1


def test_labels_that_change_places_keep_their_number(
    day: Day, world: World, faults: dict[str, Fault]
) -> None:
    for kind in ("concept", "concept_in_segment"):
        after = faults[f"{kind}/large"].inject(world, day[1], day=0, seed=1)
        assert after["outcome"].sum() == day[1]["outcome"].sum()


def test_concept_drift_in_a_segment_leaves_the_others_alone(
    day: Day, world: World, faults: dict[str, Fault]
) -> None:
    after = faults["concept_in_segment/large"].inject(world, day[1], day=0, seed=1)
    elsewhere = day[1]["region"] != "south"
    assert after[elsewhere].equals(day[1][elsewhere])
    assert faults["concept_in_segment/large"].blame.segment == "region=south"


def test_the_odds_of_the_label_rise_as_stated_while_ids_and_times_stay(
    day: Day, world: World, faults: dict[str, Fault]
) -> None:
    def odds(rows: Frame) -> float:
        return rows["outcome"].sum() / (rows["outcome"] == 0).sum()

    after = faults["label_prior/large"].inject(world, day[1], day=0, seed=1)
    assert odds(after) / odds(day[1]) == pytest.approx(2.5, rel=0.02)
    assert after[["request", "asked_at", "latency_ms"]].equals(
        day[1][["request", "asked_at", "latency_ms"]]
    )


def test_latency_creeps_by_the_day(day: Day, world: World, faults: dict[str, Fault]) -> None:
    after = faults["latency_creep/large"].inject(world, day[1], day=4, seed=1)
    np.testing.assert_allclose(after["latency_ms"], 1.5 * day[1]["latency_ms"])


def test_a_part_of_the_day_comes_twice_row_by_row(
    day: Day, world: World, faults: dict[str, Fault]
) -> None:
    after = faults["duplicated/medium"].inject(world, day[1], day=0, seed=1)
    assert len(after) == len(day[1]) + round(0.3 * len(day[1]))
    assert after.drop_duplicates().equals(day[1])
