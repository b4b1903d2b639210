"""Workers that work at once, take each other's work over, come late, and die."""

from __future__ import annotations

import contextlib
import datetime as dt
import multiprocessing as mp
import signal
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest

from monitoring_dagster.notifications.channel import Look, Sighting
from monitoring_dagster.notifications.delivered import Happened
from monitoring_dagster.store import Store
from tests.notifications_delivery.crashes import AT_ONCE, PaperWall, deliver
from tests.notifications_delivery.wall import (
    LOST,
    OK,
    START,
    Landing,
    Wall,
    World,
)

LATER = START + dt.timedelta(minutes=3)


@pytest.fixture(scope="session")
def processes() -> ForkServerContext:
    context = mp.get_context("forkserver")
    context.set_forkserver_preload(["tests.notifications_delivery.crashes"])
    return context


def test_four_threads_send_everything_once(world: World, wall: Wall, store_url: str) -> None:
    refs = [world.open() for _ in range(8)]
    replies = [world.reply(ref) for ref in refs]

    def work(number: int) -> None:
        with contextlib.closing(Store(store_url, wait_seconds=20)) as store:
            other = World(store, world.clock)
            other.delivery(wall, owner=f"thread {number}", rules=AT_ONCE).deliver()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    world.delivery(wall, rules=AT_ONCE).deliver()
    assert sorted(wall.keys) == sorted([f"root:{ref}:1" for ref in refs] + replies)


def test_three_processes_send_everything_once(
    world: World, store_url: str, tmp_path: Path, processes: ForkServerContext
) -> None:
    paper = tmp_path / "wall"
    refs = [world.open() for _ in range(6)]
    replies = [world.reply(ref) for ref in refs]
    names = [f"process {n}" for n in range(3)]
    with ProcessPoolExecutor(3, mp_context=processes) as pool:
        list(pool.map(deliver, [store_url] * 3, [str(paper)] * 3, [START] * 3, names))
    deliver(store_url, str(paper), START, "last")
    keys = PaperWall(paper, LATER).keys
    assert sorted(keys) == sorted([f"root:{ref}:1" for ref in refs] + replies)


@pytest.mark.parametrize(
    "failpoint",
    [
        "outbox.claimed",
        "delivery.held",
        "delivery.posted",
        "delivery.recorded",
        "delivery.looked",
        "delivery.edit_claimed",
        "delivery.edited",
        "delivery.edit_recorded",
    ],
)
def test_a_worker_that_is_killed_leaves_nothing_lost_and_nothing_twice(
    world: World, store_url: str, tmp_path: Path, processes: ForkServerContext, failpoint: str
) -> None:
    paper = str(tmp_path / "wall")
    ref = world.open()
    if failpoint == "delivery.looked":
        kill(processes, store_url, paper, START, "delivery.posted")
    elif failpoint.startswith("delivery.edit"):
        deliver(store_url, paper, START, "first")
        world.change(ref, {"title": "worse"})
    kill(processes, store_url, paper, START + dt.timedelta(minutes=3), failpoint)
    escalation = world.reply(ref)
    for minutes in (6, 9, 12):
        deliver(store_url, paper, START + dt.timedelta(minutes=minutes), f"after {minutes}")
    seen = PaperWall(Path(paper), START + dt.timedelta(hours=1)).seen
    assert [m.key for m in seen] == [f"root:{ref}:1", escalation]
    assert seen[0].text == f"{ref} open r{2 if failpoint.startswith('delivery.edit') else 1}"
    assert seen[1].thread == seen[0].ts


def kill(
    processes: ForkServerContext, url: str, paper: str, now: dt.datetime, failpoint: str
) -> None:
    worker = processes.Process(target=deliver, args=(url, paper, now, "dies", f"{failpoint}=kill"))
    worker.start()
    worker.join()
    assert worker.exitcode == -signal.SIGKILL


def test_an_answer_that_comes_after_the_lease_is_not_lost(world: World, wall: Wall) -> None:
    """The second worker looks while the first still waits for its answer."""
    ref = world.open()

    seen: list[str] = []

    def meanwhile() -> None:
        world.clock.move(seconds=121)
        wall.looks = [Sighting(Look.FAILED, error="down")]
        world.delivery(wall, owner="second").deliver(dt.timedelta(seconds=1))
        seen.append(world.status(f"root:{ref}:1"))

    wall.posts = [Landing(OK, lands=True, meanwhile=meanwhile)]
    world.delivery(wall, owner="first").deliver(dt.timedelta(seconds=1))
    assert seen == ["pending"]
    assert world.status(f"root:{ref}:1") == "sent"
    world.clock.move(minutes=10)
    world.delivery(wall, owner="second").deliver()
    assert wall.keys == [f"root:{ref}:1"]


def test_a_failure_that_comes_after_the_lease_changes_nothing(world: World, wall: Wall) -> None:
    ref = world.open()

    def meanwhile() -> None:
        world.clock.move(seconds=121)
        world.delivery(wall, owner="second").deliver(dt.timedelta(seconds=1))

    wall.posts = [Landing(LOST, meanwhile=meanwhile), Landing(OK, lands=True)]
    world.delivery(wall, owner="first").deliver(dt.timedelta(seconds=1))
    assert world.status(f"root:{ref}:1") == "sent"
    assert wall.keys == [f"root:{ref}:1"]


def test_a_message_that_lands_later_than_any_should_is_noticed(
    world: World, wall: Wall, caplog: pytest.LogCaptureFixture
) -> None:
    world.open()

    def meanwhile() -> None:
        world.clock.move(seconds=121)
        world.delivery(wall, owner="second").deliver(dt.timedelta(seconds=1))

    wall.posts = [Landing(OK, lands=True, meanwhile=meanwhile)]
    delivered = world.delivery(wall, owner="first").deliver(dt.timedelta(seconds=1))
    assert delivered.counts[Happened.TWICE] == 1
    assert "sent by two processes" in caplog.text


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit], ids=["interrupt", "terminate"])
def test_a_worker_that_is_told_to_end_gives_back_what_it_has_not_sent(
    world: World, wall: Wall, error: type[BaseException]
) -> None:
    ref = world.open()

    def ends(*_: object) -> None:
        raise error

    with pytest.raises(error):
        world.delivery(wall, render=ends).deliver()
    assert world.delivery(wall, owner="next").deliver(dt.timedelta(seconds=2)).sent == 1
    assert wall.keys == [f"root:{ref}:1"]
