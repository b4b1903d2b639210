"""Row 3: processes killed with SIGKILL at every point between a verdict and Slack, while Slack
lies: nobody misses a message, nobody sees one twice. `make bench` plays 200 such rounds.
"""

from __future__ import annotations

import contextlib
from multiprocessing.context import ForkServerContext
from typing import Any
from unittest import mock

import pytest

from monitoring_dagster.notifications.channel import Look, Sighting
from monitoring_dagster.notifications.slack import SlackChannel
from monitoring_dagster.store import Store
from tests.crashes.clocks import Clock
from tests.crashes.databases import Fresh
from tests.crashes.days import NAMES
from tests.crashes.rounds import FAILPOINTS, FAULT_SHARE, IN_EVALUATIONS, Outcome, Round
from tests.crashes.workers import Fate, Place, look_after
from tests.effects.tables import acted

SMALL: dict[str, Any] = {"seed": 7, "names": NAMES[:1], "between": 120.0}
"""One monitor, and days that follow fast; time enough for an escalation all the same."""

BEFORE = ("outbox.claimed", "delivery.held", "delivery.looked")
AFTER = ("slack.posted", "delivery.posted", "delivery.recorded")
AROUND_EDITS = (
    "delivery.edit_claimed",
    "slack.edited",
    "delivery.edited",
    "delivery.edit_recorded",
)
AT_PICTURES = ("slack.attached",)


def check_that_people_know(outcome: Outcome) -> None:
    assert outcome.is_quiet, "something is still owed"
    assert outcome.seeing.lost == ()
    assert outcome.seeing.repeated == ()
    assert outcome.seeing.outdated == ()
    assert outcome.seeing.overdrawn == ()


@pytest.mark.parametrize(
    "failpoints",
    [
        pytest.param(IN_EVALUATIONS, id="while a day is evaluated"),
        pytest.param(BEFORE, id="before a message is sent"),
        pytest.param(AFTER, id="after a message was sent"),
        pytest.param(AROUND_EDITS, id="around an edit"),
        pytest.param(AT_PICTURES, id="after a picture was sent"),
    ],
)
def test_whoever_is_killed_wherever_it_is_everything_is_told_once(
    processes: ForkServerContext, store_url: str, failpoints: tuple[str, ...]
) -> None:
    # A picture is given up when its calls fail too often, and would not get to where it is killed.
    share = 0.0 if failpoints == AT_PICTURES else FAULT_SHARE
    outcome = Round(processes, failpoints, turns=[0], share=share, **SMALL).play(store_url)
    assert set(outcome.kills) == set(failpoints)
    check_that_people_know(outcome)
    with contextlib.closing(Store(store_url)) as store:
        assert acted(store)


def test_there_is_a_round_for_every_failpoint_between_a_verdict_and_slack() -> None:
    rounds = (IN_EVALUATIONS, BEFORE, AFTER, AROUND_EDITS, AT_PICTURES)
    assert sorted(name for names in rounds for name in names) == sorted(FAILPOINTS)


def look_away(clock: Clock, place: Place, seed: int, fate: Fate) -> None:
    """A daemon that never finds what was sent already."""
    with mock.patch.object(SlackChannel, "find", return_value=Sighting(Look.ABSENT)):
        look_after(clock, place, seed, fate)


def test_a_daemon_that_does_not_look_before_it_repeats_itself_is_caught(
    processes: ForkServerContext, fresh_sqlite: Fresh
) -> None:
    """So that the test above cannot pass by never losing an answer."""
    with fresh_sqlite() as url:
        outcome = Round(processes, AFTER, teller=look_away, **SMALL).play(url)
        assert outcome.seeing.repeated
