"""Silences from their beginning to their end, and what people are told when they are over."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from typing import Any

import pytest

from monitoring_dagster.decisions.verdict import Verdict
from monitoring_dagster.incidents import answering
from monitoring_dagster.incidents.silences import Silence
from monitoring_dagster.monitors.calendar import taken_at
from monitoring_dagster.store import Store
from monitoring_dagster.store.response_tables import incident, outbox, silence
from tests.effects.office import SlackOffice
from tests.effects.tables import acted, rows
from tests.effects.watch import Watch
from tests.incidents_grouping.world import lost, monitor, objective, ok
from tests.slack.clock import HandClock

MONDAY = dt.date(2026, 3, 16)
HOUR, A_DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
LOST, MISSED = lost("age"), objective()
"""A column without values, and an objective that is missed: two causes."""


@pytest.fixture
def people() -> SlackOffice:
    return SlackOffice(HandClock(dt.datetime(2026, 3, 16, tzinfo=dt.UTC).timestamp()))


def watch_of(store: Store, people: SlackOffice, **alerting: Any) -> Watch:
    watched = monitor(alerting={"channel": "#model-alerts", **alerting})
    return Watch(store, watched, people)


@pytest.fixture
def watch(store: Store, people: SlackOffice) -> Watch:
    return watch_of(store, people)


def silenced(watch: Watch, since: dt.datetime, until: dt.datetime, cause: str = "*") -> None:
    wanted = Silence(0, "*", cause, since, until, "ada", "the source is being moved")
    watch.at_desk(max(since, watch.people.clock.now()), lambda d: answering.silence(d, wanted))


def day(number: int) -> dt.date:
    return MONDAY + number * A_DAY


def morning(watch: Watch, number: int) -> dt.datetime:
    return taken_at(watch.monitor, day(number))


def lives_through(watch: Watch, *days: list[Verdict]) -> None:
    for number, said in enumerate(days):
        watch.morning(day(number), said)


def test_the_end_of_a_silence_tells_of_what_is_open_and_not_of_what_is_over(watch: Watch) -> None:
    until = morning(watch, 2) + HOUR
    silenced(watch, morning(watch, 0) - HOUR, until)
    lives_through(watch, [LOST, MISSED], [ok(LOST), MISSED], [ok(LOST), MISSED])
    watch.attend(until - HOUR / 60)
    assert watch.people.seen == []
    assert Counter(rows(watch.store, incident, "cause_kind", "status")) == {
        ("column", "resolved"): 1,
        ("performance", "open"): 1,
    }
    watch.attend(until)
    (root,) = watch.people.seen
    assert "ranks" in root.reading.shown
    assert f"Since: {day(0):%a %-d %b %Y}" in root.reading.shown
    assert not [key for key in rows(watch.store, outbox, "key") if key.startswith("resolution")]
    assert set(rows(watch.store, outbox, "kind")) <= {"root", "picture"}


def test_of_silences_that_overlap_the_last_one_counts(watch: Watch) -> None:
    first, last = morning(watch, 1) + HOUR, morning(watch, 2) + HOUR
    silenced(watch, morning(watch, 0) - HOUR, first, "column:*")
    silenced(watch, morning(watch, 0), last)
    lives_through(watch, [LOST], [LOST])
    watch.attend(first)
    assert watch.people.seen == []
    assert [ended is None for ended in rows(watch.store, silence, "ended_at")] == [False, True]
    watch.attend(last)
    assert len(watch.people.seen) == 1


def test_one_silence_that_ends_within_another_wakes_nobody_by_the_way(watch: Watch) -> None:
    """What the wider one does not match is told at the end of the narrower one."""
    first, last = morning(watch, 1) + HOUR, morning(watch, 2) + HOUR
    silenced(watch, morning(watch, 0) - HOUR, first)
    silenced(watch, morning(watch, 0), last, "performance")
    lives_through(watch, [LOST, MISSED], [LOST, MISSED])
    watch.attend(first)
    (root,) = watch.people.seen
    assert "age" in root.reading.shown
    watch.attend(last)
    assert len(watch.people.seen) == 2


def test_that_a_silence_ended_is_written_down_once_whoever_comes_first(
    store: Store, people: SlackOffice
) -> None:
    watches = [Watch(store, monitor(name=f"parcels_{i}"), people) for i in range(3)]
    until = morning(watches[0], 0)
    silenced(watches[0], until - HOUR, until)
    for _ in range(2):
        for watch in watches:
            watch.attend(until)
    counts = Counter(entry.action for entry in acted(store).elements())
    assert counts == {"silence.created": 1, "silence.ended": 1}
    assert rows(store, silence, "ended_at") == [until]


@pytest.mark.parametrize(
    ("zone", "begins", "ends", "over_at"),
    [
        pytest.param("UTC", "22:00", "06:30", "06:30", id="over midnight"),
        pytest.param("America/New_York", "22:00", "06:30", "10:30", id="by the monitor's clock"),
        pytest.param("UTC", "00:00", "24:00", "00:00", id="a whole day is over at midnight"),
    ],
)
def test_a_maintenance_window_keeps_still_until_it_ends(
    store: Store, people: SlackOffice, zone: str, begins: str, ends: str, over_at: str
) -> None:
    """Monday's window: the morning of Tuesday, when Monday is judged, may lie within it."""
    days = ["tue"] if ends == "24:00" else ["mon"]
    window = {"days": days, "from": begins, "to": ends, "because": "the source is moved"}
    watched = monitor(time_zone=zone, alerting={"maintenance": [window]})
    watch = Watch(store, watched, people)
    watch.morning(MONDAY, [LOST])
    assert watch.people.seen == []
    assert rows(store, incident, "status", "alerted_at") == [("open", None)]
    over = dt.time.fromisoformat(over_at)
    ended = dt.datetime.combine(day(2 if ends == "24:00" else 1), over, tzinfo=dt.UTC)
    watch.attend(ended - dt.timedelta(minutes=1))
    assert watch.people.seen == []
    watch.attend(ended)
    assert len(watch.people.seen) == 1


