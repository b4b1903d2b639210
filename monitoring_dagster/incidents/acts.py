"""Acts: what people do with an incident: acknowledge it, put it off, end it.

As in `changes`, each returns the incident as it is then and what its timeline tells; doing one
twice is doing it once.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from monitoring_dagster.errors import SilenceInvalid
from monitoring_dagster.incidents.calling import Change
from monitoring_dagster.incidents.changes import ended
from monitoring_dagster.incidents.incident import Event, EventKind, Incident, Status
from monitoring_dagster.incidents.silences import LONGEST


def acknowledged(incident: Incident, by: str, at: dt.datetime) -> Change:
    """Somebody deals with it: it is neither escalated nor brought to mind any more.

    Until it becomes graver than it is now, and urgent: then it is open again.
    """
    if incident.status is not Status.OPEN:
        return incident, []
    after = replace(
        incident,
        status=Status.ACKNOWLEDGED,
        acknowledged_at=at,
        acknowledged_by=by,
        told=incident.told and incident.priority,
        muted_since=None,
        updated_at=at,
        revision=incident.revision + 1,
    )
    return after, [Event(at, EventKind.ACKNOWLEDGED, by, "acknowledged")]


def snoozed(incident: Incident, until: dt.datetime, by: str, at: dt.datetime) -> Change:
    """Nobody is called for it until then.

    Raises:
        SilenceInvalid: `until` is over, or too far away.
    """
    if until <= at:
        raise SilenceInvalid(f"{incident.ref} cannot be snoozed until {until}, which is over")
    if until - at > LONGEST:
        raise SilenceInvalid(
            f"{incident.ref} cannot be snoozed until {until}, at most for {LONGEST.days} days"
        )
    if not incident.is_open or incident.snoozed_until == until:
        return incident, []
    after = replace(incident, snoozed_until=until, updated_at=at, revision=incident.revision + 1)
    return after, [Event(at, EventKind.SNOOZED, by, f"snoozed until {until:%Y-%m-%d %H:%M} UTC")]


def resolved_by_hand(incident: Incident, by: str, because: str, at: dt.datetime) -> Change:
    """Somebody says that it is over; only a day that it has not seen brings it back."""
    text = f"resolved by {by}: {because}" if because else f"resolved by {by}"
    return ended(incident, text, by, at)
