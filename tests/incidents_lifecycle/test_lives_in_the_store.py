"""Whole lives in a store: what is corrected, what vanishes, what is long over, what is muted."""

from __future__ import annotations

import contextlib
import datetime as dt
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from monitoring_dagster.decisions.verdict import Level, Rule
from monitoring_dagster.incidents import answering
from monitoring_dagster.incidents.incident import Priority, Status
from monitoring_dagster.incidents.silences import Silence
from monitoring_dagster.store import Store
from tests.incidents_lifecycle.small_desk import day, monitor_with, morning
from tests.incidents_lifecycle.stored_desk import CRITICAL, OK, WARN, StoredDesk, verdict

HOUR = dt.timedelta(hours=1)
Make = Callable[..., StoredDesk]


@pytest.fixture(scope="module")
def empty_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file that is up to date, to be copied: making one takes most of a test's time."""
    path = tmp_path_factory.mktemp("lives") / "store.db"
    with contextlib.closing(Store(f"sqlite:///{path}")) as made:
        made.upgrade()
    return path


@pytest.fixture
def desk_with(tmp_path: Path, empty_file: Path) -> Iterator[Make]:
    """Makes a desk over a new store, with keys of the section `alerting`."""
    with contextlib.ExitStack() as open_stores:

        def make(**alerting: Any) -> StoredDesk:
            shutil.copy(empty_file, tmp_path / "store.db")
            store = Store(f"sqlite:///{tmp_path / 'store.db'}", pause=lambda _: None)
            open_stores.enter_context(contextlib.closing(store))
            return StoredDesk(store, monitor_with(**{"warnings": "1 of 1", **alerting}))

        yield make


# --- corrections ------------------------------------------------------------------------------


def test_what_clear_days_ended_comes_back_where_they_were_none_after_all(desk_with: Make) -> None:
    desk = desk_with()
    for number in range(5):
        desk.judge({number: [verdict(CRITICAL)]})
    desk.judge({number: [verdict(OK)] for number in (2, 3, 4)}, morning(4) + HOUR)
    assert desk.one().resolved_by == "monitoring-dagster"
    again = {number: [verdict(CRITICAL)] for number in (2, 3, 4)}
    desk.judge(again, morning(4) + 2 * HOUR)
    assert (desk.one().status, desk.one().reopened) == (Status.OPEN, 1)
    assert desk.owed()[-1] == "reopening:1"
    before = desk.state()
    desk.judge(again, morning(4) + 2 * HOUR)
    assert desk.state() == before


def test_what_a_person_ended_does_not_come_back_by_days_that_are_judged_again(
    desk_with: Make,
) -> None:
    desk = desk_with()
    for number in range(5):
        desk.judge({number: [verdict(CRITICAL)]})
    ref = desk.one().ref
    desk.at(morning(4) + HOUR, lambda d: answering.resolve(d, ref, "a holiday", "ada"))
    desk.judge({number: [verdict(CRITICAL)] for number in range(5)}, morning(4) + 2 * HOUR)
    assert desk.one().status is Status.RESOLVED


def test_an_episode_that_is_judged_again_does_not_join_a_later_one(desk_with: Make) -> None:
    desk = desk_with()
    year = {number: [verdict(WARN if number < 2 or number >= 8 else OK)] for number in range(10)}
    for number, said in year.items():
        desk.judge({number: said})
    assert [i.since for i in desk.incidents()] == [day(0), day(8)]
    before = desk.state()
    desk.judge(year, morning(9) + HOUR)
    assert desk.state() == before


def test_a_day_before_an_incident_extends_it_where_nothing_lies_between(desk_with: Make) -> None:
    desk = desk_with()
    desk.judge({0: [verdict(OK)], 1: [verdict(OK)], 2: [verdict(WARN)]})
    desk.judge({0: [verdict(WARN)]}, morning(2) + HOUR)
    assert desk.one().since == day(0)
    assert desk.one().signals[0].first_day == day(0)


# --- what is gone -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "part",
    [
        pytest.param({"segment": "carrier=UA"}, id="a segment that nobody belongs to any more"),
        pytest.param(
            {"rule": Rule.DRIFT, "metric": "psi", "column": "distance", "version": "2"},
            id="a version that was retired",
        ),
    ],
)
def test_what_is_gone_ends_after_enough_days_of_the_whole(
    desk_with: Make, part: dict[str, Any]
) -> None:
    desk = desk_with()
    whole = {name: value for name, value in part.items() if name not in ("segment", "version")}
    for number in range(3):
        desk.judge({number: [verdict(OK, **whole), verdict(CRITICAL, **part)]})
    for number in range(3, 14):
        desk.judge({number: [verdict(OK, **whole)]})
    assert desk.one().is_open
    desk.judge({14: []})
    assert desk.one().is_open, "a day of which nothing is known ends nothing"
    desk.judge({15: [verdict(OK, **whole)]})
    assert desk.one().resolved_because == (
        "not there any more: 12 judged days in a row without a verdict on it"
    )
    assert desk.owed()[-1] == "resolution:0"
    desk.judge({16: [verdict(OK, **whole)], 17: []})
    desk.judge({2: [verdict(OK, **whole), verdict(CRITICAL, **part)]}, morning(17) + HOUR)
    assert (desk.one().is_open, desk.one().reopened) == (False, 0)


