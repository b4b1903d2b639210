"""What noise answers, measurement by measurement, and what it says where little is known."""

import dataclasses
import datetime as dt
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from monitoring_dagster.decisions.noise import Against, Noise
from monitoring_dagster.decisions.noise.judged import (
    DISTANCES,
    SIGNED,
    off,
    onto,
    squared,
    unsquared,
)
from monitoring_dagster.metrics import catalogue, drift
from monitoring_dagster.metrics.measurement import Estimate, Measurement, Reason, Status
from monitoring_dagster.profiles.profile import ALL, ColumnCounts, Group, GroupCounts, Profile

DAY = dt.date(2026, 5, 6)


def one(noise: Noise, m: Measurement, level: float = 1e-3) -> Against | None:
    return noise.against(DAY, [m], level=level)[0]


def of(metric: str, value: float, n: int, column: str = "x0", **more: str) -> Measurement:
    return Measurement(metric, Estimate(value, math.nan, math.nan, n), column, **more)


def test_every_judged_metric_is_in_the_catalogue() -> None:
    known = set(catalogue.OF_EVERY_TASK).union(*catalogue.OF_TASK.values())
    assert {*DISTANCES, *SIGNED} <= known
    assert not DISTANCES.keys() & SIGNED.keys()


@given(
    st.sampled_from(sorted(DISTANCES)), st.floats(1e-4, 0.9), st.floats(50, 1e6), st.floats(50, 1e6)
)
def test_squaring_a_distance_can_be_undone(metric, value, n, m) -> None:
    n, m, values = np.array([n]), np.array([m]), np.array([value])
    back = unsquared(metric, squared(metric, values, n, m), n, m)
    assert back == pytest.approx(values, rel=1e-9)


@given(st.sampled_from(sorted(set(SIGNED.values()))), st.floats(0.01, 0.99))
def test_a_scale_can_be_left_again(scale, value) -> None:
    values, n = np.array([value]), np.array([1e3])
    assert off(scale, onto(scale, values, n)) == pytest.approx(values, rel=1e-9)


def test_psi_without_a_change_is_what_its_bins_and_rows_make_it(month) -> None:
    rows = month.reference.rows
    found = one(month.noise, of("psi", 0.01, 905))
    assert found.expected == pytest.approx(9 * (1 / 905 + 1 / rows), rel=0.12)
    high = stats.chi2.isf(1e-3, 9) * (1 / 905 + 1 / rows)
    assert found.null_high == pytest.approx(high, rel=0.2)
    assert found.inflation == pytest.approx(1.0, abs=0.12)
    assert math.isnan(found.null_low)


@settings(max_examples=40)
@given(st.floats(0.0, 1.0), st.sampled_from([60, 905, 40_000]), st.floats(1e-6, 0.2))
def test_a_value_is_beyond_null_high_where_its_p_value_is_below_the_level(
    month, value, n, level
) -> None:
    for metric in ("psi", "kolmogorov_smirnov", "jensen_shannon"):
        found = one(month.noise, of(metric, value, n), level)
        if abs(found.p_value / level - 1) > 0.02:
            assert (value > found.null_high) == (found.p_value < level)


@settings(max_examples=40)
@given(st.floats(0.0, 0.5), st.floats(1e-3, 0.5))
def test_more_drift_is_never_less_of_a_finding(month, value, more) -> None:
    less, greater = month.noise.against(
        DAY, [of("psi", value, 905), of("psi", value + more, 905)], level=1e-3
    )
    assert greater.p_value <= less.p_value
    assert greater.effect >= less.effect
    assert greater.z >= less.z - 1e-9


@pytest.mark.parametrize("n", [500, 905, 5_000])
def test_a_shift_of_a_third_of_a_deviation_is_found_with_its_size(build, month, n) -> None:
    rng = np.random.default_rng(n)
    hours = np.zeros(25, dtype=np.int64)
    counts = GroupCounts(n, {"x0": build.number(rng, n, 0.33)}, hours)
    current = Profile(month.reference.grid.id, {Group(ALL, ALL): counts})
    found = drift.measure(month.monitor, month.reference.grid, month.reference.profile, current)
    answers = dict(zip(found, month.noise.against(DAY, found, level=1e-4), strict=True))
    by_metric = {m.metric: a for m, a in answers.items() if m.column == "x0"}
    for metric in (
        "psi",
        "jensen_shannon",
        "hellinger",
        "kolmogorov_smirnov",
        "wasserstein_scaled",
    ):
        assert by_metric[metric].p_value < 1e-4, metric
        assert by_metric[metric].effect == pytest.approx(0.33, abs=4.5 / math.sqrt(n)), metric
    assert by_metric["mean_change"].effect == pytest.approx(0.33, abs=4 / math.sqrt(n))
    assert by_metric["mean_change"].z > 4


