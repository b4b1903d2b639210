"""What waits for people: nothing takes over until somebody who may has agreed, whichever way."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import dagster as dg
import pytest
from typer.testing import CliRunner

from monitoring_dagster import watch
from monitoring_dagster.cli import app
from monitoring_dagster.definitions import build_definitions
from monitoring_dagster.errors import ActionNotWaiting
from monitoring_dagster.monitors.loader import Loaded
from monitoring_dagster.store import actions
from monitoring_dagster.upkeep import Upkeep
from tests.effects.office import SlackOffice, until_quiet
from tests.retraining_performing.factory import Factory
from tests.retraining_performing.working import NOW, Hands
from tests.slack.clock import HandClock

pytestmark = pytest.mark.filterwarnings("ignore")  # Dagster's and MLflow's own, not ours


@pytest.fixture
def hands(waiting: Factory, opened: Callable[[Factory], Hands]) -> Hands:
    return opened(waiting)


def stands(hands: Hands) -> tuple[str, str]:
    action = hands.action()
    return action.status.value, action.phase.value


def approvals(hands: Hands) -> list[tuple[str, str]]:
    action = hands.action()
    found = hands.store.read(lambda c: actions.approvals(c, action.id))
    return [(one.person, one.because) for one in found]


def monitoring(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["retraining", *arguments])
    assert result.exit_code == 0, result.output
    return result.output


def test_where_much_is_at_stake_the_champion_stays_until_somebody_agrees(hands: Hands) -> None:
    action = hands.action()
    assert stands(hands) == ("awaiting_approval", "train")
    assert hands.versions() == (["1", "2"], {"champion": "1", "challenger": "2"})
    assert hands.tenures() == []
    assert hands.incident().status == "open"
    assert hands.incident().retraining.startswith(
        f"{action.ref} passed the gate, and waits for somebody to agree: roc_auc"
    )
    later = hands.later(days=2)
    assert later.act() == []
    assert stands(later) == ("awaiting_approval", "train")


def test_at_a_terminal_it_is_approved_and_done(hands: Hands) -> None:
    ref = hands.action().ref
    assert ref in monitoring("list")
    assert "The gate: passed" in monitoring("show", ref)
    said = monitoring("approve", ref, "--because", "I looked at the report", "--by", "ann")
    assert said.strip() == f"{ref} is requested"
    assert f"{ref} is done: version 2 took over on" in monitoring("run").replace("\n", " ")
    assert approvals(hands) == [("user:ann", "I looked at the report")]
    assert "Approved by:    user:ann: I looked at the report" in monitoring("show", ref)
    assert hands.versions().aliases == {"champion": "2"}
    assert hands.trainings_since_copied == 0


def test_at_dagsters_pages_it_is_approved_by_a_job(hands: Hands) -> None:
    ref = hands.action().ref
    job = build_definitions(Loaded(hands.factory.monitors, [])).resolve_job_def(
        "approve_retraining"
    )
    config = {"action": ref, "because": "it is better", "by": "ann"}
    with dg.DagsterInstance.ephemeral() as instance:
        done = job.execute_in_process(instance=instance, run_config=config)
    assert done.success
    assert stands(hands) == ("requested", "promote")
    assert [because for _, because in approvals(hands)] == ["it is better"]


@pytest.mark.parametrize(
    ("approvers", "then"),
    [
        pytest.param(["ada"], ("requested", "promote"), id="of somebody who is named"),
        pytest.param([], ("awaiting_approval", "train"), id="where nobody is named"),
        pytest.param(["bob"], ("awaiting_approval", "train"), id="of somebody else"),
    ],
)
def test_a_thumb_up_in_slack_counts(
    hands: Hands, approvers: Sequence[str], then: tuple[str, str]
) -> None:
    people = SlackOffice(HandClock(NOW.timestamp()))
    named = [people.person if name == "ada" else name for name in approvers]

    def upkeep() -> Upkeep:
        made = people.upkeep(hands.store, hands.factory.monitors.values())
        channels = dataclasses.replace(made.channels, approvers=frozenset(named))
        return dataclasses.replace(made, channels=channels)

    watch.watch(hands.store, [hands.factory.monitor], watch.Seen("slack"), now=NOW, written_at=NOW)
    until_quiet(people, upkeep)
    (root,) = [root for root in people.seen if "may take over once somebody agrees" in root.text]
    people.workspace.human.react(people.person, root.ts, "+1")
    upkeep().hear()
    assert stands(hands) == then
    assert len(approvals(hands)) == (then[1] == "promote")


def test_whoever_rejects_it_ends_it_and_nothing_takes_over(hands: Hands) -> None:
    ref = hands.action().ref
    said = monitoring("reject", ref, "--because", "not before the holidays", "--by", "ann")
    assert said.strip() == f"{ref} is rejected"
    assert monitoring("run").strip() == "nothing is owed"
    action = hands.action()
    assert (action.status, action.because) == ("rejected", "not before the holidays")
    assert hands.tenures() == []
    assert hands.versions().aliases["champion"] == "1"
    assert "rejected by user:ann: not before the holidays" in hands.incident().retraining
    with pytest.raises(ActionNotWaiting, match="it is over, and waits for nobody's approval"):
        hands.deciding.approve(ref, "bob", "still")


def test_who_agrees_twice_agrees_once(hands: Hands) -> None:
    ref = hands.action().ref
    for _ in range(2):
        assert hands.deciding.approve(ref, "ann", "yes").phase == "promote"
    assert hands.told("action").count("action.approved") == 1
    assert [text.partition(":")[0] for text in hands.act()] == [f"{ref} is done"]
