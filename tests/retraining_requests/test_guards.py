"""Guards: each with what makes it refuse, and the sentence that people read."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from monitoring_dagster.incidents.cause import Cause, CauseKind
from monitoring_dagster.incidents.incident import Incident, Priority
from monitoring_dagster.incidents.incident import Status as IncidentStatus
from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.retraining import guards
from monitoring_dagster.retraining.action import Action, ActionKind, Status
from monitoring_dagster.retraining.guards import Circumstances, Guard, Refusal
from monitoring_dagster.retraining.windows import Excluded, Plan, Planned
from tests.retraining_requests.flights import action, day, document, taken

NOON = dt.datetime(2026, 3, 20, 12, tzinfo=dt.UTC)


def found(monitor: Monitor | None = None, *past: Action, **more: Any) -> Circumstances:
    given = {"now": NOON, "is_disabled": False, **more}
    return Circumstances(monitor or document(), actions=past, **given)


def decided(on: str, status: Status = Status.REFUSED, **more: Any) -> Action:
    at = dt.datetime.fromisoformat(f"{on}T08:00:00+00:00")
    return action(0, status, ref="RT-00000A", decided_at=at, **more)


def without_labels() -> Monitor:
    bare = document()
    telemetry = bare.telemetry.model_copy(update={"labels": None})
    return bare.model_copy(update={"telemetry": telemetry})


@pytest.mark.parametrize(
    ("circumstances", "guard", "text"),
    [
        (
            found(is_disabled=True),
            Guard.DISABLED,
            f"retraining is switched off in this deployment ({guards.SWITCH})",
        ),
        (
            found(document(trainer=None)),
            Guard.NO_TRAINER,
            "the monitor names no trainer (`retraining.trainer`)",
        ),
        (found(without_labels()), Guard.NO_LABELS, "the monitor has no labels to learn from"),
        (
            found(None, action(60, Status.SHADOWING)),
            Guard.IN_FLIGHT,
            "RT-000001 (retraining) is under way since 2026-03-03",
        ),
        (
            found(None, action(70, Status.RUNNING, kind=ActionKind.ROLLBACK)),
            Guard.IN_FLIGHT,
            "RT-000001 (rollback) is under way since 2026-03-13",
        ),
        (
            found(None, decided("2026-03-10")),
            Guard.COOLDOWN,
            (
                "RT-00000A was refused on 2026-03-10; the next may follow from 2026-03-24 on "
                "(`retraining.cooldown_days`)"
            ),
        ),
        (
            found(document(per_quarter=0)),
            Guard.BUDGET,
            (
                "0 retrainings are allowed in a quarter (`retraining.per_quarter`), and the budget "
                "of this one is used up; the next begins on 2026-04-01"
            ),
        ),
        (
            found(document(per_quarter=1), decided("2026-01-05")),
            Guard.BUDGET,
            (
                "1 retraining is allowed in a quarter (`retraining.per_quarter`), and the budget "
                "of this one is used up; the next begins on 2026-04-01"
            ),
        ),
    ],
    ids=[
        "the deployment's switch",
        "no trainer",
        "no labels",
        "a retraining under way",
        "a rollback under way",
        "the cool-down",
        "a budget of none",
        "a budget that is used up",
    ],
)
def test_a_guard_refuses_with_a_sentence(
    circumstances: Circumstances, guard: Guard, text: str
) -> None:
    assert guards.before(circumstances) == [Refusal(guard, text)]


@pytest.mark.parametrize(
    "circumstances",
    [
        found(),
        found(None, decided("2026-03-06")),
        found(None, decided("2026-03-19", kind=ActionKind.ROLLBACK)),
        found(document(per_quarter=1), action(-10, Status.DONE)),
    ],
    ids=["nothing was ever done", "the cool-down is over", "a rollback", "another quarter"],
)
def test_no_guard_refuses_after(circumstances: Circumstances) -> None:
    assert guards.before(circumstances) == []


def test_the_cool_down_ends_by_the_monitors_calendar() -> None:
    tokyo = document().model_copy(update={"time_zone": "Asia/Tokyo"})
    late = dt.datetime(2026, 3, 23, 16, tzinfo=dt.UTC)  # 24 March in Tokyo
    assert guards.cooldown(found(tokyo, decided("2026-03-10"), now=late)) is None
    assert guards.cooldown(found(None, decided("2026-03-10"), now=late)) is not None


def test_a_person_may_pass_over_what_keeps_machines_from_training_too_often() -> None:
    refusals = guards.before(found(document(per_quarter=1), decided("2026-03-10")))
    assert [r.guard for r in refusals] == [Guard.COOLDOWN, Guard.BUDGET]
    assert guards.binding(refusals, passed_over=guards.OVERRIDABLE) is None
    refusals = guards.before(found(None, decided("2026-03-10"), is_disabled=True))
    bound = guards.binding(refusals, passed_over=guards.OVERRIDABLE)
    assert bound is not None
    assert bound.guard is Guard.DISABLED


# --- of the days ----------------------------------------------------------------------------------


def planned(training: int = 30, validation: int = 7, excluded: int = 0, rows: int = 100) -> Plan:
    days = [Planned(day(n), taken(rows)) for n in range(training + validation)]
    bad = [Excluded(day(100 + n), "broken data: column:x") for n in range(excluded)]
    return Plan(tuple(days[:training]), tuple(days[training:]), tuple(bad), {})


def broken(since: int, last: int, kind: CauseKind = CauseKind.COLUMN) -> Incident:
    return Incident(
        "MD-1",
        "flights",
        Cause(kind, "distance"),
        IncidentStatus.OPEN,
        Priority.P2,
        "",
        day(since),
        day(last),
        NOON,
        NOON,
    )


@pytest.mark.parametrize(
    ("plan", "incidents", "guard", "text"),
    [
        (
            planned(),
            [broken(36, 40)],
            Guard.BROKEN_DATA,
            (
                "MD-1 (column:distance) is open since 2026-02-06: data of days of the window "
                "(2026-01-01 to 2026-02-06) is broken"
            ),
        ),
        (
            planned(30, 7, 38),
            [],
            Guard.CORRUPTED_WINDOW,
            (
                "38 of the window's 75 days cannot be used, the last of them 2026-05-18 (broken "
                "data: column:x)"
            ),
        ),
        (
            planned(30, 6),
            [],
            Guard.FEW_VALIDATION_DAYS,
            (
                "6 days are left to compare on, at least 7 with final labels that the champion was "
                "not fitted on are needed"
            ),
        ),
        (
            planned(0, 1),
            [],
            Guard.FEW_VALIDATION_DAYS,
            (
                "1 day is left to compare on, at least 7 with final labels that the champion was "
                "not fitted on are needed"
            ),
        ),
        (
            planned(9, 7),
            [],
            Guard.FEW_LABELS,
            (
                "900 labelled rows are final and before the days of validation, 1,000 are needed "
                "(`retraining.minimum_labels`)"
            ),
        ),
    ],
    ids=[
        "data is broken and open",
        "more is excluded than left",
        "too few days to compare on",
        "a single day",
        "too few labels",
    ],
)
def test_a_plan_is_refused_with_a_sentence(
    plan: Plan, incidents: list[Incident], guard: Guard, text: str
) -> None:
    assert guards.of_plan(document(), plan, incidents) == Refusal(guard, text)


@pytest.mark.parametrize(
    ("plan", "incidents"),
    [
        (planned(10, 7), []),
        (planned(30, 7, 37), []),
        (planned(), [broken(37, 40)]),
    ],
    ids=["just enough labels", "half of it excluded", "data broken after the window"],
)
def test_a_plan_is_not_refused_with(plan: Plan, incidents: list[Incident]) -> None:
    assert guards.of_plan(document(), plan, incidents) is None


def test_a_plan_without_a_day_is_refused_for_its_days() -> None:
    refused = guards.of_plan(document(), Plan((), (), (), {}), [broken(0, 40)])
    assert refused is not None
    assert refused.text.startswith("no days are left to compare on")
