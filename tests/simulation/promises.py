"""What is promised of incidents and messages (I1 to I6), held against the store and Slack.

Each promise is a method that asserts it. What happens to them is `machine`.
"""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import sqlalchemy as sa

from monitoring_dagster.incidents import rows, silences
from monitoring_dagster.incidents.audience import Audience
from monitoring_dagster.incidents.desk import silence_of
from monitoring_dagster.incidents.incident import Incident, Priority
from monitoring_dagster.notifications import markers
from monitoring_dagster.notifications.message import Form
from monitoring_dagster.notifications.pacing import Rules
from monitoring_dagster.notifications.rendering import render
from monitoring_dagster.store import incidents, outbox
from monitoring_dagster.store import silences as kept_silences
from monitoring_dagster.store.audit.verify import verify
from monitoring_dagster.store.outbox import HOSTS, PICTURE, ROOT, Notice
from monitoring_dagster.store.response_tables import outbox as table
from tests.simulation.models import MONITORS
from tests.slack.state import Posted
from tests.slack.workspace import Workspace

CALLS = ("root", "escalation", "reminder", "reopening")
"""Kinds of messages that nobody is sent of what is muted."""


@dataclass(frozen=True)
class Shown:
    """A message of ours that people can see."""

    key: str
    message: Posted

    @property
    def kind(self) -> str:
        return self.key.partition(":")[0]


class View:
    """What people see of us in Slack."""

    def __init__(self, workspace: Workspace, user: str, held: sqlite3.Connection) -> None:
        self._workspace = workspace
        self._user = user
        self._held = held
        self._keys: dict[str, str] = {}
        self._words: dict[str, str] = {}

    def shown(self) -> list[Shown]:
        """Every message of ours that stands in any room, in order."""
        with self._workspace.settled():
            rooms = self._workspace.state.rooms.values()
            ours = [m for room in rooms for m in room.by_ts.values() if m.user == self._user]
            standing = [m for m in ours if not m.is_deleted]
        return [Shown(self._key(m), m) for m in sorted(standing, key=lambda m: m.order)]

    def _key(self, message: Posted) -> str:
        """By which notice it was sent; an edit changes its form, never that."""
        if message.ts not in self._keys:
            self._keys[message.ts] = self._read(message)
        return self._keys[message.ts]

    def _read(self, message: Posted) -> str:
        if message.blocks:
            return str(message.blocks[0]["block_id"]).removeprefix("md:")
        word = message.text.split()[-1]
        if word not in self._words:
            found = self._held.execute("SELECT key FROM outbox").fetchall()
            self._words = {markers.word(key): key for (key,) in found}
        return self._words[word]


