"""How often unchanged days look changed: through drift.measure, Noise.learn and Noise.against."""

import numpy as np
import pytest

LEVELS = (0.05, 0.01, 0.001)


def too_many(p: np.ndarray, level: float, *, margin: float = 1.0) -> bool:
    """More than `margin` times the level, beyond four standard errors of a simulation."""
    allowed = margin * level
    return bool((p <= level).mean() > allowed + 4 * np.sqrt(allowed / p.size))


@pytest.mark.parametrize("n", [100, 250, 905])
@pytest.mark.parametrize("days", [7, 31])
def test_without_a_change_a_p_value_is_as_rare_as_it_says(build, days, n) -> None:
    chances = build.drawn(days, 905, seed=days + n).p_values(60, n)
    for metric, p in chances.items():
        for level, margin in zip(LEVELS, (1.25, 1.25, 2), strict=True):
            assert not too_many(p, level, margin=margin), (metric, level, (p <= level).mean())


@pytest.mark.parametrize("metric", ["psi", "jensen_shannon", "kolmogorov_smirnov", "mean_change"])
def test_without_a_change_p_values_are_not_needlessly_large(month, metric) -> None:
    p = month.p_values(60, 905)[metric]
    assert (p <= 0.05).mean() > 0.025
    assert 0.4 < np.median(p) < 0.65


@pytest.mark.parametrize("days", [7, 31, 90])
def test_columns_that_the_weather_moves_as_a_whole_do_not_cry_wolf(build, days) -> None:
    weather = build.drawn(days, 905, lambda rng, *_: rng.normal(0, 0.3), columns=24, seed=days)
    for metric, p in weather.p_values(60, 905).items():
        for level in LEVELS:
            # The level itself is known from so many days only, and shared by a column's days.
            assert (p <= level).mean() < 3 * level + 4 * np.sqrt(level / 60), (metric, level)


def test_a_weekly_cycle_of_four_weeks_is_not_drift(build) -> None:
    levels = np.random.default_rng(5).normal(0, 0.3, (12, 7))
    weekly = build.drawn(35, 905, lambda _, day, column: levels[column, day % 7])
    for metric, p in weekly.p_values(56, 905).items():
        for level in LEVELS:
            assert not too_many(p, level, margin=1.5), (metric, level, (p <= level).mean())


def test_a_weekly_cycle_is_told_from_the_levels_of_weekdays(build) -> None:
    levels = np.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.9, 0.9])
    weekly = build.drawn(35, 905, lambda _, day, __: levels[day % 7], columns=4)
    friday, found = weekly.measured(119 + 4, 905)
    saturday, _ = weekly.measured(119 + 5, 905)
    place = next(i for i, m in enumerate(found) if m.metric == "psi")
    on_friday, on_saturday = (
        weekly.noise.against(day, found[place : place + 1], level=0.01)[0]
        for day in (friday, saturday)
    )
    assert on_friday.is_matched_by_weekday
    assert on_saturday.expected > 2 * on_friday.expected


@pytest.mark.parametrize("n", [50, 1_000_000])
def test_other_numbers_of_rows_than_the_references_do_not_cry_wolf(build, n) -> None:
    mild = build.drawn(31, 905, lambda rng, *_: rng.normal(0, 0.05), seed=n)
    for metric, p in mild.p_values(40, n).items():
        # Six columns of a kind: the days of one share what its reference did not show.
        assert (p <= 0.001).mean() < 0.05, metric


def test_small_normal_scores_are_standard_normal_without_a_change(month) -> None:
    scores = []
    for day in range(119, 179):
        date, found = month.measured(day, 905)
        psi = [m for m in found if m.metric == "psi"]
        scores += [a.z for a in month.noise.against(date, psi, level=0.01)]
    assert abs(np.mean(scores)) < 0.15
    assert 0.85 < np.std(scores) < 1.15
