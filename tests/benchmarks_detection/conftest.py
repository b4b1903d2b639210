"""A generated world of a few days, made once."""

from __future__ import annotations

import datetime as dt

import pytest

from benchmarks.detection.faults import Fault, catalogue
from benchmarks.detection.synthetic import generated
from benchmarks.detection.world import Frame, World


@pytest.fixture(scope="session")
def world() -> World:
    return generated(400, reference_days=6, days=9, seed=1)


@pytest.fixture(scope="session")
def day(world: World) -> tuple[dt.date, Frame]:
    return next(iter(world.test.items()))


@pytest.fixture(scope="session")
def faults(world: World) -> dict[str, Fault]:
    return {fault.name: fault for fault in catalogue(world)}
