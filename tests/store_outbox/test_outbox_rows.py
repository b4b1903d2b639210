"""Rows of the outbox, leases that were taken over, and turns that are given once."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor

import sqlalchemy as sa

from monitoring_dagster.store import Store, claims, destinations, outbox, response_tables
from monitoring_dagster.store.backlog import backlog
from monitoring_dagster.store.claims import Claimed, Terms, Turn
from monitoring_dagster.store.outbox import Doubt, Lease
from tests.notifications_delivery.wall import PLACE, START, World

SECOND, MINUTE = dt.timedelta(seconds=1), dt.timedelta(minutes=1)
NOTHING = dt.timedelta(0)


def terms(owner: str, interval: dt.timedelta = NOTHING) -> Terms:
    return Terms(owner, ("slack", "mail"), 2 * MINUTE, interval, 10 * MINUTE, 10 * MINUTE)


def claim(store: Store, now: dt.datetime, by: Terms) -> Claimed | None:
    return store.write(lambda c: claims.claim(c, [("slack", Turn.OWN)], now, by))


def sent(store: Store, lease: Lease, ts: str, now: dt.datetime = START) -> bool:
    return store.write(
        lambda c: outbox.record_sent(
            c, lease, by="slack", channel="C1", ts=ts, now=now, revision=1, edit_at=now
        )
    )


def test_a_notice_is_owed_once_however_often_it_is_decided(world: World) -> None:
    ref = world.open()
    row = world.row(f"root:{ref}:1")
    names = ("key", "kind", "incident_id", "digest_id", "destination", "priority")
    same = {name: getattr(row, name) for name in names}
    again = {**same, "payload": '{"other": 1}', "created_at": START, "next_at": START + MINUTE}
    assert world.store.write(lambda c: outbox.enqueue(c, [again, again])) == 0
    assert world.row(f"root:{ref}:1") == row


def test_what_is_claimed_is_nobody_elses_until_the_lease_is_over(world: World) -> None:
    world.open()
    first = claim(world.store, START, terms("first"))
    assert first is not None
    assert claim(world.store, START + MINUTE, terms("second")) is None
    second = claim(world.store, START + 2 * MINUTE, terms("second"))
    assert second is not None
    assert (second.notice.attempts, second.notice.first_attempt_at) == (2, START)


def test_whoever_lost_the_lease_changes_nothing_but_a_success(world: World) -> None:
    ref = world.open()
    first = claim(world.store, START, terms("first"))
    second = claim(world.store, START + 2 * MINUTE, terms("second"))
    assert first is not None
    assert second is not None
    now = START + 3 * MINUTE
    changes = [
        lambda c: outbox.release(c, first.lease, now, "late"),
        lambda c: outbox.block(c, first.lease, now, "late"),
        lambda c: outbox.degrade(c, first.lease, "text", now, "late"),
        lambda c: outbox.finish(c, first.lease, outbox.Status.QUARANTINED, "late"),
        lambda c: outbox.keep(c, first.lease, "late"),
        lambda c: outbox.renew(c, first.lease, now),
        lambda c: outbox.mark_doubtful(c, first.lease),
    ]
    before = world.row(f"root:{ref}:1")
    assert [world.store.write(change) for change in changes] == [False] * len(changes)
    assert world.row(f"root:{ref}:1") == before

    assert sent(world.store, first.lease, "1.0")
    assert not sent(world.store, second.lease, "2.0")
    assert world.row(f"root:{ref}:1").message_ts == "1.0"


def test_a_lease_of_the_same_owner_that_ended_is_no_lease(world: World) -> None:
    world.open()
    old = claim(world.store, START, terms("worker"))
    assert old is not None
    assert claim(world.store, START + 2 * MINUTE, terms("worker")) is not None
    assert not world.store.write(lambda c: outbox.release(c, old.lease, START, "late"))


def test_one_turn_is_given_once_to_everybody_who_asks(world: World) -> None:
    def ask(_: int) -> bool:
        return world.store.write(
            lambda c: destinations.reserve(
                c, "slack", PLACE, START, interval=SECOND, probe_every=MINUTE
            )
        )

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(ask, range(8))) == 1


def test_many_who_claim_at_once_claim_different_notices(world: World) -> None:
    for _ in range(6):
        world.open()

    def take(number: int) -> list[int]:
        own = terms(f"worker {number}")
        taken = (claim(world.store, START, own) for _ in range(6))
        return [claimed.notice.id for claimed in taken if claimed is not None]

    with ThreadPoolExecutor(4) as pool:
        taken = [number for numbers in pool.map(take, range(4)) for number in numbers]
    assert len(taken) == len(set(taken)) == 6


def test_a_reply_waits_for_its_root_and_for_the_replies_before_it(world: World) -> None:
    ref = world.open()
    first, second = world.reply(ref), world.reply(ref, n=1)
    order = []
    for _ in range(3):
        claimed = claim(world.store, START, terms("worker"))
        assert claimed is not None
        assert claim(world.store, START, terms("other")) is None
        sent(world.store, claimed.lease, f"{len(order)}.0")
        order.append(claimed.notice.key)
    assert order == [f"root:{ref}:1", first, second]


def test_a_notice_that_is_due_later_waits(world: World) -> None:
    world.open()
    statement = sa.update(outbox.outbox).values(next_at=START + MINUTE)
    world.store.write(lambda c: c.execute(statement))
    own = terms("worker")
    assert claim(world.store, START, own) is None
    assert world.store.read(lambda c: claims.next_chance(c, START, own)) == START + MINUTE
    assert claim(world.store, START + MINUTE, own) is not None


def test_a_notice_takes_the_priority_that_its_incident_has_by_now(world: World) -> None:
    world.open("P2")
    worse = world.open("P3")
    world.change(worse, {"priority": "P1"})
    claimed = claim(world.store, START, terms("worker"))
    assert claimed is not None
    assert claimed.notice.key == f"root:{worse}:1"


def test_a_doubt_keeps_the_instant_at_which_it_began(world: World) -> None:
    ref = world.open()
    notice = world.store.read(lambda c: outbox.notice(c, world.row(f"root:{ref}:1").id))
    for later in (0, 1):
        doubt = Doubt(START + later * MINUTE, None)
        world.store.write(lambda c, d=doubt: outbox.set_doubt(c, notice, "slack", d))
    look = world.store.read
    assert look(lambda c: outbox.doubt_of(c, notice.id, "slack")) == Doubt(START, None)
    assert look(lambda c: outbox.doubt_of(c, notice.id, "mail")) is None


def test_a_blocked_destination_is_probed_once_in_a_while(world: World) -> None:
    def ask(now: dt.datetime) -> bool:
        return world.store.write(
            lambda c: destinations.reserve(
                c, "slack", PLACE, now, interval=SECOND, probe_every=10 * MINUTE
            )
        )

    assert ask(START)
    world.store.write(lambda c: destinations.block(c, "slack", PLACE, START, "not_in_channel"))
    asked = [ask(START + minute * MINUTE) for minute in range(1, 22)]
    assert [minute for minute, given in enumerate(asked, 1) if given] == [1, 11, 21]


def test_the_alarm_of_an_outage_is_raised_once(world: World) -> None:
    def alarm() -> bool:
        return world.store.write(lambda c: destinations.raise_alarm(c, "slack", PLACE, START))

    assert [alarm(), alarm()] == [True, False]
    world.store.write(lambda c: destinations.succeeded(c, "slack", PLACE, START))
    assert alarm()


def test_the_backlog_counts_what_nobody_was_told(world: World) -> None:
    world.open()
    told = world.open("P1")
    claimed = claim(world.store, START, terms("worker"))
    assert claimed is not None
    assert claimed.notice.key == f"root:{told}:1"
    sent(world.store, claimed.lease, "1.0")
    later = START + 10 * MINUTE
    left = world.store.read(lambda c: backlog(c, "slack", later, 10 * MINUTE))
    assert (left.waiting, left.overdue, left.oldest, left.failing) == (1, 1, START, ())


def test_an_instant_that_an_expression_writes_sorts_like_any_other(world: World) -> None:
    world.open()
    assert claim(world.store, START, terms("worker")) is not None
    world.store.write(lambda c: destinations.failed(c, "slack", PLACE, START))
    d, o = response_tables.destination.c, response_tables.outbox.c
    early = START - MINUTE
    queries = [
        sa.select(d.name).where(d.failing_since > early),
        sa.select(o.id).where(o.first_attempt_at > early),
    ]
    for query in queries:
        assert world.store.read(lambda c, q=query: len(c.execute(q).all())) == 1
