"""Attending: what time alone brings to a monitor's incidents.

Silences and snoozes end, somebody has to be called who was not, an incident nobody has answered is
brought to mind. Asked as often as one likes: it follows from the incidents and the clock.
"""

from __future__ import annotations

from monitoring_dagster.incidents import changes, escalation
from monitoring_dagster.incidents.changes import SYSTEM
from monitoring_dagster.incidents.desk import Desk
from monitoring_dagster.store import incidents


def attend(desk: Desk) -> None:
    """Do what is due at the desk's instant."""
    _end_silences(desk)
    for handled in desk.open():
        incident, mute = handled.incident, desk.mute(handled.incident)
        events = []
        if mute is None and changes.waits(incident, desk.now):
            incident, events = changes.called(incident, "nothing mutes it any more", desk.now)
        for what in escalation.due(
            incident, desk.events(handled.id), desk.monitor, desk.now, mute=mute
        ):
            incident, told = escalation.told(incident, what, desk.now)
            events = [*events, *told]
        desk.change(handled, incident, events)


def _end_silences(desk: Desk) -> None:
    """Silences that are over: they belong to all monitors, and the first to come writes it down."""
    for silence in desk.silences:
        if silence.ends_at <= desk.now and incidents.end_silence(
            desk.connection, silence.id, desk.now
        ):
            about = {"monitor": silence.monitor, "cause": silence.cause}
            desk.note("silence.ended", f"silence-{silence.id}", SYSTEM, about)
    desk.silences = [s for s in desk.silences if s.ends_at > desk.now]
