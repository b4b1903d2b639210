"""Answering: what people do about incidents, whichever way it reaches the desk.

Each act is written down with who did it. Doing one twice is doing it once.
"""

from __future__ import annotations

import datetime as dt

from monitoring_dagster.errors import IncidentUnknown
from monitoring_dagster.incidents import acts, rows, silences
from monitoring_dagster.incidents.desk import Desk, Handled
from monitoring_dagster.incidents.incident import Incident
from monitoring_dagster.incidents.lifecycle import FACTS
from monitoring_dagster.incidents.silences import Silence
from monitoring_dagster.store import incidents
from monitoring_dagster.store import silences as stored


def acknowledge(desk: Desk, ref: str, by: str) -> Incident:
    """Somebody deals with it.

    Raises:
        IncidentUnknown: the monitor has no incident of that name.
    """
    handled = named(desk, ref)
    after, events = acts.acknowledged(handled.incident, by, desk.now)
    desk.change(handled, after, events)
    return after


def snooze(desk: Desk, ref: str, until: dt.datetime, by: str) -> Incident:
    """Nobody is called for it until then.

    Raises:
        IncidentUnknown: the monitor has no incident of that name.
        SilenceInvalid: `until` is over, or too far away.
    """
    handled = named(desk, ref)
    after, events = acts.snoozed(handled.incident, until, by, desk.now)
    desk.change(handled, after, events)
    return after


def resolve(desk: Desk, ref: str, because: str, by: str) -> Incident:
    """Somebody says that it is over; only a day that it has not seen brings it back.

    Raises:
        IncidentUnknown: the monitor has no incident of that name.
    """
    handled = named(desk, ref)
    after, events = acts.resolved_by_hand(handled.incident, by, because, desk.now)
    desk.change(handled, after, events)
    return after


def accept(desk: Desk, since: dt.date, because: str, by: str) -> list[Incident]:
    """What has been so since a day is normal: incidents that tell of it are over.

    Broken data stays broken, whoever accepts it, and so does the monitoring.

    Returns:
        The incidents that are over by it.
    """
    about = {"monitor": desk.monitor.name, "since": since.isoformat(), "because": because}
    desk.note("new_normal.accepted", desk.monitor.name, by, about)
    told = f"accepted as normal since {since}: {because}"
    over: list[Incident] = []
    for handled in desk.open():
        incident = handled.incident
        if incident.cause.kind not in FACTS and incident.last_day >= since:
            after, events = acts.resolved_by_hand(incident, by, told, desk.now)
            desk.change(handled, after, events)
            over.append(after)
    return over


def silence(desk: Desk, wanted: Silence) -> int:
    """Nobody is called for what the silence matches, while it lasts; returns its number.

    Raises:
        SilenceInvalid: it cannot be meant.
    """
    silences.check(wanted, desk.now)
    row = {
        "monitor": wanted.monitor,
        "cause": wanted.cause,
        "starts_at": wanted.starts_at,
        "ends_at": wanted.ends_at,
        "author": wanted.author,
        "because": wanted.because,
        "created_at": desk.now,
    }
    number = stored.add(desk.connection, row)
    about = {
        "monitor": wanted.monitor,
        "cause": wanted.cause,
        "from": wanted.starts_at.isoformat(),
        "to": wanted.ends_at.isoformat(),
        "because": wanted.because,
    }
    desk.note("silence.created", f"silence-{number}", wanted.author, about)
    return number


def named(desk: Desk, ref: str) -> Handled:
    """The monitor's incident that people call `ref`.

    Raises:
        IncidentUnknown: there is none.
    """
    kept = incidents.by_ref(desk.connection, ref)
    if kept is None or kept.row.monitor != desk.monitor.name:
        raise IncidentUnknown(
            f"{desk.monitor.name} has no incident {ref}; "
            "`monitoring-dagster incidents list` names those that are open"
        )
    return Handled(kept.id, rows.incident_of(kept), kept.row.dedup_key)
