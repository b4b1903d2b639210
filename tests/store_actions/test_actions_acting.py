"""What people do about actions: each act has a name, is done once, and is told where it belongs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import sqlalchemy as sa

from monitoring_dagster.errors import ActionNotWaiting, ActionUnknown
from monitoring_dagster.incidents.cause import Cause, CauseKind
from monitoring_dagster.incidents.desk import Desk
from monitoring_dagster.incidents.incident import Incident, Priority
from monitoring_dagster.incidents.incident import Status as Standing
from monitoring_dagster.incidents.rows import incident_of
from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.retraining import acting
from monitoring_dagster.retraining.action import Action, ActionKind, Phase, Status
from monitoring_dagster.store import Store, actions, incidents
from monitoring_dagster.store.audit.tables import audit
from monitoring_dagster.store.response_tables import incident as incident_table
from tests.incidents_lifecycle.small_desk import monitor_with
from tests.store_actions.builders import LATER, NOW, added, row, running, waiting

REF = "RT-000001"


@pytest.fixture(scope="session")
def monitor() -> Monitor:
    return monitor_with()


@pytest.fixture
def act(store: Store, monitor: Monitor) -> Callable[..., Action]:
    """Do something at the monitor's desk."""

    def at_desk(what: Callable[..., Action], *rest: Any, **more: Any) -> Action:
        def work(docket: Any) -> Action:
            desk = Desk(docket, monitor, LATER, LATER)
            done = what(desk, *rest, **more)
            desk.close()
            return done

        return store.decide(monitor.name, work)

    return at_desk


@pytest.fixture
def logged(store: Store) -> Callable[[], Sequence[tuple[str, ...]]]:
    """What this test has logged."""
    c = audit.c
    first = store.read(lambda connection: connection.scalar(sa.select(sa.func.max(c.seq)))) or 0
    query = sa.select(c.actor, c.action, c.subject_type, c.subject_id).where(c.seq > first)
    query = query.order_by(c.seq)
    return lambda: [
        tuple(r) for r in store.read(lambda connection: list(connection.execute(query)))
    ]


def incident_row(store: Store, monitor: Monitor) -> int:
    """An open incident of the monitor, of which people were not told."""

    def work(docket: Any) -> int:
        desk = Desk(docket, monitor, NOW, NOW)
        opened = Incident(
            ref="MD-000001",
            monitor=monitor.name,
            cause=Cause(CauseKind.PERFORMANCE),
            status=Standing.OPEN,
            priority=Priority.P2,
            title="roc_auc fell",
            since=NOW.date(),
            last_day=NOW.date(),
            opened_at=NOW,
            updated_at=NOW,
        )
        desk.add(opened, [])
        desk.close()
        found = incidents.by_ref(docket.connection, "MD-000001")
        assert found is not None
        return found.id

    return store.decide(monitor.name, work)


def incident(store: Store) -> Incident:
    found = store.read(lambda connection: incidents.by_ref(connection, "MD-000001"))
    assert found is not None
    return incident_of(found)


Act = Callable[..., Action]
Logged = Callable[[], Sequence[tuple[str, ...]]]


def test_an_approval_lets_the_model_take_over_with_the_next_run(
    store: Store, monitor: Monitor, act: Act, logged: Logged
) -> None:
    of = incident_row(store, monitor)
    action_id = waiting(store, monitor=monitor.name, incident_id=of, not_before=NOW)
    before, known = incident(store), len(logged())
    after = act(acting.approve, REF, "user:ann", "better on every segment")
    assert (after.status, after.phase, after.tries) == (Status.REQUESTED, Phase.PROMOTE, 0)
    assert after.not_before is None
    assert [one.id for one in store.read(lambda c: actions.due(c, LATER))] == [action_id]
    assert ("user:ann", "action.approved", "action", REF) in logged()[known:]
    told = incident(store)
    assert told.retraining == ("RT-000001 is approved by user:ann: it takes over with the next run")
    assert told.revision > before.revision


def test_approving_twice_is_approving_once(
    store: Store, monitor: Monitor, act: Act, logged: Logged
) -> None:
    waiting(store, monitor=monitor.name)
    first = act(acting.approve, REF, "user:ann", "fine")
    log = logged()
    assert act(acting.approve, REF, "user:ann", "fine") == first
    assert logged() == log
    assert [one[1] for one in log] == ["action.approved"]


def test_as_many_persons_have_to_agree_as_are_needed(
    store: Store, monitor: Monitor, act: Act, logged: Logged
) -> None:
    of = incident_row(store, monitor)
    waiting(store, monitor=monitor.name, incident_id=of)
    for _ in range(2):
        one = act(acting.approve, REF, "user:ann", "", needed=2)
        assert one.status is Status.AWAITING_APPROVAL
        assert incident(store).retraining == (
            "RT-000001 is approved by user:ann, 1 of the 2 that are needed"
        )
    both = act(acting.approve, REF, "slack:U0123ABCD", "", needed=2)
    assert (both.status, both.phase) == (Status.REQUESTED, Phase.PROMOTE)
    assert incident(store).retraining == (
        "RT-000001 is approved by a reaction: it takes over with the next run"
    )
    approved = [one[0] for one in logged() if one[1] == "action.approved"]
    assert approved == ["user:ann", "slack:U0123ABCD"]


def test_a_rollback_that_waits_is_approved_and_rejected_like_a_retraining(
    store: Store, monitor: Monitor, act: Act
) -> None:
    values = {"kind": ActionKind.ROLLBACK, "phase": Phase.PROMOTE, "tries": 0}
    waiting(store, monitor=monitor.name, **values)
    act(acting.approve, REF, "user:ann", "", needed=2)
    rejected = act(acting.reject, REF, "user:bob", "the former one is worse")
    assert rejected.status is Status.REJECTED
    with pytest.raises(ActionNotWaiting, match="RT-000001 is rejected: it is over"):
        act(acting.approve, REF, "user:ann", "", needed=2)


