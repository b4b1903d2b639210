"""The audience: whose incidents they are, as far as telling people of them needs to know.

A monitor is one; so is the location as a whole, for what is wrong with the monitoring itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol
from zoneinfo import ZoneInfo

from monitoring_dagster.monitors.alerting import Alerting
from monitoring_dagster.monitors.vocabulary import LOCATION

_ALERTING = Alerting()
_UTC = ZoneInfo("UTC")


class Audience(Protocol):
    """Who is told, under which name, and by whose clock."""

    @property
    def name(self) -> str:
        """What incidents and messages call it."""
        ...

    @property
    def alerting(self) -> Alerting:
        """Where they are told, and how soon they have to answer."""
        ...

    @property
    def zone(self) -> ZoneInfo:
        """The zone that their days and hours are in."""
        ...


@dataclass(frozen=True, slots=True)
class Location:
    """All monitors together, or one whose document is gone; told where the deployment tells."""

    name: str = LOCATION
    alerting: Alerting = _ALERTING
    zone: ZoneInfo = _UTC
