"""The error budget of an objective over its window, and the alarms that it raises."""

import datetime as dt
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_dagster.decisions.slo import ErrorBudget, State, alarm
from monitoring_dagster.decisions.verdict import Level, Reason
from monitoring_dagster.monitors.contract import Slo

FIRST = dt.date(2026, 3, 1)
WORDS = {"g": State.GOOD, "b": State.BAD, "u": State.UNDECIDED}


def days(letters: str) -> dict[dt.date, State]:
    """One letter per day, good, bad or undecided; a blank is a day of which nothing is known."""
    return {
        FIRST + dt.timedelta(days=i): WORDS[letter]
        for i, letter in enumerate(letters)
        if letter != " "
    }


def objective(target: float, window: int = 28) -> Slo:
    return Slo(name="any", metric="any", at_least=0.5, target=target, window_days=window)


def budget(letters: str, target: float = 0.95, window: int = 28) -> ErrorBudget:
    return ErrorBudget.of(objective(target, window), days(letters))


def level(letters: str, target: float = 0.95, window: int = 28) -> tuple[Level, Reason]:
    slo = objective(target, window)
    found = alarm(slo, ErrorBudget.of(slo, days(letters)))
    return found.level, found.reason


def test_a_budget_counts_the_days_of_its_window_only() -> None:
    found = budget("b" * 10 + "g" * 20 + "bu" + "g" * 6, target=0.9)
    assert (found.good, found.bad, found.undecided) == (26, 1, 1)
    assert found.allowed_bad == pytest.approx(2.7)
    assert found.left == pytest.approx(1 - 1 / 2.7)
    assert found.burn_window == pytest.approx((1 / 27) / 0.1)
    assert (found.burn_1, found.burn_3) == (0, 0)


def test_burn_rates_look_back_one_day_three_days_and_the_window() -> None:
    found = budget("g" * 25 + "bgb", target=0.9)
    assert found.burn_1 == pytest.approx(10)
    assert found.burn_3 == pytest.approx(20 / 3)
    assert found.burn_window == pytest.approx((2 / 28) / 0.1)


def test_undecided_days_are_neither_good_nor_bad() -> None:
    found = budget("g" * 13 + "bu" * 7 + "u", target=0.8)
    assert (found.good, found.bad, found.undecided) == (13, 7, 8)
    assert found.burn_window == pytest.approx((7 / 20) / 0.2)
    assert found.allowed_bad == pytest.approx(0.2 * 20)
    assert math.isnan(found.burn_1)
    assert found.burn_3 == pytest.approx(5)


def test_a_budget_may_end_on_a_day_in_the_past() -> None:
    slo = objective(0.9)
    past = FIRST + dt.timedelta(days=27)
    lived, known = days("g" * 27 + "b"), days("g" * 27 + "b" + "b" * 5)
    assert ErrorBudget.of(slo, known, past) == ErrorBudget.of(slo, lived)


def test_days_that_are_not_known_yet_do_not_count_as_used_up() -> None:
    assert budget("b", target=0.8).left == pytest.approx(1 - 1 / 5.6)
    assert not budget("b", target=0.8).is_exhausted


def test_nothing_is_said_of_a_window_without_a_decided_day() -> None:
    for letters in ("", "uuu"):
        found = budget(letters)
        assert all(map(math.isnan, (found.left, found.burn_1, found.burn_3, found.burn_window)))
        assert level(letters) == (Level.NO_DATA, Reason.UNDECIDED)


@given(
    letters=st.text("gb", min_size=30, max_size=30),
    percent=st.integers(1, 99),
)
def test_a_full_window_is_exhausted_exactly_where_its_target_is_missed(
    letters: str, percent: int
) -> None:
    found = budget(letters, target=percent / 100, window=30)
    assert found.is_exhausted == (Fraction(letters.count("g"), 30) < Fraction(percent, 100))
    assert found.left == pytest.approx(1 - found.burn_window)


