"""The order of a tick, and that nothing and nobody in it keeps the rest from being done."""

from __future__ import annotations

import dataclasses
import datetime as dt
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from monitoring_dagster import egress
from monitoring_dagster.notifications.slack import SlackChannel
from monitoring_dagster.store import Store
from tests.incidents_lifecycle.small_desk import morning
from tests.upkeep.deployment import Clock, harm, judge, monitor, rows, upkeep

BUDGET = dt.timedelta(seconds=20)
SENT = (
    "UPDATE outbox SET status='sent', sent_by='slack', sent_at=created_at, channel='C123',"
    " message_ts='1.' || id, applied_revision=1"
)


class Silent:
    """A Slack that takes every call and answers none."""

    def __init__(self, clock: Clock) -> None:
        self.clock, self.calls = clock, list[str]()

    def __call__(self, url: str, *, seconds: float, **_: object) -> egress.Reply:
        self.calls.append(url.rsplit("/", 1)[-1])
        self.clock.move(seconds)
        raise egress.AnswerLost("timeout")


def many(store: Store, count: int) -> list[Any]:
    """Monitors with one open incident each."""
    made = [monitor(f"m{number:02d}") for number in range(count)]
    for one in made:
        judge(store, one, morning(0), {0: [harm()]})
    return made


def test_listening_ends_with_the_first_call_that_nobody_answers(
    store: Store, tmp_path: Path
) -> None:
    clock = Clock(morning(0))
    slack = Silent(clock)
    channel = SlackChannel("xoxb-1-2", clock=clock, send=slack)
    monitors = many(store, 5)
    store.write(lambda connection: connection.execute(sa.text(SENT)))
    heard = upkeep(store, monitors, clock, tmp_path, channel=channel).hear()
    assert slack.calls == ["auth.test"]
    assert (heard.new, heard.next_from) == (0, 1)


def test_people_are_told_before_anybody_is_listened_to(store: Store, tmp_path: Path) -> None:
    clock = Clock(morning(0))
    slack = Silent(clock)
    monitors = many(store, 2)
    store.write(lambda connection: connection.execute(sa.text(SENT)))
    judge(store, monitors[0], morning(0), {0: [harm("recall")]})
    late = monitor("late")
    judge(store, late, morning(0), {0: [harm()]})
    channel = SlackChannel("xoxb-1-2", clock=clock, send=slack)
    upkeep(store, [*monitors, late], clock, tmp_path, channel=channel).tick(BUDGET)
    assert slack.calls[0] == "chat.postMessage"


def test_an_incident_that_cannot_be_read_stops_nobody_else(store: Store, tmp_path: Path) -> None:
    clock = Clock(morning(0))
    monitors = many(store, 3)
    store.write(
        lambda c: c.execute(sa.text("UPDATE incident SET context='broken' WHERE monitor='m01'"))
    )
    clock.now = morning(3)
    kept = upkeep(store, monitors, clock, tmp_path)
    failures = kept.attend()
    assert [failure.partition(":")[0] for failure in failures] == ["m01"]
    said = rows(store, "SELECT monitor FROM incident WHERE reminders > 0 OR escalations > 0")
    assert {row.monitor for row in said} == {"m00", "m02"}
    done = kept.tick(BUDGET)
    assert done.failures
    assert done.delivered.sent > 0


def test_what_somebody_else_keeps_locked_is_left_to_the_next_time(
    store: Store, tmp_path: Path
) -> None:
    clock = Clock(morning(0))
    monitors = many(store, 2)
    clock.now = morning(3)
    kept = upkeep(store, monitors, clock, tmp_path)
    has, may_go = threading.Event(), threading.Event()

    def evaluates(_: object) -> None:
        has.set()
        may_go.wait(60)

    other = threading.Thread(target=lambda: store.decide("m00", evaluates))
    other.start()
    try:
        assert has.wait(60)
        assert kept.attend() == []
    finally:
        may_go.set()
        other.join()
    kept.attend()
    told = rows(store, "SELECT monitor FROM incident WHERE reminders > 0 OR escalations > 0")
    assert {row.monitor for row in told} == {"m00", "m01"}


def test_a_tick_in_which_nothing_is_due_takes_no_lock(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(morning(0))
    kept = upkeep(store, many(store, 2), clock, tmp_path)

    def nobody(*args: object, **named: object) -> None:
        raise AssertionError(f"locked: {args} {named}")

    monkeypatch.setattr(Store, "decide", nobody)
    assert kept.attend() == []


def test_no_monitor_is_begun_when_the_time_is_over(store: Store, tmp_path: Path) -> None:
    clock = Clock(morning(0))
    monitors = many(store, 3)
    clock.now = morning(3)
    kept = upkeep(store, monitors, clock, tmp_path)
    assert kept.attend(clock.now) == []
    assert not rows(store, "SELECT 1 FROM incident WHERE reminders > 0 OR escalations > 0")


class Reacted:
    """A Slack on whose messages somebody has put eyes."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, url: str, **_: object) -> egress.Reply:
        method = url.rsplit("/", 1)[-1]
        answers: Mapping[str, bytes] = {
            "auth.test": b'{"ok": true, "user_id": "UBOT", "team": "t"}',
            "reactions.get": b'{"ok": true, "message": {"reactions":'
            b' [{"name": "eyes", "users": ["U1"], "count": 1}]}}',
        }
        self.asked.append(method)
        return egress.Reply(200, {}, answers[method])


def test_a_reaction_to_a_digest_is_about_all_that_it_tells(store: Store, tmp_path: Path) -> None:
    clock = Clock(morning(0))
    monitors = many(store, 14)
    upkeep(store, monitors, clock, tmp_path).deliver(dt.timedelta(minutes=1))
    places = "UPDATE outbox SET sent_by='slack', channel='C123', message_ts='1.' || id"
    gone = " WHERE kind='digest'"
    store.write(lambda connection: connection.execute(sa.text(places + gone)))
    slack = Reacted()
    channel = SlackChannel("xoxb-1-2", clock=clock, send=slack)
    kept = upkeep(store, monitors, clock, tmp_path, channel=channel)
    assert kept.hear().new == 1
    assert slack.asked == ["auth.test", "reactions.get"]
    by = rows(store, "SELECT acknowledged_by AS by FROM incident WHERE status='acknowledged'")
    assert [row.by for row in by] == ["slack:U1"] * 4
    assert kept.hear().new == 0


def test_a_message_that_a_second_slack_has_is_listened_to(store: Store, tmp_path: Path) -> None:
    clock = Clock(morning(0))
    monitors = many(store, 1)
    relayed = SENT.replace("'sent'", "'relayed'")
    store.write(lambda connection: connection.execute(sa.text(relayed)))
    channel = SlackChannel("xoxb-1-2", clock=clock, send=Reacted())
    kept = dataclasses.replace(upkeep(store, monitors, clock, tmp_path, channel=channel))
    assert kept.hear().new == 1
