"""Any order of events, and that the machine would find a delivery that is wrong."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from monitoring_dagster.notifications.delivery import Delivery, Parcel, Rules
from monitoring_dagster.notifications.pacing import STANDARD
from tests.notifications_delivery.machine import machine
from tests.notifications_delivery.wall import Wall, World


def delivery(world: World, wall: Wall, owner: str) -> Delivery:
    return world.delivery(wall, owner=owner)


def test_in_any_order_nothing_is_lost_and_nothing_is_seen_twice(sqlite_template: Path) -> None:
    run_state_machine_as_test(
        machine(delivery, sqlite_template),
        settings=settings(max_examples=20, stateful_step_count=20),
    )


class Careless(Delivery):
    """Sends again without looking."""

    def _look(self, parcel: Parcel) -> bool:  # noqa: ARG002 - that is what is wrong
        return True


SHORT = replace(STANDARD, lease=dt.timedelta(seconds=5), may_post_for=dt.timedelta(seconds=30))


def careless(world: World, wall: Wall, owner: str) -> Delivery:
    return world.delivery(wall, owner=owner, kind=Careless)


def hasty(world: World, wall: Wall, owner: str) -> Delivery:
    rules: Rules = SHORT
    return world.delivery(wall, owner=owner, rules=rules)


@pytest.mark.parametrize(
    "wrong", [careless, hasty], ids=["without looking", "a lease shorter than the landing"]
)
def test_a_delivery_that_is_wrong_is_found_out(sqlite_template: Path, wrong: object) -> None:
    with pytest.raises(AssertionError, match="seen twice"):
        run_state_machine_as_test(
            machine(wrong, sqlite_template),  # pyright: ignore[reportArgumentType]
            settings=settings(
                max_examples=200,
                stateful_step_count=20,
                phases=[Phase.generate],
                report_multiple_bugs=False,
            ),
        )
