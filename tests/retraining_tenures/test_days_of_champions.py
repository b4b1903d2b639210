"""Days of a small deployment across a change of its champion, from snapshots to incidents."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from monitoring_dagster.day import Day
from monitoring_dagster.decisions.verdict import Level, Rule, Verdict
from monitoring_dagster.failpoints import VARIABLE, FailpointReached
from monitoring_dagster.incidents.cause import CauseKind
from monitoring_dagster.monitors.calendar import Sitting
from monitoring_dagster.profiles import reference, storage
from monitoring_dagster.store import NewNormal
from monitoring_dagster.telemetry.lake import Lake
from tests.faults.deployment import Deployment
from tests.incidents_lifecycle.stored_desk import verdict
from tests.retraining_tenures.house import (
    DAYS,
    NOW,
    TOOK_OVER,
    WINDOW,
    change,
    claimed,
    rolled_back,
)

CAME_BACK = DAYS[5]


def undo(deployment: Deployment, today: dt.date = CAME_BACK) -> None:
    """The former champion comes back."""
    action = claimed(deployment.store, "small", "RT-000002")
    rolled_back(deployment.store, deployment.monitor, action, today=today)


def grids(deployment: Deployment) -> list[str]:
    """By day: on whose grid it is counted."""
    day = deployment.day(NOW)
    names = {day.on(d).reference.grid.id: n for d, n in ((DAYS[0], "old"), (TOOK_OVER, "new"))}
    lake = Lake(str(deployment.lake_folder))
    return [names[storage.read_grid_id(lake, "small", d) or ""] for d in DAYS]


def end(deployment: Deployment) -> dict[str, Any]:
    """What is known and said of every day, but for when and how often it was found."""
    when = ("computed_at", "evaluation_id", "revision", "verdict")
    store = deployment.store
    tables = [store.measurements("small"), store.verdicts("small")]
    rows = [
        [{k: v for k, v in row.items() if k not in when} for row in t.to_pylist()] for t in tables
    ]
    states = store.look_up(
        "small", lambda d: [d.state_after(x) for x in d.evaluated_since(dt.date.min)]
    )
    return {"measured": rows[0], "said": rows[1], "states": states}


def test_each_day_is_measured_and_judged_against_its_own_champions_reference(
    known_before: Deployment,
) -> None:
    day = known_before.day(NOW)
    assert grids(known_before) == ["old"] * 3 + ["new"] * 3
    assert day.on(DAYS[0]).monitor is day.monitor
    assert day.on(TOOK_OVER).reference.days.keys() == {WINDOW.first_day, WINDOW.last_day}
    hashes = {row["config_hash"] for row in known_before.store.verdicts("small").to_pylist()}
    assert hashes == {known_before.monitor.config_hash}


def test_a_tenure_that_becomes_known_afterwards_ends_in_the_same_tables(
    known_before: Deployment, deployment: Deployment
) -> None:
    deployment.day(NOW).evaluate(DAYS)
    assert end(deployment) != end(known_before)
    change(deployment)
    done = deployment.day(NOW).evaluate([TOOK_OVER])
    assert [e.day for e in done] == DAYS[3:]
    assert grids(deployment) == ["old"] * 3 + ["new"] * 3
    assert end(deployment) == end(known_before)
    later = NOW + dt.timedelta(days=1)
    again = deployment.day(later).evaluate(DAYS)
    assert not any(e.recorded.written for e in again)


def test_a_rollback_and_its_days_end_the_same_in_whichever_order(
    known_before: Deployment, deployment: Deployment
) -> None:
    undo(known_before)
    known_before.day(NOW).evaluate([CAME_BACK])
    assert grids(known_before) == ["old"] * 3 + ["new"] * 2 + ["old"]
    change(deployment)
    undo(deployment)
    for day in reversed(DAYS):
        deployment.day(NOW).evaluate([day])
    assert end(deployment) == end(known_before)
    stages = deployment.day(NOW)
    assert stages.on(CAME_BACK) is stages.on(DAYS[0])


def test_labels_that_come_after_a_change_are_counted_for_the_champion_of_their_day(
    known_before: Deployment, deployment: Deployment
) -> None:
    """The stages of late labels do not count inputs again, unless those are another champion's."""
    change(deployment)
    run = deployment.day(NOW)
    for stage in (run.count_outcomes, run.measure_performance, run.estimate_performance):
        stage([TOOK_OVER])
    deployment.day(NOW).evaluate(DAYS)
    assert end(deployment) == end(known_before)


