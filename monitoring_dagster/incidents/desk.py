"""The desk: one monitor's incidents within one transaction, read, written down and accounted for.

An incident, its timeline, what people are owed of it and the audit log are written together or not
at all. What days bring is `following`, what time brings `attending`, what people do `answering`.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import sqlalchemy as sa

from monitoring_dagster.failpoints import failpoint
from monitoring_dagster.incidents import owed, rows, silences
from monitoring_dagster.incidents.audience import Audience
from monitoring_dagster.incidents.briefing import Pages
from monitoring_dagster.incidents.cause import Cause, dedup_key
from monitoring_dagster.incidents.incident import Event, Incident
from monitoring_dagster.incidents.owed import Kind, Owed
from monitoring_dagster.incidents.silences import Mute, Silence
from monitoring_dagster.store import Docket, digests, incidents, outbox
from monitoring_dagster.store import silences as kept_silences
from monitoring_dagster.store.audit import Entry, append

DIGESTED_AFTER = dt.timedelta(minutes=15)
"""A digest waits for what else its batch finds."""


@dataclass(frozen=True)
class Office:
    """What a deployment, and one run in it, add to the incidents of all monitors.

    Args:
        environment: part of every incident's identity.
        batch: what findings about days long over are told together by, such as a backfill's id;
            those of one calendar day if empty.
        pages: where the pages of other systems are.
    """

    environment: str = "production"
    batch: str = ""
    pages: Pages = field(default_factory=Pages)


EMBEDDED = Office()


class Handled(NamedTuple):
    """An incident with its row's id and the identity under which it is kept."""

    id: int
    incident: Incident
    key: str