@pytest.mark.parametrize(
    "status", [s for s in Status if s is not Status.AWAITING_APPROVAL], ids=lambda s: s.value
)
def test_nothing_else_can_be_approved(
    store: Store, monitor: Monitor, act: Act, logged: Logged, status: Status
) -> None:
    action_id = added(store, monitor=monitor.name, status=status)
    with pytest.raises(ActionNotWaiting, match=f"RT-000001 is {status}"):
        act(acting.approve, REF, "user:ann", "")
    assert row(store, action_id).status == status
    assert logged() == []


@pytest.mark.parametrize("what", [acting.approve, acting.reject], ids=["approve", "reject"])
@pytest.mark.parametrize("ref", [REF, "RT-999999"], ids=["of another monitor", "of none"])
def test_an_action_that_the_monitor_has_not_is_unknown(
    store: Store, monitor: Monitor, act: Act, what: Callable[..., Action], ref: str
) -> None:
    waiting(store, monitor="somebody_elses")
    text = rf"{monitor.name} has no action {ref}; `monitoring-dagster retraining list` names"
    with pytest.raises(ActionUnknown, match=text):
        act(what, ref, "user:ann", "")


CAN_BE_CALLED_OFF = {
    "before it is launched": {},
    "while its run is asked for": {"status": Status.LAUNCHING, "attempt": 1, "tries": 1},
    "while it waits in shadow": {"status": Status.SHADOWING},
    "while it waits for an approval": {"status": Status.AWAITING_APPROVAL},
    "after its approval, before a run has begun": {"phase": Phase.PROMOTE},
}


@pytest.mark.parametrize("values", CAN_BE_CALLED_OFF.values(), ids=CAN_BE_CALLED_OFF)
def test_an_action_can_be_called_off(
    store: Store, monitor: Monitor, act: Act, logged: Logged, values: dict[str, Any]
) -> None:
    of = incident_row(store, monitor)
    added(store, monitor=monitor.name, incident_id=of, **values)
    before = len(logged())
    after = act(acting.reject, REF, "user:ann", "a holiday")
    assert (after.status, after.because, after.ended_at) == (Status.REJECTED, "a holiday", LATER)
    assert ("user:ann", "action.rejected", "action", REF) in logged()[before:]
    assert incident(store).retraining == "RT-000001 rejected by user:ann: a holiday"
    log = logged()
    assert act(acting.reject, REF, "user:bob", "me too") == after
    assert logged() == log
    added(store, "RT-000002", monitor=monitor.name)


@pytest.mark.parametrize("phase", [Phase.TRAIN, Phase.SHADOW], ids=["trains", "compares"])
def test_a_run_whose_action_is_called_off_loses_its_hold(
    store: Store, monitor: Monitor, act: Act, phase: Phase
) -> None:
    action_id = added(store, monitor=monitor.name, phase=phase)
    attempt = running(store, action_id)
    assert act(acting.reject, REF, "user:ann", "").because == "rejected by user:ann"
    held = [
        store.write(lambda c: actions.alive(c, action_id, attempt, LATER)),
        store.write(lambda c: actions.note(c, action_id, attempt, status="done")),
    ]
    assert held == [False, False]
    assert row(store, action_id).status == "rejected"


TAKES_OVER = {
    "its run was asked for": {"status": Status.LAUNCHING, "tries": 1},
    "its run does it": {"status": Status.RUNNING, "tries": 1, "run_id": "0dd"},
    "its run has died": {"status": Status.REQUESTED, "tries": 1},
    "its run was put off": {"status": Status.REQUESTED, "not_before": LATER},
}


@pytest.mark.parametrize("values", TAKES_OVER.values(), ids=TAKES_OVER)
def test_a_model_that_may_have_taken_over_half_way_is_not_called_off(
    store: Store, monitor: Monitor, act: Act, logged: Logged, values: dict[str, Any]
) -> None:
    action_id = added(store, monitor=monitor.name, phase=Phase.PROMOTE, **values)
    run = ", in the Dagster run 0dd" if "run_id" in values else ""
    text = f"RT-000001 is taking over{run}, which is not stopped half way: .* roll back"
    with pytest.raises(ActionNotWaiting, match=text):
        act(acting.reject, REF, "user:ann", "")
    assert row(store, action_id).status == values["status"]
    assert logged() == []


@pytest.mark.parametrize("status", [Status.DONE, Status.REFUSED, Status.FAILED])
def test_what_is_over_is_not_called_off(
    store: Store, monitor: Monitor, act: Act, status: Status
) -> None:
    added(store, monitor=monitor.name, status=status)
    with pytest.raises(ActionNotWaiting, match=f"RT-000001 is {status} already"):
        act(acting.reject, REF, "user:ann", "")


def test_what_an_incident_says_of_its_retraining_is_kept_as_far_as_databases_can(
    store: Store, monitor: Monitor
) -> None:
    of = incident_row(store, monitor)
    evil = "no\0 " + "long " * 2_000

    def work(connection: sa.Connection) -> str:
        kept = incidents.by_id(connection, of)
        changed = {**kept.row._mapping, "retraining": evil}
        incidents.change(connection, of, changed, None)
        found = connection.scalar(sa.select(incident_table.c.retraining))
        assert found is not None
        return found

    kept = store.write(work)
    assert kept.startswith("no\ufffd long")
    assert len(kept.encode()) <= 2_000
