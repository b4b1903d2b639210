"""The monitor and the desk that the tests of an incident's life share."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from monitoring_dagster.monitors.contract import Monitor
from tests.incidents_lifecycle.small_desk import Desk, monitor_with


@pytest.fixture(scope="session")
def monitor() -> Monitor:
    return monitor_with()


@pytest.fixture
def desk(monitor: Monitor) -> Desk:
    return Desk(monitor)


@pytest.fixture
def desk_of() -> Callable[..., Desk]:
    return lambda **alerting: Desk(monitor_with(**alerting))
