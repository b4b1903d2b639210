"""What a storm costs after it: its incidents are called for together."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import sqlalchemy as sa

from monitoring_dagster.incidents import answering
from monitoring_dagster.store import Store
from tests.incidents_lifecycle.small_desk import morning
from tests.upkeep.deployment import Clock, harm, judge, monitor, rows, upkeep

HOUR = 3600


def test_sixty_incidents_in_a_storm_are_a_few_messages_in_the_week_after_it(
    store: Store, tmp_path: Path
) -> None:
    clock = Clock(morning(0))
    monitors = [monitor(f"m{number:02d}") for number in range(60)]
    for one in monitors:
        judge(store, one, clock.now, {0: [harm()]})
    kept = upkeep(store, monitors, clock, tmp_path)
    kept.deliver(dt.timedelta(minutes=1))
    assert _sent(store) == 11
    for hours in (5, 20, 24, 48, 72):
        clock.move(hours * HOUR)
        assert kept.attend() == []
        kept.deliver(dt.timedelta(minutes=1))
    calls = rows(store, "SELECT kind, digest_id, payload FROM outbox WHERE incident_id IS NULL")
    said = [json.loads(row.payload)["headline"] for row in calls if row.kind != "digest"]
    assert 2 <= len(said) <= 5
    assert "60 incidents" in said[0]
    assert _sent(store) == 11 + len(said)
    assert rows(store, "SELECT 1 FROM audit WHERE action LIKE 'storm.%'")


def test_a_storm_that_somebody_has_answered_is_quiet(store: Store, tmp_path: Path) -> None:
    clock = Clock(morning(0))
    monitors = [monitor(f"m{number:02d}") for number in range(12)]
    for one in monitors:
        judge(store, one, clock.now, {0: [harm()]})
    kept = upkeep(store, monitors, clock, tmp_path)
    kept.deliver(dt.timedelta(minutes=1))
    for row in rows(store, "SELECT ref FROM incident"):
        kept.answer(row.ref, lambda desk, ref: answering.acknowledge(desk, ref, "ann"))
    before = _sent(store)
    clock.move(100 * HOUR)
    kept.attend()
    kept.deliver()
    assert _sent(store) == before


def test_a_storm_that_gets_worse_is_said_once(store: Store, tmp_path: Path) -> None:
    clock = Clock(morning(0))
    monitors = [monitor(f"m{number:02d}") for number in range(14)]
    for one in monitors:
        judge(store, one, clock.now, {0: [harm()]})
    kept = upkeep(store, monitors, clock, tmp_path)
    kept.deliver(dt.timedelta(minutes=1))
    worse = (
        "UPDATE incident SET priority='P1' WHERE id IN (SELECT incident_id FROM digest_incident)"
    )
    store.write(lambda connection: connection.execute(sa.text(worse)))
    for _ in range(3):
        clock.move(30)
        kept.attend()
        kept.deliver()
    said = rows(store, "SELECT payload FROM outbox WHERE kind='escalation' AND status='sent'")
    assert [json.loads(row.payload)["headline"][:15] for row in said] == ["Now P1, was P2:"]


def _sent(store: Store) -> int:
    return rows(store, "SELECT count(*) AS n FROM outbox WHERE status='sent'")[0].n
