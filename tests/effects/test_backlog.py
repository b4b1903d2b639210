"""Days long over: a year of findings is one message, and calls nobody; today still does."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import pytest

from monitoring_dagster.metrics.measurement import Measurement
from monitoring_dagster.monitors.calendar import taken_at
from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.store import Store
from monitoring_dagster.store.response_tables import digest, incident, outbox
from monitoring_dagster.store.tables import verdict
from tests.decisions.conftest import Drawing, World, after, only
from tests.effects.office import SlackOffice
from tests.effects.tables import acted, differences, rows, tables
from tests.effects.watch import RUN_DAYS, Backlog
from tests.slack.clock import HandClock

YEAR = 365
DAYS = [after(i) for i in range(YEAR)]
HOUR = dt.timedelta(hours=1)
WEEK = dt.timedelta(days=7)
METRICS = ("psi", "null_rate_change", "accuracy", "rows")
QUIET, DRIFTED, HOLED, WRONG = range(4)
CALLS = {"root", "escalation", "reminder", "reopening", "resolution", "picture"}
"""Kinds of notices that call somebody, or follow one that did."""


def kind_of(number: int) -> int:
    """What the day of that number is like: weeks of drift, holes now and then, errors."""
    if 20 <= number % 60 < 32:
        return DRIFTED
    if number % 45 == 7:
        return HOLED
    return WRONG if number % 100 > 90 else QUIET


@pytest.fixture(scope="module")
def drawn_days(world: World) -> list[list[Measurement]]:
    """One day of each kind."""
    kinds = [
        None,
        Drawing(shifts={"x0": 0.8}),
        Drawing(nulls={"x1": 0.3}),
        Drawing(errors=0.35),
    ]
    return [only(world.measured(i, drawing), *METRICS) for i, drawing in enumerate(kinds)]


@pytest.fixture
def backlog(store: Store, world: World) -> Backlog:
    watched = world.watched_by(alerting={"channel": "#model-alerts"})
    people = SlackOffice(HandClock(morning(watched.monitor, 0).timestamp()))
    return Backlog(store, watched.monitor, people, judge_of=watched.judge)


def morning(monitor: Monitor, number: int) -> dt.datetime:
    return taken_at(monitor, after(number))


def measure(backlog: Backlog, drawn_days: Sequence[Sequence[Measurement]], count: int) -> None:
    now = morning(backlog.monitor, count - 1)
    backlog.measure({after(i): drawn_days[kind_of(i)] for i in range(count)}, now)


def test_a_year_in_several_runs_is_one_digest_and_calls_nobody_even_weeks_later(
    backlog: Backlog, drawn_days: list[list[Measurement]]
) -> None:
    measure(backlog, drawn_days, YEAR)
    old = DAYS[:-3]
    now = morning(backlog.monitor, YEAR - 1)
    backlog.batch = "bkfl_abcdefgh"
    backlog.backfill(old, now)
    found = rows(backlog.store, incident, "is_late", "alerted_at")
    assert len(found) > 10
    assert set(found) == {(True, None)}
    assert rows(backlog.store, digest, "kind") == ["late"]
    assert rows(backlog.store, outbox, "kind") == ["digest"]

    before, entries = tables(backlog.store), acted(backlog.store)
    backlog.backfill(old, now)
    assert not differences(tables(backlog.store), before)
    assert acted(backlog.store) == entries

    backlog.batch = ""
    for weeks in (1, 2, 5):
        backlog.attend(now + weeks * WEEK)
    (root,) = backlog.people.seen
    assert root.replies == ()
    assert f"{len(found)} incidents in days that are over" in root.reading.shown
    assert backlog.people.posts == 1


def test_without_a_backfills_id_one_day_of_work_is_one_digest(
    backlog: Backlog, drawn_days: list[list[Measurement]]
) -> None:
    count = 4 * RUN_DAYS
    measure(backlog, drawn_days, count)
    backlog.backfill(DAYS[:count], morning(backlog.monitor, count + 30))
    assert len(rows(backlog.store, digest, "batch")) == 1
    assert rows(backlog.store, outbox, "kind") == ["digest"]
    backlog.attend(backlog.people.clock.now() + HOUR)
    assert backlog.people.posts == 1


def test_a_fresh_day_of_what_began_long_ago_calls_somebody_and_says_since_when(
    backlog: Backlog, drawn_days: list[list[Measurement]]
) -> None:
    began, count = 10, 18
    kinds = [DRIFTED if i >= began else QUIET for i in range(count + 1)]
    now = morning(backlog.monitor, count)
    backlog.measure({after(i): drawn_days[kind] for i, kind in enumerate(kinds)}, now)
    backlog.batch = "bkfl_abcdefgh"
    backlog.backfill([after(i) for i in range(count - 3)], now)
    assert set(rows(backlog.store, incident, "is_late")) == {True}
    backlog.attend(now + HOUR)
    assert backlog.people.posts == 1

    backlog.batch = ""
    backlog.evaluate([after(i) for i in range(count - 3, count + 1)], now + HOUR)
    backlog.deliver()
    (ordinary,) = rows(backlog.store, incident, "is_late", "since", "opened_at", "alerted_at")
    assert ordinary.is_late is False
    assert ordinary.since == after(began)
    assert ordinary.alerted_at is not None
    digest_, root = backlog.people.seen
    assert "days that are over" in digest_.reading.shown
    assert f"{after(began):%-d %b}" in root.reading.shown


def test_labels_that_come_late_revise_old_incidents_and_call_nobody(
    backlog: Backlog, drawn_days: list[list[Measurement]]
) -> None:
    """Days told on their own mornings without labels; weeks later all labels come at once."""
    count = 40
    kinds = [DRIFTED if 5 <= i < 12 else WRONG if 15 <= i < 25 else QUIET for i in range(count)]
    of_labels = {"accuracy"}
    for i, kind in enumerate(kinds):
        unlabelled = [m for m in drawn_days[kind] if m.metric not in of_labels]
        now = morning(backlog.monitor, i)
        backlog.measure({after(i): unlabelled}, now)
        backlog.evaluate([after(i)], now)
        backlog.deliver()
    told = rows(backlog.store, incident, "ref", "cause_kind", "is_late", "status")
    assert {(cause, late) for _, cause, late, _ in told} == {("inputs", False)}
    posts, known = backlog.people.posts, set(rows(backlog.store, outbox, "key"))

    late = morning(backlog.monitor, count + 20)
    labelled = [[m for m in found if m.metric in of_labels] for found in drawn_days]
    by_day = {after(i): labelled[kind] for i, kind in enumerate(kinds)}
    backlog.measure(by_day, late, stage="performance")
    backlog.evaluate([after(i) for i in range(count)], late)
    backlog.deliver()
    backlog.attend(late + WEEK)
    refs = {ref for ref, *_ in told}
    after_all = rows(backlog.store, incident, "ref", "cause_kind", "is_late")
    assert {row[1:] for row in after_all if row.ref not in refs} == {("performance", True)}
    owed = rows(backlog.store, outbox, "key", "kind")
    assert [kind for key, kind in owed if key not in known] == ["digest"]
    assert backlog.people.posts == posts + 1
    assert "accuracy" in set(rows(backlog.store, verdict, "metric"))

    before = tables(backlog.store)
    backlog.evaluate([after(i) for i in range(count)], late)
    assert not differences(tables(backlog.store), before)