class Promises:
    """What holds after every step, and what holds in the end."""

    def __init__(self, view: View, held: sqlite3.Connection, rules: Rules) -> None:
        self.view = view
        self.held = held
        """What can be seen of incidents, and the names of all incidents."""
        self.rules = rules
        self._held_at: tuple[object, ...] = ()
        self.roots: list[Shown] = []
        self.refs: list[str] = []

    # --- after every step ---------------------------------------------------------------------

    def hold(self) -> None:
        """All that must never be broken, not even for a moment."""
        shown = self.view.shown()
        written = self._all("PRAGMA data_version")[0]
        state = (*written, *(one.message.ts for one in shown))
        if state == self._held_at:
            return  # nothing has happened since
        self._held_at = state
        self.roots = [one for one in shown if one.kind == ROOT]
        self.refs = [ref for (ref,) in self._all("SELECT ref FROM incident ORDER BY id")]
        self._one_incident_per_cause()
        self._nothing_is_seen_twice(shown)
        self._replies_follow_their_roots(shown)
        self._nobody_is_told_of_nothing(shown)
        self._budgets_are_kept(shown)
        self._everything_is_audited()

    def _one_incident_per_cause(self) -> None:
        twice = self._all(
            "SELECT dedup_key FROM incident WHERE status IN ('open', 'acknowledged') "
            "GROUP BY dedup_key HAVING count(*) > 1"
        )
        assert not twice, f"two open incidents of one cause: {twice}"

    def _nothing_is_seen_twice(self, shown: Sequence[Shown]) -> None:
        """I2: one message per key, and one root per incident, unless it says that it may be two."""
        counts = Counter(one.key for one in shown)
        counts += Counter(_incident(one) for one in shown if one.kind == ROOT)
        twice = {name for name, count in counts.items() if count > 1}
        if twice:
            doubtful = self._doubtful()
            doubtful |= {key.rpartition(":")[0] for key in doubtful}
            assert twice <= doubtful, f"seen twice: {sorted(twice - doubtful)}"

    def _doubtful(self) -> set[str]:
        """Keys of what was sent although it may have been there, since nobody could look."""
        return {key for (key,) in self._all("SELECT key FROM outbox WHERE is_doubtful")}

    def _replies_follow_their_roots(self, shown: Sequence[Shown]) -> None:
        """I3: a reply stands below the message that tells its incident, and later."""
        by_ts = {one.message.ts: one for one in shown}
        for one in shown:
            host = by_ts.get(one.message.thread_ts or "")
            if host is not None:
                assert self._tells(host.key, one.key), f"{one.key} stands below {host.key}"
                assert host.message.order < one.message.order

    def _tells(self, host: str, reply: str) -> bool:
        """Whether one message is that of the incident, or the digest, that another is about."""
        found = self._all(
            "SELECT 1 FROM outbox h, outbox r WHERE h.key = ? AND r.key = ? AND ("
            "h.incident_id = r.incident_id OR h.digest_id = r.digest_id OR EXISTS ("
            "SELECT 1 FROM digest_incident d "
            "WHERE d.digest_id = h.digest_id AND d.incident_id = r.incident_id))",
            host,
            reply,
        )
        return bool(found)

    def _nobody_is_told_of_nothing(self, shown: Sequence[Shown]) -> None:
        """I4: what people see is owed, of an incident, to somebody whom nothing mutes."""
        known = {key for (key,) in self._all("SELECT key FROM outbox")}
        unknown = {one.key for one in shown} - known
        assert not unknown, f"owed by nobody: {unknown}"
        orphans = self._all(
            "SELECT o.key FROM outbox o LEFT JOIN incident i ON i.id = o.incident_id "
            "WHERE o.digest_id IS NULL AND i.id IS NULL OR o.digest_id IS NOT NULL "
            "AND NOT EXISTS (SELECT 1 FROM digest_incident d WHERE d.digest_id = o.digest_id)"
        )
        assert not orphans, f"about nothing: {orphans}"

    def _budgets_are_kept(self, shown: Sequence[Shown]) -> None:
        """I5: within its window a place takes so many roots; the rest is in a digest."""
        landed = defaultdict[str, list[float]](list)
        doubtful = self._doubtful()
        for one in shown:
            if one.kind == ROOT and one.key not in doubtful:
                landed[one.message.channel].append(one.message.posted_at)
        window = self.rules.storm_window.total_seconds()
        for room, instants in landed.items():
            first = instants[: -self.rules.storm_roots]
            last = instants[self.rules.storm_roots :]
            for begins, ends in zip(first, last, strict=True):
                assert ends - begins >= window, f"{room} had too many roots at once"

    def _everything_is_audited(self) -> None:
        """I6: what was done, muted, put off or said is in the audit log as often as it was."""
        missing = self._all(
            "SELECT 'incident.' || e.kind, i.ref, count(*) FROM incident_event e "
            "JOIN incident i ON i.id = e.incident_id GROUP BY 1, 2 "
            "EXCEPT SELECT action, subject_id, count(*) FROM audit GROUP BY 1, 2"
        )
        missing += self._all(
            "SELECT 'silence-' || id, 'silence.created' FROM silence UNION "
            "SELECT 'silence-' || id, 'silence.ended' FROM silence WHERE ended_at IS NOT NULL "
            "EXCEPT SELECT subject_id, action FROM audit"
        )
        missing += self._all(
            "SELECT key, 'notification_doubtful' FROM outbox WHERE is_doubtful UNION "
            "SELECT key, 'notification_quarantined' FROM outbox WHERE status = 'quarantined' "
            "EXCEPT SELECT subject_id, action FROM audit"
        )
        assert not missing, f"not in the audit log: {missing}"

    def _all(self, query: str, *values: object) -> list[tuple[str, ...]]:
        return self.held.execute(query, values).fetchall()


