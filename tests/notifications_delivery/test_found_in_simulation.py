"""What the simulation of the whole has found in the delivery, each by itself."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa

from monitoring_dagster.notifications.message import Form, Message
from monitoring_dagster.store.outbox import Notice
from tests.notifications_delivery.wall import NOT_INVITED, Wall, World, render


def test_an_edit_finds_out_that_its_place_was_mended(world: World, wall: Wall) -> None:
    ref = world.open()
    world.delivery(wall).deliver()
    world.change(ref, {"title": "worse"})
    wall.edits = [NOT_INVITED]
    world.clock.move(minutes=1)
    world.delivery(wall).deliver()
    assert wall.text(f"root:{ref}:1").endswith("r1")
    world.clock.move(minutes=11)
    world.delivery(wall).deliver()
    assert wall.text(f"root:{ref}:1").endswith("r2")


def test_an_edit_that_overslept_does_not_undo_a_later_one(world: World, wall: Wall) -> None:
    ref = world.open()
    world.delivery(wall).deliver()
    world.change(ref, {"title": "worse"})
    world.clock.move(minutes=1)
    naps = [dt.timedelta(minutes=5)]

    def overslept(connection: sa.Connection, notice: Notice, form: Form) -> Message:
        drawn = render(connection, notice, form)
        if naps:
            world.clock.now += naps.pop()
            world.change(ref, {"title": "worse still"})
            world.delivery(wall, owner="other").deliver()
        return drawn

    world.delivery(wall, render=overslept).deliver()
    world.clock.move(minutes=5)
    world.delivery(wall).deliver()
    assert wall.text(f"root:{ref}:1").endswith("r3")
