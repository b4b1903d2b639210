"""Mutants of what makes delivery exact: the simulation has to find each of them out.

With no more than they need: a Slack that is slow, and workers that come soon.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import rule, run_state_machine_as_test

from monitoring_dagster.notifications.channel import Look, Sighting
from monitoring_dagster.notifications.slack import SlackChannel
from tests.simulation.machine import PACE, WITHIN_SECONDS, Simulation, worker
from tests.simulation.world import Site


class Slow(Simulation):
    """Messages land late, and their answers are lost."""

    days_are_missed_and_judged_at_once = None  # pyright: ignore[reportAssignmentType]
    history_is_backfilled = None  # pyright: ignore[reportAssignmentType]
    something_is_out_of_order = None  # pyright: ignore[reportAssignmentType]
    somebody_silences = None  # pyright: ignore[reportAssignmentType]
    somebody_has_a_mishap = None  # pyright: ignore[reportAssignmentType]
    hours_pass = None  # pyright: ignore[reportAssignmentType]
    slack_fails = None  # pyright: ignore[reportAssignmentType]

    @rule(worker=worker, lands=st.integers(40, 60), after=st.sampled_from([1, 20, 35]))
    def an_answer_is_lost(self, worker: str, lands: int, after: int) -> None:
        self.world.slack.faults.script([f"slow_then_landed:{lands}"], {"chat.postMessage"})
        self._deliver(worker, WITHIN_SECONDS)
        self.world.clock.move(seconds=after)


class Blind(SlackChannel):
    """A channel that never finds what it has sent."""

    def find(self, *_: Any, **__: Any) -> Sighting:
        return Sighting(Look.ABSENT)


HASTY = replace(PACE, lease=dt.timedelta(seconds=30), may_post_for=dt.timedelta(seconds=10))
"""A lease that is over before a message that was given up has landed."""


@pytest.mark.parametrize(
    "mutation",
    [
        pytest.param({"channel": Blind}, id="what was sent is not looked for"),
        pytest.param({"pace": HASTY}, id="a lease is shorter than the landing delay"),
    ],
)
def test_a_mutant_of_delivery_is_found_out(site: Site, mutation: dict[str, Any]) -> None:
    machine = seed(0)(type("Mutant", (Slow,), {"site": site, **mutation}))
    hunt = settings(
        max_examples=100,
        stateful_step_count=30,
        phases=[Phase.generate],
        print_blob=False,
        report_multiple_bugs=False,
    )
    with pytest.raises(AssertionError, match="seen twice"):
        run_state_machine_as_test(machine, settings=hunt)


def test_what_is_no_mutant_is_not_accused(site: Site) -> None:
    machine = seed(0)(type("Right", (Slow,), {"site": site}))
    run_state_machine_as_test(machine, settings=settings(max_examples=15, stateful_step_count=30))
