"""Mutants of what makes delivery exact: the simulation has to find each of them out."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from monitoring_dagster.notifications.channel import Look, Sighting
from monitoring_dagster.notifications.slack import SlackChannel
from tests.simulation.machine import PACE, Simulation
from tests.simulation.world import Site


class Blind(SlackChannel):
    """A channel that never finds what it has sent."""

    def find(self, *_: Any, **__: Any) -> Sighting:
        return Sighting(Look.ABSENT)


HASTY = replace(PACE, lease=dt.timedelta(seconds=5), may_post_for=dt.timedelta(seconds=4))
"""A lease that is over before a message that was given up has landed."""


@pytest.mark.parametrize(
    "mutation",
    [
        pytest.param({"channel": Blind}, id="what was sent is not looked for"),
        pytest.param({"pace": HASTY}, id="a lease is shorter than the landing delay"),
    ],
)
def test_a_mutant_of_delivery_is_found_out(site: Site, mutation: dict[str, Any]) -> None:
    machine = seed(1)(type("Mutant", (Simulation,), {"site": site, **mutation}))
    hunt = settings(
        max_examples=300, stateful_step_count=40, phases=[Phase.generate], print_blob=False
    )
    with pytest.raises(AssertionError):
        run_state_machine_as_test(machine, settings=hunt)