class Ending:
    """What holds once all is mended and everybody has had time."""

    def __init__(self, connection: sa.Connection, view: View, deleted: set[str]) -> None:
        self.connection = connection
        self.view = view
        self.deleted = deleted

    def hold(self, now: dt.datetime) -> None:
        """Everybody knows what they should, and the log can be relied on."""
        self._nothing_waits(now)
        self._everything_can_be_seen()
        self._nothing_is_to_be_edited()
        self.nothing_is_out_of_date()
        self._everybody_knows(now)
        found = verify(self.connection)
        assert found.is_intact, found.text

    def _nothing_waits(self, now: dt.datetime) -> None:
        c = table.c
        waiting = sa.select(c.key, c.status, c.last_error).where(
            c.status.in_(outbox.OWED), c.due_at <= now, c.kind != PICTURE
        )
        left = self.connection.execute(waiting).all()
        assert not left, f"lost: {left}"

    def _everything_can_be_seen(self) -> None:
        """What says that it was sent can be seen."""
        gone = {n.key for n in self._sent if n.message_ts not in self._standing}
        known = {n.key for n in self._sent if n.message_ts in self.deleted}
        assert gone <= known, f"cannot be seen: {gone - known}"

    def nothing_is_out_of_date(self) -> None:
        """What says that it shows how things stand does so; an update says what cannot be shown."""
        updated = {n.key.partition(":")[2].rpartition(":")[0] for n in self._notices}
        for notice in self._sent:
            message = self._standing.get(notice.message_ts or "")
            if message is None or notice.kind not in HOSTS or notice.key in updated:
                continue
            due = outbox.projection(self.connection, notice).revision
            if notice.applied_revision == due:
                assert message.text == self._wanted(notice), f"{notice.key} is out of date"

    def _nothing_is_to_be_edited(self) -> None:
        for notice in self._sent:
            due = outbox.projection(self.connection, notice).revision
            is_there = notice.message_ts in self._standing
            if notice.kind in HOSTS and is_there:
                assert notice.applied_revision == due, f"{notice.key} was never edited"

    def _everybody_knows(self, now: dt.datetime) -> None:
        """I1: whatever is open and calls somebody can be seen."""
        for kept in incidents.listed(self.connection, is_open=True):
            incident = rows.incident_of(kept)
            if self._calls(incident, now):
                told = [n for n in self._notices if n.incident_id == kept.id and n.kind == ROOT]
                assert told, f"nobody is owed a word of {incident.ref}"
                assert self._is_known(told[-1]), f"{told[-1].key} is {told[-1].status}"

    def _calls(self, incident: Incident, now: dt.datetime) -> bool:
        is_minor = incident.is_late or incident.priority is Priority.P4
        monitor: Audience = MONITORS[incident.monitor]
        standing = map(silence_of, kept_silences.standing(self.connection))
        return not is_minor and silences.muted(incident, standing, monitor, now) is None

    def _is_known(self, root: Notice) -> bool:
        """It was sent, a digest tells it, or Slack took it in no form."""
        if root.status == "digested":
            digests = [n for n in self._notices if n.kind == "digest"]
            told = sa.select(sa.text("digest_id")).select_from(sa.text("digest_incident"))
            of = told.where(sa.text("incident_id = :of")).params(of=root.incident_id)
            ids = set(self.connection.execute(of).scalars())
            latest = {n.digest_id: n for n in digests if n.digest_id in ids}
            return any(self._is_known(n) for n in latest.values())
        is_there = root.status == "sent" and root.sent_by == "slack"
        return is_there or root.status == "quarantined"

    def _wanted(self, notice: Notice) -> str:
        message = render(self.connection, notice, Form(notice.form))
        return str(markers.content(message, notice.key)["text"])

    @cached_property
    def _notices(self) -> list[Notice]:
        found = self.connection.execute(sa.select(table).order_by(table.c.id))
        return [Notice.of(row) for row in found]

    @cached_property
    def _sent(self) -> list[Notice]:
        return [n for n in self._notices if n.status == "sent" and n.sent_by == "slack"]

    @cached_property
    def _standing(self) -> dict[str, Posted]:
        return {one.message.ts: one.message for one in self.view.shown()}


def _incident(root: Shown) -> str:
    return root.key.rpartition(":")[0]
