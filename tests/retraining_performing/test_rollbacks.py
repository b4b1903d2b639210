"""A rollback: the former champion comes back with its reference and what detectors knew of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from typer.testing import CliRunner

from monitoring_dagster.cli import app
from monitoring_dagster.errors import ActionUnderWay, NoFormerChampion
from monitoring_dagster.monitors.contract import Kind
from monitoring_dagster.retraining.action import ActionKind
from tests.retraining_performing.factory import ASKED_AFTER, CHANGES_ON, NEXT, Factory
from tests.retraining_performing.working import LIVED, Hands

pytestmark = pytest.mark.filterwarnings("ignore")  # Dagster's, MLflow's and GX's own, not ours

CAME_BACK = NEXT[2]


@pytest.fixture
def hands(done: Factory, opened: Callable[[Factory], Hands]) -> Hands:
    """On the third day of the new champion, in the present."""
    present = LIVED + (CAME_BACK - NEXT[0])
    return Hands(opened(done).factory, now=present, lived=None)


def test_one_person_brings_the_former_champion_back(hands: Hands) -> None:
    action = hands.deciding.roll_back("small", "ann", "it is rude to customers")
    assert (action.kind, action.status, action.phase) == ("rollback", "requested", "promote")
    assert (action.champion, action.challenger) == ("2", "1")
    assert hands.act() == [f"{action.ref} is done: version 1 came back on {CAME_BACK}"]
    assert hands.versions() == (["1", "2"], {"champion": "1"})
    assert [(t[0], t[1], t[3]) for t in hands.tenures()] == [
        ("2", NEXT[0], None),
        ("1", CAME_BACK, 0),
    ]
    assert hands.told("action", "champion")[-3:] == [
        *("action.requested", "action.done", "champion.rolled_back"),
    ]
    assert hands.later(hours=1).act() == []


def test_at_a_terminal_one_command_does_it(hands: Hands) -> None:
    arguments = ["rollback", "small", "--because", "it is rude", "--by", "ann"]
    result = CliRunner().invoke(app, ["retraining", *arguments])
    assert result.exit_code == 0, result.output
    assert "is done: version 1 came back on" in " ".join(result.output.split())
    assert hands.versions().aliases == {"champion": "1"}


def test_its_days_are_held_against_its_own_reference_and_errors_are_remembered(
    hands: Hands,
) -> None:
    hands.deciding.roll_back("small", "ann", "it is rude")
    hands.act()
    first = measured_and_judged(hands.later(days=2), [CAME_BACK])
    held = {row["day"]: row["reference_value"] for row in hands.measured("accuracy")}
    assert held[CAME_BACK] == held[ASKED_AFTER]
    (told,) = [row for row in first if row["metric"] == "accuracy"]
    assert (told["verdict"], told["reason"]) == ("critical", "harmful")
    assert told["since"] == CHANGES_ON


def measured_and_judged(hands: Hands, days: Sequence[Any]) -> list[dict[str, Any]]:
    """Do days as the daily job does them; what is said of performance on all traffic."""
    monitor = hands.factory.monitor
    day = hands.day(monitor)
    for kind in Kind:
        for one in days:
            day.take(kind, one)
    for stage in (day.check_quality, day.count_profiles, day.count_outcomes):
        stage(days)
    for stage in (day.measure_drift, day.measure_performance, day.measure_operations):
        stage(days)
    day.evaluate(days)
    found = hands.store.verdicts("small", first_day=days[0], last_day=days[-1]).to_pylist()
    return [r for r in found if r["rule"] == "performance" and r["segment"] == "all"]


def test_where_much_is_at_stake_two_people_have_to_want_it(hands: Hands) -> None:
    hands.factory.write_monitor({"materiality: medium": "materiality: high"})
    action = hands.deciding.roll_back("small", "ann", "it is rude")
    assert (action.status, action.because) == ("awaiting_approval", "1 more have to agree")
    assert hands.act() == []
    assert hands.deciding.approve(action.ref, "ann", "I still do").status == "awaiting_approval"
    assert hands.act() == []
    assert hands.deciding.approve(action.ref, "bob", "so do I").status == "requested"
    assert hands.act() == [f"{action.ref} is done: version 1 came back on {CAME_BACK}"]


def test_without_a_former_champion_there_is_nothing_to_come_back_to(
    asked: Factory, opened: Callable[[Factory], Hands]
) -> None:
    hands = opened(asked)
    with pytest.raises(NoFormerChampion, match="a rollback follows on a promotion"):
        hands.deciding.roll_back("small", "ann", "it is rude")
    assert hands.action().kind is ActionKind.RETRAINING


def test_while_another_action_is_under_way_it_has_to_wait(hands: Hands) -> None:
    first = hands.deciding.roll_back("small", "ann", "it is rude")
    with pytest.raises(ActionUnderWay, match=rf"{first.ref} \(requested\) of small is under way"):
        hands.deciding.roll_back("small", "bob", "it is rude")


def test_what_came_back_can_be_left_again_by_a_retraining_only(hands: Hands) -> None:
    hands.deciding.roll_back("small", "ann", "it is rude")
    hands.act()
    with pytest.raises(NoFormerChampion):
        hands.deciding.roll_back("small", "ann", "the other was better")
