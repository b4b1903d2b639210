"""Order, bursts, budgets, and other ways to people while the first one is shut."""

from __future__ import annotations

import datetime as dt
import logging
from itertools import pairwise

import pytest

from monitoring_dagster.notifications.channel import Look, Sighting
from monitoring_dagster.notifications.delivered import Happened
from tests.notifications_delivery.wall import (
    LOST,
    NOT_INVITED,
    OK,
    ON_SQLITE,
    PLACE,
    UNREACHABLE,
    Landing,
    Wall,
    World,
)

ROUND = dt.timedelta(seconds=60)


def open_up(wall: Wall) -> None:
    wall.usual = Landing(OK, lands=True)


def test_the_worst_come_first_and_then_the_oldest(world: World, wall: Wall) -> None:
    refs = {}
    for priority in ("P3", "P1", "P2", "P1"):
        refs[world.open(priority)] = priority
        world.clock.move(seconds=1)
    world.delivery(wall).deliver()
    assert [refs[key.split(":")[1]] for key in wall.keys] == ["P1", "P1", "P2", "P3"]
    assert wall.keys[0] < wall.keys[1]


def test_one_message_a_second_comes_to_one_place(world: World, wall: Wall) -> None:
    for _ in range(4):
        world.open()
    world.open(place="#other")
    world.delivery(wall).deliver()
    at = [m.at for m in wall.seen if m.destination == PLACE]
    assert [b - a for a, b in pairwise(at)] == [dt.timedelta(seconds=1)] * 3


def test_what_the_budget_does_not_hold_waits_for_the_next_time(world: World, wall: Wall) -> None:
    for _ in range(5):
        world.open()
    delivered = world.delivery(wall).deliver(dt.timedelta(seconds=3))
    assert (delivered.sent, delivered.waiting) == (3, 2)
    assert world.delivery(wall).deliver().sent == 2


def test_a_clock_that_stands_still_ends_the_work(world: World, wall: Wall) -> None:
    for _ in range(3):
        world.open()
    assert world.delivery(wall, pause=lambda _: None).deliver().sent == 1


def test_a_burst_is_ten_messages_and_one_digest(world: World, wall: Wall) -> None:
    refs = [world.open("P3") for _ in range(40)]
    urgent = world.open("P1")
    delivered = world.delivery(wall).deliver(ROUND)
    roots = [key for key in wall.keys if key.startswith("root:")]
    assert roots[0] == f"root:{urgent}:1"
    assert (len(roots), len(wall.keys), delivered.digested) == (10, 11, 31)
    assert wall.seen[-1].text == "31 incidents"

    late = world.open("P3")
    told = world.reply(refs[-1], "reopening")
    called = world.reply(refs[-2])
    world.delivery(wall).deliver(ROUND)
    world.clock.move(seconds=45)
    world.delivery(wall).deliver()
    assert (len(wall.seen), world.status(called)) == (12, "superseded")
    assert world.status(f"root:{late}:1") == "digested"
    digest = next(m for m in wall.seen if m.key.startswith("digest:"))
    assert digest.text == "32 incidents"
    assert next(m for m in wall.seen if m.key == told).thread == digest.ts


def test_a_digest_follows_the_incidents_that_it_tells_of(world: World, wall: Wall) -> None:
    refs = [world.open() for _ in range(12)]
    world.delivery(wall).deliver(ROUND)
    world.change(refs[-1], {"title": "worse"})
    world.clock.move(seconds=45)
    assert world.delivery(wall).deliver().edited == 1


@ON_SQLITE
def test_a_new_burst_is_a_new_digest(world: World, wall: Wall) -> None:
    for _ in range(12):
        world.open()
    world.delivery(wall).deliver(ROUND)
    world.clock.move(minutes=11)
    for _ in range(12):
        world.open()
    world.delivery(wall).deliver(ROUND)
    assert [key.split(":")[0] for key in wall.keys] == ([*["root"] * 10, "digest"]) * 2


def test_what_was_over_before_the_digest_is_told_by_the_digest(world: World, wall: Wall) -> None:
    refs = [world.open("P2") for _ in range(12)]
    resolution = world.resolve(refs[-1])
    world.delivery(wall).deliver(ROUND)
    assert world.status(resolution) == "superseded"
    assert len(wall.keys) == 11


@ON_SQLITE
def test_an_outage_of_many_incidents_ends_in_a_digest(world: World, wall: Wall) -> None:
    wall.usual = Landing(NOT_INVITED)
    for _ in range(30):
        world.open()
        world.clock.move(minutes=5)
        world.delivery(wall).deliver(dt.timedelta(seconds=1))
    open_up(wall)
    world.clock.move(minutes=10)
    world.delivery(wall).deliver(ROUND)
    assert len(wall.keys) == 11
    assert wall.seen[-1].text == "20 incidents"


