"""A promotion and a rollback: one transaction each, once, by whoever holds the action."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
import sqlalchemy as sa

from monitoring_dagster.decisions.verdict import Level, Rule
from monitoring_dagster.errors import NoFormerChampion
from monitoring_dagster.failpoints import VARIABLE, FailpointReached
from monitoring_dagster.incidents.incident import SYSTEM, Status
from monitoring_dagster.retraining.action import Action
from monitoring_dagster.retraining.rows import action_of
from monitoring_dagster.store import Store, actions, tenures
from monitoring_dagster.store.audit.tables import audit
from tests.incidents_lifecycle.stored_desk import StoredDesk, verdict
from tests.retraining_tenures.house import claimed, promoted, rolled_back
from tests.retraining_tenures.test_succession import MONITOR, WINDOW, after

NAME = MONITOR.name


@pytest.fixture
def incidents(store: Store) -> StoredDesk:
    """Open incidents: of performance, of latency, and of a column that is gone."""
    desk = StoredDesk(store, MONITOR)
    critical = Level.CRITICAL
    lost = verdict(critical, rule=Rule.DATA, metric="null_rate", column="chance")
    slow = verdict(critical, rule=Rule.OPERATIONS, metric="latency_p95")
    desk.judge({0: [verdict(critical), slow]})
    desk.judge({1: [verdict(critical), slow, lost]})
    return desk


def written(store: Store) -> dict[str, Any]:
    """Everything that a change of the champion writes."""

    def work(connection: sa.Connection) -> dict[str, Any]:
        found = connection.execute(sa.select(audit.c.action).order_by(audit.c.seq)).scalars()
        return {
            "tenures": [tuple(t) for t in tenures.of_monitor(connection, NAME)],
            "actions": [tuple(a) for a in actions.of_monitor(connection, NAME)],
            "audit": list(found),
        }

    return store.read(work)


def action(store: Store, held: Action) -> Action:
    return store.read(lambda c: action_of(actions.by_id(c, held.id)))


def promote(store: Store, held: Action, **changes: Any) -> int | None:
    told: dict[str, Any] = {"today": after(3), "window": WINDOW} | changes
    return promoted(store, MONITOR, held, **told)


def test_what_was_found_of_the_former_champion_is_over_and_facts_are_not(
    store: Store, incidents: StoredDesk
) -> None:
    open_before = {str(i.cause) for i in incidents.incidents() if i.is_open}
    assert open_before == {"performance", "operations", "column:chance"}
    promote(store, claimed(store, NAME, "RT-000001"))
    over = {str(i.cause): i for i in incidents.incidents() if i.status is Status.RESOLVED}
    assert set(over) == {"performance", "operations"}
    assert {i.resolved_because for i in over.values()} == {f"version 2 took over on {after(3)}"}


def test_a_promotion_is_a_tenure_an_action_that_is_done_and_an_audit_row(store: Store) -> None:
    held = claimed(store, NAME, "RT-000001")
    number = promote(store, held)
    found = written(store)
    (tenure,) = store.read(lambda c: tenures.of_monitor(c, NAME))
    assert (tenure.id, tenure.model_version, tenure.since) == (number, "2", after(3))
    assert (tenure.resumes, tenure.action_id, tenure.begun_by) == (None, held.id, SYSTEM)
    assert found["audit"] == ["action.done", "champion.promoted"]
    done = action(store, held)
    assert (done.status, done.because) == ("done", f"version 2 took over on {after(3)}")


def test_promoting_twice_is_promoting_once(store: Store, incidents: StoredDesk) -> None:
    held = claimed(store, NAME, "RT-000001")
    promote(store, held)
    found = written(store)
    assert promote(store, held) is None
    assert promote(store, action(store, held)) is None
    assert written(store) == found


def test_an_attempt_that_was_superseded_writes_nothing(store: Store, incidents: StoredDesk) -> None:
    held = claimed(store, NAME, "RT-000001")

    def launched_anew(connection: sa.Connection) -> None:
        assert actions.move(connection, held.id, ["running"], status="requested")
        assert actions.launch(connection, held.id, held.requested_at)

    store.write(launched_anew)
    found = written(store)
    assert promote(store, held) is None
    assert written(store) == found
    assert all(i.is_open for i in incidents.incidents())


@pytest.mark.parametrize(
    "point", ["promotion.incidents_ended", "promotion.tenure_begun"], ids=lambda p: p
)
def test_what_breaks_within_it_leaves_nothing_and_the_next_attempt_does_it(
    store: Store, incidents: StoredDesk, point: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = claimed(store, NAME, "RT-000001")
    found = written(store)
    monkeypatch.setenv(VARIABLE, f"{point}=raise")
    with pytest.raises(FailpointReached):
        promote(store, held)
    assert written(store) == found
    assert all(i.is_open for i in incidents.incidents())
    monkeypatch.delenv(VARIABLE)
    assert promote(store, held) is not None
    assert action(store, held).status == "done"


def test_a_rollback_brings_the_former_champion_back(store: Store, incidents: StoredDesk) -> None:
    promote(store, claimed(store, NAME, "RT-000001"))
    incidents.judge({4: [verdict(Level.CRITICAL)]})
    rolled_back(store, MONITOR, claimed(store, NAME, "RT-000002"), today=after(5))
    _, last = store.read(lambda c: tenures.of_monitor(c, NAME))
    assert (last.resumes, last.model_version, last.reference) == (0, "1", "")
    assert written(store)["audit"][-1] == "champion.rolled_back"
    assert not [i for i in incidents.incidents() if i.is_open and str(i.cause) == "performance"]
    with pytest.raises(NoFormerChampion, match="drawn has no former champion"):
        rolled_back(store, MONITOR, claimed(store, NAME, "RT-000003"), today=after(6))


def test_a_rollback_to_a_promoted_champion_keeps_its_reference(store: Store) -> None:
    promote(store, claimed(store, NAME, "RT-000001"))
    promote(store, claimed(store, NAME, "RT-000002"), version="3", today=after(5))
    rolled_back(store, MONITOR, claimed(store, NAME, "RT-000003"), today=after(6))
    first, _, last = store.read(lambda c: tenures.of_monitor(c, NAME))
    assert (last.resumes, last.model_version) == (first.id, "2")
    assert last.reference == first.reference


def test_a_rollback_before_any_promotion_is_refused(store: Store) -> None:
    with pytest.raises(NoFormerChampion):
        rolled_back(store, MONITOR, claimed(store, NAME, "RT-000001"), today=dt.date(2026, 4, 1))