ALARMS = {
    "no bad day": ("g" * 28, 0.95, Level.OK, Reason.MET),
    "one bad day at 95 % burns at 20": ("g" * 27 + "b", 0.95, Level.CRITICAL, Reason.BURNING),
    "and has been told when the next day is good": ("g" * 26 + "bg", 0.95, Level.OK, Reason.MET),
    "three days later it is within the budget": ("g" * 24 + "bggg", 0.95, Level.OK, Reason.MET),
    "one bad day at 93 % burns at 14.3": ("g" * 27 + "b", 0.93, Level.OK, Reason.MET),
    "two of three at 90 % burn at 6.7": ("g" * 25 + "bgb", 0.9, Level.CRITICAL, Reason.BURNING),
    "one of three at 90 % burns at 3.3": ("g" * 27 + "b", 0.9, Level.OK, Reason.MET),
    "three bad days at 80 % are within a burn of 5": ("g" * 25 + "bbb", 0.8, Level.OK, Reason.MET),
    "the sixth bad day of 28 at 80 % exhausts the budget": (
        "g" * 22 + "b" * 6,
        0.8,
        Level.CRITICAL,
        Reason.EXHAUSTED,
    ),
    "on a good day an exhausted budget only warns": (
        "g" * 19 + "b" * 6 + "ggg",
        0.8,
        Level.WARN,
        Reason.BURNING,
    ),
    "a fifth of the days known so far at 80 % is the pace that the target allows": (
        "gbggg",
        0.8,
        Level.WARN,
        Reason.BURNING,
    ),
    "a sixth is not": ("gbgggg", 0.8, Level.OK, Reason.MET),
    "an undecided day after a bad one has nothing new": (
        "g" * 26 + "bu",
        0.95,
        Level.OK,
        Reason.MET,
    ),
    "one bad day after undecided ones is not all of three": (
        "uub",
        0.9,
        Level.WARN,
        Reason.BURNING,
    ),
    "nor is a monitor's first day": ("b", 0.9, Level.WARN, Reason.BURNING),
}


@pytest.mark.parametrize(("letters", "target", "expected", "reason"), ALARMS.values(), ids=ALARMS)
def test_alarms_follow_the_burn(letters: str, target: float, expected: Level, reason) -> None:
    assert level(letters, target) == (expected, reason)


@pytest.mark.parametrize("allowed", [0, 1, 2, 3], ids="{} bad days of 30 are allowed".format)
def test_the_allowed_number_of_bad_days_does_not_exhaust_a_budget(allowed: int) -> None:
    target = 1 - allowed / 30 if allowed else 0.999
    letters = "g" * (29 - allowed) + "b" * allowed + "g"
    assert not budget(letters, target, window=30).is_exhausted
    assert budget(letters[:-1] + "b", target, window=30).is_exhausted


def test_a_low_target_pages_for_an_exhausted_budget_only() -> None:
    rng = np.random.default_rng(3)
    for _ in range(200):
        letters = "".join(rng.choice(["g", "b"], 28, p=[0.8, 0.2]))
        found = budget(letters, target=0.8)
        pages = level(letters, 0.8)[0] is Level.CRITICAL
        assert pages == (found.is_exhausted and letters[-1] == "b")


def test_an_alarm_names_the_objective_and_its_figures() -> None:
    slo = objective(0.8)
    exhausted = alarm(slo, ErrorBudget.of(slo, days("g" * 22 + "b" * 6)))
    assert exhausted.text == "any: 6 of 28 decided days in 28 were bad, 5.6 are allowed"
    tight = objective(0.999)
    bad = alarm(tight, ErrorBudget.of(tight, days("b")))
    assert bad.text == "any: the day was bad, 1,000 times the pace that a target of 99.9 % allows"
    three = objective(0.9)
    burning = alarm(three, ErrorBudget.of(three, days("g" * 25 + "bgb")))
    assert burning.text == (
        "any: 67 % of the last three days were bad, "
        "6.67 times the pace that a target of 90 % allows"
    )