@dataclass
class Desk:
    """One monitor's incidents in one transaction, at one instant.

    Args:
        docket: the transaction.
        monitor: whose incidents they are; or the location, for those of all monitors.
        now: the instant at which this happens; in a replay, the one that is relived.
        written_at: the instant of the wall clock, which the audit log tells.
        office: of the deployment.
    """

    docket: Docket
    monitor: Audience
    now: dt.datetime
    written_at: dt.datetime
    office: Office = EMBEDDED

    def __post_init__(self) -> None:
        self.connection: sa.Connection = self.docket.connection
        self.silences = [silence_of(r) for r in kept_silences.standing(self.connection)]
        self._entries: list[Entry] = []

    def key(self, cause: Cause) -> str:
        """The identity of the cause's incidents."""
        return dedup_key(self.office.environment, self.monitor.name, cause)

    def latest(self, key: str) -> Handled | None:
        """The latest incident of a cause."""
        kept = incidents.latest(self.connection, key)
        return None if kept is None else Handled(kept.id, rows.incident_of(kept), key)

    def latest_of(self, keys: Collection[str]) -> dict[str, Handled]:
        """The latest incident of each of the causes that has had one."""
        found = incidents.latest_of(self.connection, keys)
        return {key: Handled(k.id, rows.incident_of(k), key) for key, k in found.items()}

    def open(self) -> list[Handled]:
        """The monitor's open incidents of this environment, the oldest first."""
        found = [
            Handled(k.id, rows.incident_of(k), k.row.dedup_key)
            for k in self.docket.open_incidents()
        ]
        return [h for h in found if h.key == self.key(h.incident.cause)]

    def by_id(self, incident_id: int) -> Handled:
        """The incident of a row."""
        kept = incidents.by_id(self.connection, incident_id)
        return Handled(kept.id, rows.incident_of(kept), kept.row.dedup_key)

    def events(self, incident_id: int) -> list[Event]:
        """The timeline of an incident."""
        return rows.events_of(incidents.events(self.connection, incident_id))

    def timelines(self) -> dict[int, list[Event]]:
        """The timelines of all of the monitor's open incidents, by the incident's id."""
        found = incidents.events_of_open(self.connection, self.monitor.name)
        return {number: rows.events_of(stored) for number, stored in found.items()}

    def mute(self, incident: Incident) -> Mute | None:
        """Why nobody is called for the incident, if so."""
        return silences.muted(incident, self.silences, self.monitor, self.now)

    # --- writing ------------------------------------------------------------------------------

    def add(self, incident: Incident, events: Iterable[Event]) -> None:
        """Write a new incident down, and owe people what follows."""
        signals = rows.signal_rows(incident.signals)
        row = rows.row_of(incident, self.key(incident.cause))
        incident_id = incidents.add(self.connection, row, signals)
        failpoint("desk.incident_written")
        self._tell(incident_id, None, incident, list(events))

    def change(self, handled: Handled, after: Incident, events: Iterable[Event]) -> None:
        """Write down what has become of an incident, and owe people what follows."""
        told = list(events)
        if after == handled.incident and not told:
            return
        is_same = after.signals == handled.incident.signals
        signals = None if is_same else rows.signal_rows(after.signals)
        row = rows.row_of(after, handled.key)
        incidents.change(self.connection, handled.id, row, signals)
        failpoint("desk.incident_written")
        self._tell(handled.id, handled.incident, after, told)

    def note(
        self, action: str, subject: str, by: str, about: dict[str, str], *, kind: str = "incident"
    ) -> None:
        """Remember what the audit log has to tell; it is written last, by `close`.

        Args:
            action: what was done.
            subject: the name of what it was done to.
            by: who did it.
            about: what else there is to know.
            kind: what `subject` is.
        """
        self._entries.append(Entry(by, action, kind, subject, about))

    def reply(self, handled: Handled, key: str, headline: str, lines: Sequence[str]) -> None:
        """Owe those who were told of an incident a reply; nothing where nobody was."""
        incident = handled.incident
        has_root = incidents.has_root(self.connection, handled.id)
        if incident.alerted_at is None or not has_root or self.mute(incident) is not None:
            return
        said = owed.remark(key, incident, self.monitor, headline, lines, self.now)
        self._owe(handled.id, said)

    def close(self) -> None:
        """Write the audit log: the last thing in the transaction, since its head is one row."""
        if self._entries:
            append(self.connection, self._entries, self.written_at)
            self._entries = []

    def _tell(
        self, incident_id: int, before: Incident | None, after: Incident, events: list[Event]
    ) -> None:
        incidents.add_events(self.connection, incident_id, rows.event_rows(events))
        notices = owed.owed(
            before,
            after,
            self.monitor,
            has_root=incidents.has_root(self.connection, incident_id),
            mute=self.mute(after),
            now=self.now,
        )
        if after.is_late and (before is None or before.reopened < after.reopened):
            notices.append(self._late_digest(after))
        for notice in notices:
            self._owe(incident_id, notice)
        failpoint("desk.notices_owed")
        for event in events:
            about = {
                "monitor": self.monitor.name,
                "cause": str(after.cause),
                "priority": after.priority.value,
                "at": event.at.isoformat(),
                "text": event.text,
            }
            self.note(f"incident.{event.kind}", after.ref, event.actor, about)

    def _late_digest(self, incident: Incident) -> Owed:
        batch = self.office.batch or f"{self.now.astimezone(self.monitor.zone).date()}"
        name = f"late:{self.monitor.name}:{batch}"
        at = self.now + DIGESTED_AFTER
        return owed.late_digest(name, self.monitor, incident.priority, at)

    def _owe(self, incident_id: int, notice: Owed) -> None:
        digest_id = None
        if notice.kind is Kind.DIGEST:
            batch = str(notice.payload["batch"])
            kind = batch.partition(":")[0]
            digest_id = digests.of_batch(self.connection, batch, kind, self.monitor.name, self.now)
            digests.add(self.connection, digest_id, incident_id)
        row = {
            "key": notice.key,
            "kind": notice.kind.value,
            "incident_id": incident_id if digest_id is None else None,
            "digest_id": digest_id,
            "destination": notice.destination,
            "priority": notice.priority.value,
            "payload": json.dumps(notice.payload, sort_keys=True),
            "created_at": self.now,
            "next_at": notice.not_before,
        }
        outbox.enqueue(self.connection, [row])


def silence_of(row: sa.Row[tuple[object, ...]]) -> Silence:
    """The silence that a row holds."""
    return Silence(
        row.id, row.monitor, row.cause, row.starts_at, row.ends_at, row.author, row.because
    )
