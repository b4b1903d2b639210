"""Whatever happens, in any order: what is promised of incidents and messages holds."""

from __future__ import annotations

import pytest
from hypothesis import seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.simulation.machine import Simulation
from tests.simulation.world import Site

SHARDS = range(4)
"""Each is run with a seed of its own, so that several processes share the work."""


@pytest.mark.parametrize("shard", SHARDS)
def test_in_any_order_every_promise_is_kept(site: Site, shard: int) -> None:
    machine = seed(shard)(type("Shard", (Simulation,), {"site": site}))
    run_state_machine_as_test(machine, settings=settings(max_examples=100, stateful_step_count=40))