def test_a_snooze_by_reaction_lasts_a_day_and_is_heard_once(watch: Watch) -> None:
    watch.morning(day(0), [LOST])
    (root,) = watch.people.seen
    at = morning(watch, 0) + HOUR
    watch.people.at(at)
    watch.people.workspace.human.react(watch.people.person, root.ts, "no_bell")
    for _ in range(3):
        watch.upkeep.hear()
    watch.deliver()
    assert "Snoozed until 18 Mar 2026, 07:00" in watch.people.seen[0].reading.shown
    for hours in (5, 12, 23.9):
        watch.attend(at + hours * HOUR)
        watch.upkeep.hear()
    watch.morning(day(1), [LOST])
    assert watch.people.seen[0].replies == ()

    watch.attend(at + 24 * HOUR)
    assert rows(watch.store, incident, "snoozed_until") == [None]
    watch.attend(at + 29 * HOUR)
    assert watch.people.seen[0].replies[-1].text.startswith(("⏰", "🚨"))
    actions = Counter(entry.action for entry in acted(watch.store).elements())
    assert (actions["incident.snoozed"], actions["incident.silence_ended"]) == (1, 1)


def test_what_comes_and_goes_for_a_month_is_one_message_that_says_so(watch: Watch) -> None:
    for number in range(30):
        watch.morning(day(number), [ok(LOST) if number % 2 else LOST])
        for hours in (4, 12):
            watch.attend(morning(watch, number) + hours * HOUR)
    (root,) = watch.people.seen
    assert root.is_edited
    assert "flapping" in root.reading.shown.lower()
    assert rows(watch.store, incident, "is_flapping") == [True]
    kinds = Counter(kind for kind in rows(watch.store, outbox, "kind"))
    assert kinds["root"] == 1
    assert kinds["resolution"] + kinds["reopening"] <= 4
    assert len(root.replies) <= 10
    last = max(float(reply.ts) for reply in root.replies)
    assert last < morning(watch, 6).timestamp()


def test_a_silence_leaves_no_trace_in_what_is_opened_and_kept(
    store: Store, people: SlackOffice
) -> None:
    """The same days with and without one: the same incidents, but for who was called."""
    watch = watch_of(store, people)
    silenced(watch, morning(watch, 0) - HOUR, morning(watch, 5))
    lives_through(watch, [LOST, MISSED], [ok(LOST), MISSED], [LOST, MISSED])
    assert Counter(rows(store, incident, "cause_kind", "status", "reopened")) == {
        ("column", "open", 1): 1,
        ("performance", "open", 0): 1,
    }
    assert people.posts == 0
    watch.attend(morning(watch, 5))
    assert people.posts == 2
    watch.attend(morning(watch, 5) + HOUR)
    assert people.posts == 2
