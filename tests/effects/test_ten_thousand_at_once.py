"""Ten thousand incidents at once: people get a few messages, the worst first, and the number."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import itertools
import json
from collections import Counter, defaultdict
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from monitoring_dagster.incidents import rows as written
from monitoring_dagster.incidents.cause import Cause, CauseKind, dedup_key
from monitoring_dagster.incidents.incident import Context, Incident, Priority
from monitoring_dagster.incidents.owed import Owed, owed
from monitoring_dagster.monitors.calendar import taken_at
from monitoring_dagster.store import Store
from monitoring_dagster.store.outbox import Status
from monitoring_dagster.store.response_tables import incident, incident_signal, outbox
from tests.effects.office import SlackOffice
from tests.effects.tables import rows
from tests.effects.watch import Watch
from tests.incidents_grouping.world import lost, monitor, ok
from tests.incidents_lifecycle.small_desk import an_incident, monitor_with
from tests.slack.clock import HandClock

NOW = dt.datetime(2026, 1, 5, 9, tzinfo=dt.UTC)
MONITORS, CAUSES = 200, 50
ALL = MONITORS * CAUSES
P1S, P2S = 14, 600
PICTURED = 10
"""One in so many has a picture."""

PLACES = ("#model-alerts", "#more-alerts")
BUDGET = 12
"""Messages that one channel takes within ten minutes: ten of their own, a digest, and its new one
should somebody delete it."""

TEN_MINUTES = dt.timedelta(minutes=10)


@pytest.fixture
def people() -> SlackOffice:
    office = SlackOffice(HandClock(NOW.timestamp()))
    office.workspace.add_channel("more-alerts", bots=[office.token])
    return office


def incidents() -> Iterator[Incident]:
    """In an order in which the gravest are neither first nor last."""
    one = an_incident(Priority.P3, at=NOW)
    for n, (m, c) in enumerate(itertools.product(range(MONITORS), range(CAUSES))):
        turned = (n * 7_919 + 1_234) % ALL
        priority = Priority.P1 if turned < P1S else Priority.P2 if turned < P2S else Priority.P3
        yield dataclasses.replace(
            one,
            ref=f"MD-{n:06X}",
            monitor=f"monitor_{m}",
            cause=Cause(CauseKind.COLUMN, f"column_{c}"),
            priority=priority,
            context=one.context if n % PICTURED == 0 else Context(what=one.context.what),
        )


def write_down(store: Store) -> None:
    """As the desk writes them, ten thousand rows at a time: by the desk it takes a minute."""
    told = {place: monitor_with(channel=place) for place in PLACES}
    kept, owing, signals = [], [], []
    for number, one in enumerate(incidents(), start=1):
        row = written.row_of(one, dedup_key("test", one.monitor, one.cause))
        kept.append({**row, "id": number})
        signals += [{**s, "incident_id": number} for s in written.signal_rows(one.signals)]
        to = told[PLACES[number % len(PLACES)]]
        owing += [
            {**_NEW, **_as_row(notice), "incident_id": number}
            for notice in owed(None, one, to, has_root=False, mute=None, now=NOW)
        ]

    def work(connection: sa.Connection) -> None:
        connection.execute(sa.insert(incident), kept)
        connection.execute(sa.insert(incident_signal), signals)
        connection.execute(sa.insert(outbox), owing)

    store.write(work)


_NEW = {
    "status": "pending",
    "attempts": 0,
    "form": "full",
    "applied_revision": 0,
    "is_doubtful": False,
    "failures": 0,
    "last_error": "",
    "created_at": NOW,
    "next_at": NOW,
    "due_at": NOW,
}


def _as_row(notice: Owed) -> dict[str, object]:
    return {
        "key": notice.key,
        "kind": notice.kind.value,
        "destination": notice.destination,
        "priority": notice.priority.value,
        "payload": json.dumps(notice.payload),
    }


@contextlib.contextmanager
def counted_statements() -> Iterator[list[str]]:
    """Every statement that any store is sent."""
    sent: list[str] = []

    def note(_: object, __: object, statement: str, *___: object) -> None:
        sent.append(statement)

    event.listen(sa.Engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(sa.Engine, "before_cursor_execute", note)


def posted(people: SlackOffice) -> dict[str, list[float]]:
    """When messages came into each channel."""
    found: dict[str, list[float]] = defaultdict(list)
    for landing in people.workspace.landed:
        if landing.method == "chat.postMessage":
            found[landing.channel].append(landing.at)
    return found


def most_within_ten_minutes(instants: list[float]) -> int:
    return max(
        sum(at <= other < at + TEN_MINUTES.total_seconds() for other in instants) for at in instants
    )


def test_ten_thousand_incidents_are_few_messages_the_worst_first_and_their_number(
    store: Store, people: SlackOffice
) -> None:
    write_down(store)
    waiting = []
    with counted_statements() as statements:
        for _ in range(24):
            delivered = people.upkeep(store, []).deliver(dt.timedelta(seconds=20))
            waiting.append(delivered.waiting)
            people.clock.advance(30)

    assert len(rows(store, incident, "id")) == ALL
    roots = 10 * len(PLACES)
    statuses = Counter(rows(store, outbox, "kind", "status"))
    pictures = statuses.pop(("picture", Status.SENT), 0)
    assert statuses == {
        ("root", Status.SENT): roots,
        ("root", Status.DIGESTED): ALL - roots,
        ("digest", Status.SENT): len(PLACES),
        ("picture", Status.SUPERSEDED): ALL // PICTURED - pictures,
    }
    assert pictures < roots
    assert waiting[-1] == 0
    for instants in posted(people).values():
        assert most_within_ten_minutes(instants) <= BUDGET
    assert len(posted(people)) == len(PLACES)
    for seen in people.workspace.visible().values():
        told = [root.reading.shown for root in seen]
        digests = [text for text in told if "incidents within 10 minutes" in text]
        assert len(digests) == 1
        assert f"{ALL // 2 - 10:,} incidents within 10 minutes" in digests[0]
        priorities = [text.split()[1] for text in told if text not in digests]
        assert priorities == ["P1"] * 7 + ["P2"] * 3
    assert people.calls <= roots + len(PLACES) + 3 * pictures + 2
    assert len(statements) < 100 * (roots + len(PLACES) + pictures)


def test_a_storm_is_brought_to_mind_as_one_and_its_end_is_no_storm(
    store: Store, people: SlackOffice
) -> None:
    """Twenty incidents through the desk, hours in which nobody answers, and their end."""
    day = dt.date(2026, 3, 16)
    next_day = day + dt.timedelta(days=1)
    watches = [
        Watch(store, monitor(name=f"parcels_{i}", alerting={"channel": PLACES[0]}), people)
        for i in range(20)
    ]
    everywhere = people.upkeep(store, [watch.monitor for watch in watches])
    broken = [lost("age")]
    for watch in watches:
        watch.judge({day: broken}, taken_at(watch.monitor, day))
    watches[0].deliver()
    assert people.posts == 11

    for hours in (5, 6):
        people.clock.advance(hours * 3_600)
        assert everywhere.attend() == []
        watches[0].deliver()
    digest = next(r for r in people.seen if "within 10 minutes" in r.reading.shown)
    assert 1 <= people.posts - 11 == len(digest.replies) <= 2

    before = people.posts
    for watch in watches:
        watch.judge({next_day: [ok(one) for one in broken]}, taken_at(watch.monitor, next_day))
    for _ in range(4):
        watches[0].deliver()
        people.clock.advance(60)
    assert people.posts == before + 10
    digest = next(r for r in people.seen if "within 10 minutes" in r.reading.shown)
    assert "10 resolved" in digest.reading.shown