@pytest.mark.parametrize("answer", [NOT_INVITED, UNREACHABLE], ids=["shut", "unreachable"])
def test_after_ten_minutes_people_are_told_another_way_and_once_at_home(
    world: World, wall: Wall, spare: Wall, caplog: pytest.LogCaptureFixture, answer: object
) -> None:
    wall.usual = Landing(answer)  # pyright: ignore[reportArgumentType]
    stays, ends = world.open(), world.open()
    for _ in range(9):
        world.delivery(wall, spare).deliver(dt.timedelta(seconds=1))
        assert spare.seen == []
        world.clock.move(minutes=1)
    delivered = world.delivery(wall, spare).deliver(dt.timedelta(seconds=5))
    with caplog.at_level(logging.CRITICAL):
        for _ in range(20):
            delivered = world.delivery(wall, spare).deliver(dt.timedelta(seconds=5))
            world.clock.move(minutes=1)
    assert spare.keys == [f"root:{stays}:1", f"root:{ends}:1"]
    assert [r.message for r in caplog.records if r.levelno == logging.CRITICAL] == [
        "wall does not deliver to #flights: people are told by a fallback until it is mended"
    ]
    assert delivered.is_failing
    assert world.row(f"root:{stays}:1").sent_by == "spare"

    resolution = world.resolve(ends)
    world.delivery(wall, spare).deliver(dt.timedelta(seconds=5))
    assert spare.keys[-1] == resolution
    assert spare.seen[-1].thread == spare.seen[1].ts

    open_up(wall)
    world.clock.move(minutes=30)
    world.delivery(wall, spare).deliver()
    escalation = world.reply(stays)
    delivered = world.delivery(wall, spare).deliver()
    assert wall.keys == [f"root:{stays}:1", escalation]
    assert wall.seen[1].thread == wall.seen[0].ts
    assert len(spare.keys) == 3
    assert not delivered.is_failing


@ON_SQLITE
def test_what_the_first_channel_may_hold_unseen_is_looked_for_when_it_is_mended(
    world: World, wall: Wall, spare: Wall
) -> None:
    ref = world.open()
    wall.posts = [Landing(LOST, lands=True)]
    wall.usual = Landing(UNREACHABLE)
    world.delivery(wall, spare).deliver()
    wall.looks = [Sighting(Look.FAILED, error="down")] * 1000
    for _ in range(15):
        world.clock.move(minutes=1)
        world.delivery(wall, spare).deliver(dt.timedelta(seconds=5))
    assert spare.keys == [f"root:{ref}:1"]
    wall.looks = []
    open_up(wall)
    for _ in range(5):
        world.clock.move(minutes=5)
        world.delivery(wall, spare).deliver()
    assert wall.keys == [f"root:{ref}:1"]
    assert len(spare.keys) == 1


@ON_SQLITE
def test_a_notice_that_fails_by_itself_goes_another_way_too(
    world: World, wall: Wall, spare: Wall
) -> None:
    poison = world.open()
    wall.refuses = lambda _, key: LOST if key == f"root:{poison}:1" else None
    for _ in range(30):
        world.open("P4")
        world.delivery(wall, spare).deliver(dt.timedelta(seconds=5))
        world.clock.move(minutes=1)
    assert spare.keys == [f"root:{poison}:1"]
    assert len(wall.keys) == 30


@ON_SQLITE
def test_a_way_around_that_is_shut_leaves_it_to_the_next(
    world: World, wall: Wall, spare: Wall
) -> None:
    last = Wall(world.clock, name="last", can_look=False)
    wall.usual = spare.usual = Landing(NOT_INVITED)
    ref = world.open()
    for _ in range(14):
        world.delivery(wall, spare, last).deliver(dt.timedelta(seconds=5))
        world.clock.move(minutes=1)
    assert last.keys == [f"root:{ref}:1"]


@ON_SQLITE
def test_a_way_around_that_cannot_look_says_that_it_may_repeat_itself(
    world: World, wall: Wall
) -> None:
    spare = Wall(world.clock, name="spare", can_look=False, posts=[Landing(LOST, lands=True)])
    wall.usual = Landing(NOT_INVITED)
    ref = world.open()
    for _ in range(30):
        world.delivery(wall, spare).deliver(dt.timedelta(seconds=5))
        world.clock.move(minutes=1)
    assert [m.text for m in spare.seen] == [
        f"{ref} open r1",
        f"{ref} open r1 (possible duplicate)",
    ]
    assert [h for h, *_ in world.audited].count(Happened.DOUBTFUL) == 1


def test_a_delivery_that_did_not_run_for_a_day_asks_the_first_channel_first(
    world: World, wall: Wall, spare: Wall
) -> None:
    ref = world.open()
    world.clock.move(days=1)
    delivered = world.delivery(wall, spare).deliver()
    assert (wall.keys, spare.keys) == ([f"root:{ref}:1"], [])
    assert not delivered.is_failing


def test_a_place_that_is_blocked_does_not_hold_up_the_others(world: World, wall: Wall) -> None:
    ref = world.open()
    escalation = world.reply(ref, place="#leads")
    world.delivery(wall).deliver()
    wall.take_down(escalation)
    wall.refuses = lambda _, key: NOT_INVITED if key.startswith("escalation") else None
    blocked = world.reply(ref, place="#leads", n=1)
    resolution = world.resolve(ref)
    world.delivery(wall).deliver()
    assert wall.keys == [f"root:{ref}:1", resolution]
    assert world.status(blocked) == "blocked"


def test_a_poison_notice_does_not_keep_its_destination_blocked(world: World, wall: Wall) -> None:
    poison, good = world.open("P1"), world.open("P4")
    wall.usual = Landing(NOT_INVITED)
    world.delivery(wall).deliver()
    open_up(wall)
    wall.refuses = lambda _, key: LOST if key == f"root:{poison}:1" else None
    for _ in range(4):
        world.clock.move(minutes=10)
        world.delivery(wall).deliver()
    assert wall.keys == [f"root:{good}:1"]