def test_the_smallest_effect_shrinks_with_the_rows(month) -> None:
    sizes = [one(month.noise, of("psi", 0.0, n)).smallest_effect for n in (50, 250, 905, 20_000)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[2] == pytest.approx(0.17, abs=0.03)


def test_a_shift_of_the_smallest_effect_is_seen_on_half_of_the_days(build, month) -> None:
    size = one(month.noise, of("psi", 0.0, 905)).smallest_effect
    rng = np.random.default_rng(8)
    days = []
    for _ in range(120):
        counts = GroupCounts(905, {"x0": build.number(rng, 905, size)}, np.zeros(25, np.int64))
        current = Profile(month.reference.grid.id, {Group(ALL, ALL): counts})
        found = drift.measure(month.monitor, month.reference.grid, month.reference.profile, current)
        days.append(next(m for m in found if m.metric == "psi" and m.column == "x0"))
    seen = [a.p_value < 1e-3 for a in month.noise.against(DAY, days, level=1e-3)]
    assert 0.3 < np.mean(seen) < 0.7


def test_what_has_no_value_or_is_not_known_has_no_answer(month) -> None:
    nothing = Estimate.without(Status.NO_DATA, Reason.NO_ROWS)
    asked = [
        Measurement("psi", nothing, "x0"),
        of("psi", 0.1, 905, column="never_seen"),
        of("psi", 0.1, 905, segment="carrier=UA"),
        of("is_constant", 1.0, 905),
        of("estimated_roc_auc", 0.7, 905, column=""),
    ]
    assert month.noise.against(DAY, asked, level=0.01) == [None] * 5
    assert month.noise.against(DAY, [], level=0.01) == []


def test_a_model_version_is_held_against_the_whole_traffic(month) -> None:
    whole = one(month.noise, of("psi", 0.05, 400))
    version = one(month.noise, of("psi", 0.05, 400, model_version="7"))
    assert repr(version) == repr(whole)


def test_every_measurement_may_have_its_own_level(month) -> None:
    asked = [of("psi", 0.05, 905), of("roc_auc", 0.7, 905), of("psi", 0.05, 905)]
    first, none, last = month.noise.against(DAY, asked, level=[0.05, 0.5, 1e-6])
    assert none is None
    assert first.null_high < last.null_high
    assert first.p_value == last.p_value


def test_equal_references_give_equal_noise_and_it_can_be_kept(month) -> None:
    again = Noise.learn(month.monitor, month.reference)
    kept = Noise.from_json(month.noise.to_json())
    assert again.to_json() == month.noise.to_json() == kept.to_json()
    date, found = month.measured(130, 700)
    one_way, other = (repr(noise.against(date, found, level=0.01)) for noise in (kept, again))
    assert one_way == other


def test_noise_of_another_format_is_refused() -> None:
    with pytest.raises(ValueError, match="format 0 cannot be read, only 1; learn it again"):
        Noise.from_json(b'{"format": 0}')


def test_a_reference_of_one_day_says_so_and_takes_the_stated_default(build) -> None:
    single = build.drawn(1, 905)
    distance, change = single.noise.against(
        DAY, [of("psi", 0.02, 905), of("null_rate", 0.0, 905)], level=1e-3
    )
    assert (distance.days, change.days) == (1, 1)
    assert distance.inflation > 1.5
    p = single.p_values(30, 905)
    assert all((chances <= 0.001).mean() < 0.01 for chances in p.values())


def _odd(build, columns: dict[str, ColumnCounts], days: int = 14):
    names = list(columns)
    cells = build.grid(names)
    profiles = {
        build.monday + dt.timedelta(day): Profile(
            cells.id, {Group(ALL, ALL): GroupCounts(100, columns, np.zeros(25, np.int64))}
        )
        for day in range(days)
    }
    return build.monitor(names), build.frozen(cells, profiles)


def test_a_constant_and_an_all_null_column_and_one_of_few_rows_are_no_obstacle(build) -> None:
    same = np.zeros(102, dtype=np.int64)
    same[50] = 100
    constant = ColumnCounts(same, 100, total=0.0, total_squares=0.0, minimum=0.0, maximum=0.0)
    null = ColumnCounts(np.zeros(102, dtype=np.int64), 100, nulls=100)
    letter = ColumnCounts(np.array([100] + [0] * 9), 100)
    watch, reference = _odd(build, {"x0": constant, "x1": null, "c0": letter})
    noise = Noise.learn(watch, reference)
    moved = dataclasses.replace(constant, cells=np.roll(same, 20), minimum=1.0, maximum=1.0)
    for x0, c0 in ((constant, letter), (moved, ColumnCounts(np.roll(letter.cells, 3), 100))):
        counts = GroupCounts(100, {"x0": x0, "x1": null, "c0": c0}, np.zeros(25, np.int64))
        found = drift.measure(
            watch,
            reference.grid,
            reference.profile,
            Profile(reference.grid.id, {Group(ALL, ALL): counts}),
        )
        answers = noise.against(DAY, found, level=1e-4)
        told = {(m.metric, m.column): a for m, a in zip(found, answers, strict=True)}
        assert told["psi", "x1"] is None
        assert told["mean_change", "x0"] is None
        for metric, column in (("psi", "c0"), ("kolmogorov_smirnov", "x0"), ("psi", "x0")):
            assert (told[metric, column].p_value < 1e-4) == (x0 is moved), (metric, column)


def test_nulls_that_the_reference_never_had_are_found_and_one_of_them_is_not(build, month) -> None:
    one_null, many = (of("null_rate", k / 905, 905) for k in (1, 9))
    first, second = month.noise.against(DAY, [one_null, many], level=1e-4)
    assert first.p_value > 0.01
    assert second.p_value < 1e-6
    assert second.effect == pytest.approx(9 / 905, rel=0.01)


@pytest.mark.parametrize(("days", "most"), [(7, 2.0), (31, 1.5)])
def test_rates_that_differ_between_days_do_not_cry_wolf(build, days, most) -> None:
    rng = np.random.default_rng(days)

    def counts(rows: int) -> ColumnCounts:
        share = rng.beta(0.1 * 150, 0.9 * 150)
        nulls = int(rng.binomial(rows, share))
        return build.number(rng, rows - nulls, nulls=nulls)

    names = [f"x{i}" for i in range(20)]
    cells = build.grid(names)
    profiles = {
        build.monday + dt.timedelta(day): Profile(
            cells.id,
            {Group(ALL, ALL): GroupCounts(600, {n: counts(600) for n in names}, np.zeros(25, int))},
        )
        for day in range(days)
    }
    watch, reference = build.monitor(names), build.frozen(cells, profiles)
    noise = Noise.learn(watch, reference)
    asked = []
    for _ in range(200):
        for name in names:
            column = counts(600)
            asked.append(of("null_rate", column.nulls / column.rows, 600, column=name))
    p = np.array([a.p_value for a in noise.against(DAY, asked, level=0.01)])
    for level in (0.05, 0.01, 0.001):
        assert (p <= level).mean() < most * level + 4 * math.sqrt(level / p.size), level
    assert (p <= 0.05).mean() > 0.01


def test_neighbouring_days_that_are_alike_have_an_autocorrelation(build) -> None:
    walks = np.zeros((200, 12))
    rng = np.random.default_rng(9)
    for day in range(1, 200):
        walks[day] = 0.7 * walks[day - 1] + rng.normal(0, 0.2, 12)
    slow = build.drawn(60, 905, lambda _, day, column: walks[day, column])
    independent = build.drawn(60, 905, lambda rng, *_: rng.normal(0, 0.2))
    assert slow.noise.autocorrelation("mean_change", "x0") == pytest.approx(0.65, abs=0.2)
    assert independent.noise.autocorrelation("mean_change", "x0") < 0.2
    assert slow.noise.autocorrelation("mean_change", "never_seen") == 0.0
