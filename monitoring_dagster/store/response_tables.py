"""The tables of what follows from verdicts: incidents, what people are owed of them, and silences.

Their public meaning is documented in docs/incidents.md; how they came to be is `migrations`.
"""

from __future__ import annotations

import sqlalchemy as sa

from monitoring_dagster.store.tables import Id, metadata
from monitoring_dagster.store.values import UTCDateTime

incident = sa.Table(
    "incident",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("ref", sa.Text, nullable=False),
    sa.Column("monitor", sa.Text, nullable=False),
    sa.Column("dedup_key", sa.Text, nullable=False),
    sa.Column("cause_kind", sa.Text, nullable=False),
    sa.Column("cause_name", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("priority", sa.Text, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("since", sa.Date, nullable=False),
    sa.Column("last_day", sa.Date, nullable=False),
    sa.Column("opened_at", UTCDateTime, nullable=False),
    sa.Column("alerted_at", UTCDateTime),
    sa.Column("told", sa.Text),
    sa.Column("calls", sa.Integer, nullable=False, server_default="0"),
    sa.Column("muted_since", UTCDateTime),
    sa.Column("reopened", sa.Integer, nullable=False),
    sa.Column("acknowledged_at", UTCDateTime),
    sa.Column("acknowledged_by", sa.Text),
    sa.Column("snoozed_until", UTCDateTime),
    sa.Column("resolved_at", UTCDateTime),
    sa.Column("resolved_because", sa.Text),
    sa.Column("resolved_by", sa.Text),
    sa.Column("is_flapping", sa.Boolean, nullable=False),
    sa.Column("is_late", sa.Boolean, nullable=False),
    sa.Column("escalations", sa.Integer, nullable=False),
    sa.Column("reminders", sa.Integer, nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("context", sa.Text, nullable=False),
    sa.Column("updated_at", UTCDateTime, nullable=False),
    sa.Column("retraining", sa.Text, nullable=False, server_default=sa.text("''")),
    sa.UniqueConstraint("ref"),
    sa.Index(None, "monitor", "status"),
    sa.Index(None, "dedup_key", "opened_at"),
)
sa.Index(
    "uq_incident_open_dedup_key",
    incident.c.dedup_key,
    unique=True,
    sqlite_where=incident.c.status.in_(["open", "acknowledged"]),
    postgresql_where=incident.c.status.in_(["open", "acknowledged"]),
)

incident_signal = sa.Table(
    "incident_signal",
    metadata,
    sa.Column("incident_id", sa.BigInteger, sa.ForeignKey("incident.id"), nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("level", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("first_day", sa.Date, nullable=False),
    sa.Column("last_day", sa.Date, nullable=False),
    sa.Column("effect", sa.Double),
    sa.Column("impact", sa.Double),
    sa.Column("cost", sa.Double),
    sa.Column("cost_low", sa.Double),
    sa.Column("cost_high", sa.Double),
    sa.Column("currency", sa.Text),
    sa.Column("cost_of", sa.Text),
    sa.Column("suppressed_by", sa.Text, nullable=False),
    sa.PrimaryKeyConstraint("incident_id", "subject"),
)

incident_event = sa.Table(
    "incident_event",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("incident_id", sa.BigInteger, sa.ForeignKey("incident.id"), nullable=False),
    sa.Column("at", UTCDateTime, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Index(None, "incident_id", "id"),
)

heard = sa.Table(
    "heard",
    metadata,
    sa.Column("incident_id", sa.BigInteger, sa.ForeignKey("incident.id"), nullable=False),
    sa.Column("wish", sa.Text, nullable=False),
    sa.Column("person", sa.Text, nullable=False),
    sa.PrimaryKeyConstraint("incident_id", "wish", "person"),
)

cause_day = sa.Table(
    "cause_day",
    metadata,
    sa.Column("monitor", sa.Text, nullable=False),
    sa.Column("dedup_key", sa.Text, nullable=False),
    sa.Column("day", sa.Date, nullable=False),
    sa.Column("cause", sa.Text, nullable=False),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("level", sa.Text, nullable=False),
    sa.PrimaryKeyConstraint("monitor", "dedup_key", "day"),
)

silence = sa.Table(
    "silence",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("monitor", sa.Text, nullable=False),
    sa.Column("cause", sa.Text, nullable=False),
    sa.Column("starts_at", UTCDateTime, nullable=False),
    sa.Column("ends_at", UTCDateTime, nullable=False),
    sa.Column("author", sa.Text, nullable=False),
    sa.Column("because", sa.Text, nullable=False),
    sa.Column("created_at", UTCDateTime, nullable=False),
    sa.Column("ended_at", UTCDateTime),
    sa.CheckConstraint("starts_at < ends_at", name="ends_after_start"),
    sa.Index(None, "ended_at"),
)

digest = sa.Table(
    "digest",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("batch", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("monitor", sa.Text, nullable=False),
    sa.Column("opened_at", UTCDateTime, nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.UniqueConstraint("batch"),
)

digest_incident = sa.Table(
    "digest_incident",
    metadata,
    sa.Column("digest_id", sa.BigInteger, sa.ForeignKey("digest.id"), nullable=False),
    sa.Column("incident_id", sa.BigInteger, sa.ForeignKey("incident.id"), nullable=False),
    sa.PrimaryKeyConstraint("digest_id", "incident_id"),
    sa.Index(None, "incident_id"),
)

outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("incident_id", sa.BigInteger, sa.ForeignKey("incident.id")),
    sa.Column("digest_id", sa.BigInteger, sa.ForeignKey("digest.id")),
    sa.Column("destination", sa.Text, nullable=False),
    sa.Column("priority", sa.Text, nullable=False),
    sa.Column("payload", sa.Text, nullable=False),
    sa.Column("created_at", UTCDateTime, nullable=False),
    sa.Column("due_at", UTCDateTime, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("next_at", UTCDateTime, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("first_attempt_at", UTCDateTime),
    sa.Column("lease_owner", sa.Text),
    sa.Column("lease_until", UTCDateTime),
    sa.Column("form", sa.Text, nullable=False),
    sa.Column("channel", sa.Text),
    sa.Column("message_ts", sa.Text),
    sa.Column("applied_revision", sa.Integer, nullable=False),
    sa.Column("edit_at", UTCDateTime),
    sa.Column("sent_at", UTCDateTime),
    sa.Column("sent_by", sa.Text),
    sa.Column("is_doubtful", sa.Boolean, nullable=False),
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("last_error", sa.Text, nullable=False),
    sa.UniqueConstraint("key"),
    sa.Index(None, "status", "next_at"),
    sa.Index(None, "incident_id", "id"),
    sa.Index(None, "destination", "sent_at"),
)

doubt = sa.Table(
    "doubt",
    metadata,
    sa.Column("outbox_id", sa.BigInteger, sa.ForeignKey("outbox.id"), nullable=False),
    sa.Column("channel", sa.Text, nullable=False),
    sa.Column("since", UTCDateTime, nullable=False),
    sa.Column("thread", sa.Text),
    sa.PrimaryKeyConstraint("outbox_id", "channel"),
)

destination = sa.Table(
    "destination",
    metadata,
    sa.Column("channel", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("next_free_at", UTCDateTime, nullable=False),
    sa.Column("paused_until", UTCDateTime),
    sa.Column("blocked_since", UTCDateTime),
    sa.Column("blocked_because", sa.Text, nullable=False),
    sa.Column("failing_since", UTCDateTime),
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("alarmed_at", UTCDateTime),
    sa.Column("last_sent_at", UTCDateTime),
    sa.PrimaryKeyConstraint("channel", "name"),
)

heartbeat = sa.Table(
    "heartbeat",
    metadata,
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("owner", sa.Text, nullable=False),
    sa.Column("since", UTCDateTime, nullable=False),
    sa.Column("at", UTCDateTime, nullable=False),
    sa.PrimaryKeyConstraint("name", "owner"),
)
