"""One channel is one place, however documents spell it: one pace, and one budget of a storm."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from monitoring_dagster.store import Store
from tests.incidents_lifecycle.small_desk import morning
from tests.notifications_delivery.wall import Clock as WallClock
from tests.notifications_delivery.wall import Wall
from tests.upkeep.deployment import PLACE, Clock, harm, judge, monitor, rows, upkeep


def test_what_names_no_channel_shares_the_place_of_the_default_one(
    store: Store, tmp_path: Path
) -> None:
    clock = Clock(morning(0))
    monitors = [
        monitor(f"m{number:02d}", channel=PLACE if number % 2 else None) for number in range(16)
    ]
    for one in monitors:
        judge(store, one, clock.now, {0: [harm()]})
    upkeep(store, monitors, clock, tmp_path).deliver(dt.timedelta(minutes=1))
    kinds = rows(store, "SELECT kind, status FROM outbox WHERE destination=:of", of=PLACE)
    assert [row.kind for row in kinds].count("digest") == 1
    assert [(row.kind, row.status) for row in kinds].count(("root", "sent")) == 10
    assert not rows(store, "SELECT 1 FROM outbox WHERE destination=''")
    assert [row.name for row in rows(store, "SELECT name FROM destination")] == [PLACE]


def test_an_id_shares_the_place_of_the_name_that_slack_answers_it_for(
    store: Store, tmp_path: Path
) -> None:
    clock = WallClock(morning(0))
    wall = Wall(clock, name="slack")
    named, numbered = monitor("named"), monitor("numbered", channel="C123")
    judge(store, named, clock(), {0: [harm()]})
    judge(store, numbered, clock(), {0: [harm()]})
    kept = upkeep(store, [named, numbered], Clock(morning(0)), tmp_path, channel=wall)
    kept.deliver()
    store.write(lambda connection: connection.exec_driver_sql("UPDATE outbox SET channel='C123'"))
    judge(store, numbered, clock(), {0: [harm()], 1: [harm("recall")]})
    kept.deliver()
    assert {row.destination for row in rows(store, "SELECT destination FROM outbox")} == {PLACE}