def test_a_part_that_waits_for_its_labels_is_not_gone(desk_with: Make) -> None:
    desk = desk_with()
    drift = verdict(OK, rule=Rule.DRIFT, metric="psi", column="distance")
    part = verdict(CRITICAL, segment="carrier=UA")
    for number in range(3):
        desk.judge({number: [drift, verdict(OK), part]})
    for number in range(3, 17):
        desk.judge({number: [drift]})
    assert desk.one().is_open


# --- what is long over ------------------------------------------------------------------------


def test_nobody_is_called_for_the_end_of_a_replay_before_a_fresh_day_is_judged(
    desk_with: Make,
) -> None:
    desk = desk_with()
    for number in range(3):
        desk.judge({number: [verdict(CRITICAL)]})
    told = desk.owed()
    desk.attend(morning(500))
    assert desk.owed() == told
    desk.judge({500: [verdict(CRITICAL)]})
    assert [key for key in desk.owed() if key not in told] == ["reminder:0:0:1"]


def test_an_incident_without_a_word_for_days_goes_on_escalating_while_days_are_judged(
    desk_with: Make,
) -> None:
    desk = desk_with(escalation=[{"after_hours": 30, "mention": "here"}])
    desk.judge({0: [verdict(CRITICAL)]})
    for number in range(1, 8):
        desk.judge({number: []})
    assert desk.owed() == ["root:1", "reminder:0:0:1", "reminder:0:0:2", "escalation:0:0:1"]


# --- what is muted ----------------------------------------------------------------------------


def silence(desk: StoredDesk, first: dt.datetime, last: dt.datetime) -> None:
    wanted = Silence(0, "*", "*", first, last, "ada", "holidays")
    desk.at(first, lambda d: answering.silence(d, wanted))


@pytest.mark.parametrize(
    ("level", "priority", "mention"),
    [
        pytest.param(CRITICAL, Priority.P2, "<!subteam^S0TEAM>", id="urgent"),
        pytest.param(WARN, Priority.P3, "", id="not urgent"),
    ],
)
def test_the_end_of_a_silence_tells_once_what_is_still_open(
    desk_with: Make, level: Level, priority: Priority, mention: str
) -> None:
    desk = desk_with()
    desk.judge({0: [verdict(level)]})
    assert desk.one().priority is priority
    silence(desk, morning(0) + HOUR, morning(3) + HOUR)
    desk.attend(morning(0) + 2 * HOUR)
    for number in (1, 2, 3):
        desk.judge({number: [verdict(level)]})
    assert desk.owed() == ["root:1"]
    desk.attend(morning(3) + 2 * HOUR)
    assert desk.owed() == ["root:1", "reminder:0:1"]
    before = desk.state()
    desk.attend(morning(3) + 2 * HOUR)
    assert desk.state() == before
    assert desk.last_said() == ("The silence is over; still open: " + desk.one().title, mention)


def test_a_silence_over_something_that_somebody_deals_with_ends_without_a_word(
    desk_with: Make,
) -> None:
    desk = desk_with()
    desk.judge({0: [verdict(CRITICAL)]})
    ref = desk.one().ref
    desk.at(morning(0), lambda d: answering.acknowledge(d, ref, "ada"))
    silence(desk, morning(0) + HOUR, morning(3) + HOUR)
    for number in (1, 2, 3, 4):
        desk.judge({number: [verdict(CRITICAL)]})
    assert desk.owed() == ["root:1"]


def test_what_rises_within_a_silence_is_told_at_its_end_although_it_was_acknowledged(
    desk_with: Make,
) -> None:
    desk = desk_with()
    desk.judge({0: [verdict(WARN)]})
    ref = desk.one().ref
    desk.at(morning(0), lambda d: answering.acknowledge(d, ref, "ada"))
    silence(desk, morning(0) + HOUR, morning(3) + HOUR)
    for number in (1, 2, 3):
        desk.judge({number: [verdict(CRITICAL)]})
    assert desk.owed() == ["root:1"]
    desk.attend(morning(3) + 2 * HOUR)
    assert desk.owed() == ["root:1", "escalation:0:1:P2"]
    assert desk.last_said()[0].startswith("Now P2, was P3: ")
    assert desk.one().status is Status.OPEN


@pytest.mark.parametrize(
    ("window", "hours", "told"),
    [
        pytest.param(
            {"days": ["sat"], "from": "00:00", "to": "04:00"},
            (5, 19, 21, 23),
            ["root:1", "reminder:0:0:1"],
            id="a night in which nothing was due",
        ),
        pytest.param(
            {"days": ["fri"], "from": "09:00", "to": "16:00"},
            (4, 9, 11),
            ["root:1", "reminder:0:1"],
            id="a day that held a reminder back",
        ),
    ],
)
def test_a_window_of_maintenance_tells_at_its_end_only_what_it_held_back(
    desk_with: Make, window: dict[str, Any], hours: tuple[int, ...], told: list[str]
) -> None:
    desk = desk_with(maintenance=[{**window, "because": "backup"}], escalation=[])
    desk.judge({0: [verdict(CRITICAL)]})  # told on a Friday at six
    for hour in hours:
        desk.attend(morning(0) + hour * HOUR)
    assert desk.owed() == told
