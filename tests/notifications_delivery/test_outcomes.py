"""What every answer of a channel comes to, as people see it."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise

import pytest

from monitoring_dagster.notifications.channel import Look, Sighting
from monitoring_dagster.notifications.delivered import Happened
from monitoring_dagster.notifications.delivery import Delivery, Parcel
from monitoring_dagster.notifications.message import Form, Picture
from tests.notifications_delivery.wall import (
    BAD_BLOCKS,
    CLOSED,
    GONE,
    LIMITED,
    LOST,
    NOT_INVITED,
    OK,
    ON_SQLITE,
    UNREACHABLE,
    Landing,
    Wall,
    World,
)

UNKNOWN = Sighting(Look.FAILED, error="missing_scope")


def test_a_root_and_its_replies_are_seen_once_and_in_their_order(world: World, wall: Wall) -> None:
    ref = world.open()
    escalation = world.reply(ref)
    delivered = world.delivery(wall).deliver()
    assert wall.keys == [f"root:{ref}:1", escalation]
    assert wall.seen[1].thread == wall.seen[0].ts
    assert (delivered.sent, delivered.waiting, delivered.is_failing) == (2, 0, False)
    assert world.delivery(wall).deliver().sent == 0
    assert len(wall.seen) == 2


def test_a_pause_that_was_asked_for_holds_for_the_whole_destination(
    world: World, wall: Wall
) -> None:
    refs = [world.open() for _ in range(3)]
    elsewhere = world.open(place="#other")
    wall.posts = [Landing(LIMITED)]
    delivered = world.delivery(wall).deliver()
    assert wall.keys == [f"root:{elsewhere}:1"]
    assert delivered.reasons == {"ratelimited": 1}
    assert world.row(f"root:{refs[0]}:1").failures == 0

    world.clock.move(seconds=30)
    world.delivery(wall).deliver()
    assert wall.keys[1:] == [f"root:{ref}:1" for ref in refs]
    assert ("find", f"root:{refs[0]}:1") not in wall.calls


@ON_SQLITE
def test_an_unreachable_channel_is_asked_less_and_less_often(world: World, wall: Wall) -> None:
    world.open()
    wall.usual = Landing(UNREACHABLE)
    at = []
    for _ in range(40):
        before = len(wall.calls)
        world.delivery(wall).deliver()
        if len(wall.calls) > before:
            at.append(world.clock())
        world.clock.move(seconds=15)
    gaps = [b - a for a, b in pairwise(at)]
    assert len(at) < 8
    assert gaps[-1] > dt.timedelta(minutes=2)
    assert wall.seen == []


def test_what_a_person_has_to_mend_blocks_the_destination_and_nothing_is_lost(
    world: World, wall: Wall
) -> None:
    refs = [world.open() for _ in range(3)]
    wall.usual = Landing(NOT_INVITED)
    delivered = world.delivery(wall).deliver()
    assert wall.calls == [("post", f"root:{refs[0]}:1")]
    assert world.status(f"root:{refs[0]}:1") == "blocked"
    assert delivered.failing == ("#flights: not_in_channel",)
    assert delivered.is_failing

    world.clock.move(minutes=9)
    world.delivery(wall).deliver()
    assert len(wall.calls) == 1

    world.clock.move(minutes=1)
    wall.usual = Landing(OK, lands=True)
    delivered = world.delivery(wall).deliver()
    assert wall.keys == [f"root:{ref}:1" for ref in refs]
    assert not delivered.is_failing


@ON_SQLITE
@pytest.mark.parametrize(
    ("accepted", "form"), [(1, Form.COMPACT), (2, Form.TEXT)], ids=["compact", "text only"]
)
def test_what_is_refused_is_sent_in_a_simpler_form(
    world: World, wall: Wall, accepted: int, form: Form
) -> None:
    world.open()
    wall.posts = [Landing(BAD_BLOCKS)] * accepted
    world.delivery(wall).deliver()
    assert [message.form for message in wall.seen] == [form]
    assert [h for h, *_ in world.audited] == [Happened.DEGRADED] * accepted + [Happened.SENT]


def test_what_is_refused_in_every_form_is_reported_and_holds_up_nobody(
    world: World, wall: Wall, caplog: pytest.LogCaptureFixture
) -> None:
    poison, good = world.open("P1"), world.open("P2")
    escalation = world.reply(poison)
    wall.refuses = lambda _, key: BAD_BLOCKS if key == f"root:{poison}:1" else None
    delivered = world.delivery(wall).deliver()
    assert wall.keys == [escalation, f"root:{good}:1"]
    assert wall.seen[0].thread is None
    assert (delivered.quarantined, delivered.is_failing) == (1, True)
    assert "refused in every form" in caplog.text

    world.resolve(poison)
    assert not world.delivery(wall).deliver().is_failing


def test_a_notice_that_cannot_be_drawn_up_holds_up_nobody(world: World, wall: Wall) -> None:
    poison = world.open("P1", payload='{"is_broken": true}')
    good = world.open("P2")
    delivered = world.delivery(wall).deliver()
    assert wall.keys == [f"root:{good}:1"]
    assert world.status(f"root:{poison}:1") == "quarantined"
    assert delivered.reasons == {"ValueError": 3}


@pytest.mark.parametrize(
    "after", [dt.timedelta(), dt.timedelta(seconds=60)], ids=["at once", "a minute later"]
)
def test_an_answer_that_is_lost_is_no_second_message(
    world: World, wall: Wall, after: dt.timedelta
) -> None:
    ref = world.open()
    wall.posts = [Landing(LOST, lands=True, after=after)]
    world.delivery(wall).deliver()
    assert world.status(f"root:{ref}:1") == "sending"
    world.delivery(wall, owner="another").deliver()
    assert len(wall.calls) == 1

    world.clock.move(seconds=120)
    delivered = world.delivery(wall, owner="another").deliver()
    assert wall.keys == [f"root:{ref}:1"]
    assert delivered.counts[Happened.FOUND] == 1
    assert world.row(f"root:{ref}:1").message_ts == wall.seen[0].ts


def test_a_message_that_never_landed_is_sent_again(world: World, wall: Wall) -> None:
    ref = world.open()
    wall.posts = [Landing(LOST)]
    world.delivery(wall).deliver()
    world.clock.move(seconds=120)
    world.delivery(wall).deliver()
    assert wall.keys == [f"root:{ref}:1"]
    assert wall.calls == [("post", wall.keys[0]), ("find", wall.keys[0]), ("post", wall.keys[0])]


def test_a_channel_that_breaks_is_like_an_answer_that_is_lost(world: World, wall: Wall) -> None:
    ref = world.open()

    def broken() -> None:
        raise RuntimeError("a bug")

    wall.posts = [Landing(OK, meanwhile=broken)]
    assert world.delivery(wall).deliver().reasons == {"RuntimeError": 1}
    world.clock.move(seconds=120)
    world.delivery(wall).deliver()
    assert wall.keys == [f"root:{ref}:1"]


@ON_SQLITE
def test_a_look_that_fails_sends_nothing_for_a_quarter_of_an_hour(world: World, wall: Wall) -> None:
    ref = world.open()
    wall.posts = [Landing(LOST, lands=True)]
    wall.looks = [UNKNOWN] * 1000
    world.delivery(wall).deliver()
    while world.clock() < wall.landed[0].at + dt.timedelta(minutes=15):
        world.clock.move(seconds=20)
        world.delivery(wall).deliver(dt.timedelta(seconds=1))
        assert len(wall.seen) == 1
    world.clock.move(minutes=15)
    world.delivery(wall).deliver()
    assert [m.text for m in wall.seen] == [
        f"{ref} open r1",
        f"{ref} open r1 (possible duplicate)",
    ]
    assert (Happened.DOUBTFUL, f"root:{ref}:1", "missing_scope") in world.audited


def test_a_doubt_that_nobody_could_look_into_outlives_a_post_that_fails(
    world: World, wall: Wall
) -> None:
    ref = world.open()
    wall.posts = [Landing(LOST, lands=True), Landing(LIMITED)]
    world.delivery(wall).deliver()
    world.clock.move(minutes=16)
    wall.looks = [UNKNOWN]
    world.delivery(wall).deliver()
    world.clock.move(minutes=16)
    world.delivery(wall).deliver()
    assert wall.keys == [f"root:{ref}:1"]


class Stopped(Delivery):
    """A process that is stopped between taking its lease and posting, and then goes on."""

    def _hold(self, parcel: Parcel) -> bool:
        is_held = super()._hold(parcel)
        self._pause(31)
        return is_held


def test_a_worker_that_slept_does_not_post(world: World, wall: Wall) -> None:
    ref = world.open()
    assert world.delivery(wall, kind=Stopped).deliver().reasons == {"slept": 1}
    assert wall.calls == []
    world.clock.move(seconds=120)
    world.delivery(wall).deliver()
    assert wall.keys == [f"root:{ref}:1"]


def test_a_root_that_somebody_deletes_comes_again_and_its_replies_with_it(
    world: World, wall: Wall
) -> None:
    ref = world.open()
    world.delivery(wall).deliver()
    wall.take_down(f"root:{ref}:1")
    world.change(ref, {"priority": "P1"})
    escalation = world.reply(ref)
    world.clock.move(seconds=45)
    world.delivery(wall).deliver()
    world.delivery(wall).deliver()
    assert wall.keys == [f"root:{ref}:2", escalation]
    assert wall.seen[1].thread == wall.seen[0].ts
    assert world.status(f"root:{ref}:1") == "superseded"


@ON_SQLITE
def test_people_who_delete_every_root_are_understood_in_the_end(world: World, wall: Wall) -> None:
    ref = world.open()
    for _ in range(12):
        world.delivery(wall).deliver()
        for key in wall.keys:
            wall.take_down(key)
        world.change(ref, {"title": "worse"})
        world.clock.move(minutes=1)
    assert [key for key in world.owed() if key.startswith("root:")] == [
        f"root:{ref}:{n}" for n in range(1, 6)
    ]


def test_what_can_no_longer_be_edited_is_said_in_its_thread(world: World, wall: Wall) -> None:
    ref = world.open()
    world.delivery(wall).deliver()
    world.change(ref, {"priority": "P1"})
    wall.edits = [CLOSED]
    world.clock.move(seconds=45)
    world.delivery(wall).deliver()
    world.delivery(wall).deliver()
    assert [(m.text, m.thread) for m in wall.seen] == [
        (f"{ref} open r1", None),
        (f"{ref} open r2", wall.seen[0].ts),
    ]


def test_changes_within_a_moment_are_one_edit(world: World, wall: Wall) -> None:
    ref = world.open()
    world.delivery(wall).deliver()
    for _ in range(5):
        world.change(ref, {"title": "worse"})
        world.clock.move(seconds=5)
        world.delivery(wall).deliver(dt.timedelta(seconds=1))
    assert wall.text(f"root:{ref}:1") == f"{ref} open r1"
    world.clock.move(seconds=30)
    delivered = world.delivery(wall).deliver()
    assert delivered.edited == 1
    assert wall.text(f"root:{ref}:1") == f"{ref} open r6"


@ON_SQLITE
@pytest.mark.parametrize(
    "answer", [LIMITED, LOST, NOT_INVITED, BAD_BLOCKS], ids=lambda answer: answer.error
)
def test_an_edit_that_fails_is_made_later(world: World, wall: Wall, answer: object) -> None:
    ref = world.open()
    world.delivery(wall).deliver()
    world.change(ref, {"title": "worse"})
    world.clock.move(seconds=45)
    wall.edits = [answer]  # pyright: ignore[reportAttributeAccessIssue]
    world.delivery(wall).deliver()
    world.clock.move(minutes=10)
    another = world.open()  # what is blocked is probed by something that is owed
    world.delivery(wall).deliver()
    world.clock.move(minutes=10)
    world.delivery(wall).deliver()
    assert wall.keys == [f"root:{ref}:1", f"root:{another}:1"]
    assert wall.text(f"root:{ref}:1") == f"{ref} open r2"


def test_an_incident_that_is_over_before_it_was_told_is_told_once(world: World, wall: Wall) -> None:
    ref = world.open()
    escalation, resolution = world.reply(ref), world.resolve(ref)
    world.delivery(wall).deliver()
    assert [m.text for m in wall.seen] == [f"{ref} resolved r2"]
    assert (world.status(escalation), world.status(resolution)) == ("superseded", "superseded")


def test_an_escalation_is_sent_although_its_root_comes_late(world: World, wall: Wall) -> None:
    ref = world.open()
    world.reply(ref, "reminder")
    escalation = world.reply(ref)
    world.delivery(wall).deliver()
    assert wall.keys == [f"root:{ref}:1", escalation]


def test_a_reply_in_another_place_stands_there_by_itself(world: World, wall: Wall) -> None:
    ref = world.open()
    escalation = world.reply(ref, place="#leads")
    world.delivery(wall).deliver()
    assert [(m.key, m.destination, m.thread) for m in wall.seen] == [
        (f"root:{ref}:1", "#flights", None),
        (escalation, "#leads", None),
    ]


def picture_of(*_: object) -> Picture:
    return Picture(b"png", "trend", "a line")


@ON_SQLITE
@pytest.mark.parametrize(
    ("answers", "tries", "status"),
    [
        ([OK], 1, "sent"),
        ([LOST], 1, "given_up"),
        ([NOT_INVITED], 1, "given_up"),
        ([GONE], 1, "given_up"),
        ([UNREACHABLE, OK], 2, "sent"),
        ([UNREACHABLE] * 9, 3, "given_up"),
    ],
    ids=[
        "it arrives",
        "nobody knows",
        "the bot may not",
        "its thread is gone",
        "it arrives the second time",
        "it never arrives",
    ],
)
def test_a_picture_comes_once_at_most_and_never_holds_up_an_alert(
    world: World, wall: Wall, answers: list[object], tries: int, status: str
) -> None:
    ref = world.open()
    picture, escalation = world.reply(ref, "picture"), world.reply(ref)
    wall.pictures = list(answers)  # pyright: ignore[reportAttributeAccessIssue]
    for _ in range(6):
        world.delivery(wall, draw=picture_of).deliver()
        world.clock.move(minutes=3)
    assert wall.keys == [f"root:{ref}:1", escalation]
    assert wall.calls.count(("attach", picture)) == tries
    assert world.status(picture) == status