def test_what_breaks_on_the_way_is_done_by_the_next_evaluation(
    known_before: Deployment, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployment.day(NOW).evaluate(DAYS)
    change(deployment)
    monkeypatch.setenv(VARIABLE, "renewal.stage_done=raise")
    with pytest.raises(FailpointReached):
        deployment.day(NOW).evaluate([TOOK_OVER])
    monkeypatch.setenv(VARIABLE, "lake.written.parquet=raise")
    with pytest.raises(FailpointReached):
        deployment.day(NOW).evaluate([TOOK_OVER])
    monkeypatch.delenv(VARIABLE)
    half = deployment.day(NOW)
    half.check_quality(DAYS[3:])
    half.count_profiles(DAYS[3:])
    half.count_outcomes(DAYS[3:])
    deployment.day(NOW).evaluate([TOOK_OVER])
    assert end(deployment) == end(known_before)


def test_a_new_normal_of_the_first_champion_does_not_reach_the_second(
    known_before: Deployment,
) -> None:
    done = known_before.day(NOW).accept(NewNormal(DAYS[1], "so it is", "ann", NOW))
    judged = [e.day for e in done if e.recorded.written]
    assert judged == DAYS[1:3]


def test_without_tenures_nothing_is_measured_again(deployment: Deployment) -> None:
    deployment.day(NOW).evaluate(DAYS)
    before = deployment.store.evaluations("small").to_pylist()
    deployment.day(NOW).evaluate(DAYS)
    assert deployment.store.evaluations("small").to_pylist() == before
    assert {row["revision"] for row in before} == {1}


def test_the_reference_asset_freezes_what_the_present_champion_needs(
    deployment: Deployment,
) -> None:
    change(deployment)
    frozen = deployment.day(NOW).freeze_reference()
    assert frozen.id == deployment.day(NOW).on(TOOK_OVER).reference.id
    assert reference.is_frozen(Lake(str(deployment.lake_folder)), deployment.monitor)


# --- incidents ------------------------------------------------------------------------------------


def responded(day: Day, said: dict[dt.date, list[Verdict]], now: dt.datetime) -> list[str]:
    """The causes that are open after these verdicts became known."""
    response: Any = day._response
    sitting = Sitting(now, tuple(said))
    day.store.decide("small", lambda docket: response.respond(docket, sitting, said))
    return sorted(str(incident.cause.kind) for incident in day.open_incidents())


FOUND = [
    verdict(Level.CRITICAL),
    verdict(Level.CRITICAL, rule=Rule.OPERATIONS, metric="latency_p95", column="latency_ms"),
]


def test_findings_about_a_champion_that_is_gone_open_nothing_and_others_do(
    deployment: Deployment,
) -> None:
    change(deployment)
    found = responded(deployment.day(NOW), {DAYS[2]: FOUND}, NOW)
    assert found == [CauseKind.OPERATIONS]


def test_findings_about_the_present_one_open_incidents(deployment: Deployment) -> None:
    change(deployment)
    found = responded(deployment.day(NOW), {TOOK_OVER: FOUND}, NOW)
    assert found == [CauseKind.OPERATIONS, CauseKind.PERFORMANCE]


def test_before_a_tenure_begins_its_predecessor_is_the_present_one(
    deployment: Deployment,
) -> None:
    """In a replay, the store knows tenures that have not begun yet at the instant relived."""
    change(deployment)
    now = dt.datetime.combine(DAYS[2], dt.time(6), dt.UTC)
    found = responded(deployment.day(NOW), {DAYS[1]: FOUND}, now)
    assert found == [CauseKind.OPERATIONS, CauseKind.PERFORMANCE]


def test_a_promotion_that_was_undone_on_its_day_changes_nothing_about_findings(
    deployment: Deployment,
) -> None:
    change(deployment)
    undo(deployment, TOOK_OVER)
    found = responded(deployment.day(NOW), {DAYS[2]: FOUND}, NOW)
    assert found == [CauseKind.OPERATIONS, CauseKind.PERFORMANCE]
