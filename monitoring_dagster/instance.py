"""The instance: what Dagster itself says of its daemon and of this location's sensors.

Only reads. What should be so is decided by whoever asks.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from monitoring_dagster.errors import SettingInvalid

if TYPE_CHECKING:
    import dagster as dg


@dataclass(frozen=True, slots=True)
class Sensor:
    """One sensor of the location.

    Args:
        name: its name.
        is_on: whether the daemon evaluates it; nobody has turned it off.
        last_at: when that was done last; None where it never was.
        failure: why the last time failed; empty where it did not.
    """

    name: str
    is_on: bool = True
    last_at: dt.datetime | None = None
    failure: str = ""


def sensors(home: Path) -> Sequence[Sensor]:
    """Every sensor of the location, as the instance in `home` knows it.

    Raises:
        SettingInvalid: the instance cannot be opened.
    """
    import dagster as dg

    from monitoring_dagster.definitions import defs

    names = sorted(sensor.name for sensor in defs().get_repository_def().sensor_defs)
    try:
        with dg.DagsterInstance.from_config(str(home)) as instance:
            return [_sensor(instance, name) for name in names]
    except Exception as error:  # noqa: BLE001 - whatever storages of others raise
        # Its text may hold the URL of a database, with the password.
        raise SettingInvalid(
            f"Dagster's instance in {home} cannot be opened ({type(error).__name__}); check "
            "dagster.yaml there, and the variables that it names"
        ) from None


def _sensor(instance: dg.DagsterInstance, name: str) -> Sensor:
    """The state of the name that was evaluated last: an instance remembers earlier locations."""
    from dagster._core.scheduler.instigation import InstigatorStatus, TickStatus

    found = Sensor(name)
    for state in instance.all_instigator_state():
        if state.instigator_name != name:
            continue
        ticks = instance.get_ticks(state.instigator_origin_id, state.selector_id, limit=1)
        last_at = dt.datetime.fromtimestamp(ticks[0].timestamp, dt.UTC) if ticks else None
        if found.last_at is not None and (last_at is None or last_at < found.last_at):
            continue
        has_failed = bool(ticks) and ticks[0].status is TickStatus.FAILURE
        error = ticks[0].error if has_failed else None
        found = Sensor(
            name,
            state.status is not InstigatorStatus.STOPPED,
            last_at,
            (error.message.strip() if error else "it failed") if has_failed else "",
        )
    return found
