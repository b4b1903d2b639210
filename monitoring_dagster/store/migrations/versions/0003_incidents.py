"""Incidents, their signals and timeline, silences, digests, and the outbox of what is owed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_instant = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")


def upgrade() -> None:
    op.create_index("ix_verdict_monitor_known_at", "verdict", ["monitor", "known_at"])
    _incidents()
    _silences_and_digests()
    _outbox()


def _incidents() -> None:
    op.create_table(
        "incident",
        sa.Column("id", _id, nullable=False),
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
        sa.Column("opened_at", _instant, nullable=False),
        sa.Column("alerted_at", _instant),
        sa.Column("told", sa.Text),
        sa.Column("calls", sa.Integer, nullable=False, server_default="0"),
        sa.Column("muted_since", _instant),
        sa.Column("reopened", sa.Integer, nullable=False),
        sa.Column("acknowledged_at", _instant),
        sa.Column("acknowledged_by", sa.Text),
        sa.Column("snoozed_until", _instant),
        sa.Column("resolved_at", _instant),
        sa.Column("resolved_because", sa.Text),
        sa.Column("resolved_by", sa.Text),
        sa.Column("is_flapping", sa.Boolean, nullable=False),
        sa.Column("is_late", sa.Boolean, nullable=False),
        sa.Column("escalations", sa.Integer, nullable=False),
        sa.Column("reminders", sa.Integer, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("context", sa.Text, nullable=False),
        sa.Column("updated_at", _instant, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_incident"),
        sa.UniqueConstraint("ref", name="uq_incident_ref"),
    )
    op.create_index("ix_incident_monitor_status", "incident", ["monitor", "status"])
    op.create_index("ix_incident_dedup_key_opened_at", "incident", ["dedup_key", "opened_at"])
    is_open = sa.text("status IN ('open', 'acknowledged')")
    op.create_index(
        "uq_incident_open_dedup_key",
        "incident",
        ["dedup_key"],
        unique=True,
        sqlite_where=is_open,
        postgresql_where=is_open,
    )
    op.create_table(
        "incident_signal",
        sa.Column("incident_id", sa.BigInteger, nullable=False),
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
        sa.PrimaryKeyConstraint("incident_id", "subject", name="pk_incident_signal"),
        _belongs_to("incident_signal"),
    )
    op.create_table(
        "incident_event",
        sa.Column("id", _id, nullable=False),
        sa.Column("incident_id", sa.BigInteger, nullable=False),
        sa.Column("at", _instant, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_incident_event"),
        _belongs_to("incident_event"),
    )
    op.create_index("ix_incident_event_incident_id_id", "incident_event", ["incident_id", "id"])
    op.create_table(
        "heard",
        sa.Column("incident_id", sa.BigInteger, nullable=False),
        sa.Column("wish", sa.Text, nullable=False),
        sa.Column("person", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("incident_id", "wish", "person", name="pk_heard"),
        _belongs_to("heard"),
    )
    op.create_table(
        "cause_day",
        sa.Column("monitor", sa.Text, nullable=False),
        sa.Column("dedup_key", sa.Text, nullable=False),
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("cause", sa.Text, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("level", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("monitor", "dedup_key", "day", name="pk_cause_day"),
    )


def _silences_and_digests() -> None:
    op.create_table(
        "silence",
        sa.Column("id", _id, nullable=False),
        sa.Column("monitor", sa.Text, nullable=False),
        sa.Column("cause", sa.Text, nullable=False),
        sa.Column("starts_at", _instant, nullable=False),
        sa.Column("ends_at", _instant, nullable=False),
        sa.Column("author", sa.Text, nullable=False),
        sa.Column("because", sa.Text, nullable=False),
        sa.Column("created_at", _instant, nullable=False),
        sa.Column("ended_at", _instant),
        sa.PrimaryKeyConstraint("id", name="pk_silence"),
        sa.CheckConstraint("starts_at < ends_at", name="ck_silence_ends_after_start"),
    )
    op.create_index("ix_silence_ended_at", "silence", ["ended_at"])
    op.create_table(
        "digest",
        sa.Column("id", _id, nullable=False),
        sa.Column("batch", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("monitor", sa.Text, nullable=False),
        sa.Column("opened_at", _instant, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_digest"),
        sa.UniqueConstraint("batch", name="uq_digest_batch"),
    )
    op.create_table(
        "digest_incident",
        sa.Column("digest_id", sa.BigInteger, nullable=False),
        sa.Column("incident_id", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("digest_id", "incident_id", name="pk_digest_incident"),
        sa.ForeignKeyConstraint(
            ["digest_id"], ["digest.id"], name="fk_digest_incident_digest_id_digest"
        ),
        _belongs_to("digest_incident"),
    )
    op.create_index("ix_digest_incident_incident_id", "digest_incident", ["incident_id"])


def _outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", _id, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("incident_id", sa.BigInteger),
        sa.Column("digest_id", sa.BigInteger),
        sa.Column("destination", sa.Text, nullable=False),
        sa.Column("priority", sa.Text, nullable=False),
        sa.Column("payload", sa.Text, nullable=False),
        sa.Column("created_at", _instant, nullable=False),
        sa.Column("due_at", _instant, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("next_at", _instant, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("first_attempt_at", _instant),
        sa.Column("lease_owner", sa.Text),
        sa.Column("lease_until", _instant),
        sa.Column("form", sa.Text, nullable=False),
        sa.Column("channel", sa.Text),
        sa.Column("message_ts", sa.Text),
        sa.Column("applied_revision", sa.Integer, nullable=False),
        sa.Column("edit_at", _instant),
        sa.Column("sent_at", _instant),
        sa.Column("sent_by", sa.Text),
        sa.Column("is_doubtful", sa.Boolean, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("last_error", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
        sa.UniqueConstraint("key", name="uq_outbox_key"),
        _belongs_to("outbox"),
        sa.ForeignKeyConstraint(["digest_id"], ["digest.id"], name="fk_outbox_digest_id_digest"),
    )
    op.create_index("ix_outbox_status_next_at", "outbox", ["status", "next_at"])
    op.create_index("ix_outbox_incident_id_id", "outbox", ["incident_id", "id"])
    op.create_index("ix_outbox_destination_sent_at", "outbox", ["destination", "sent_at"])
    op.create_table(
        "doubt",
        sa.Column("outbox_id", sa.BigInteger, nullable=False),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("since", _instant, nullable=False),
        sa.Column("thread", sa.Text),
        sa.PrimaryKeyConstraint("outbox_id", "channel", name="pk_doubt"),
        sa.ForeignKeyConstraint(["outbox_id"], ["outbox.id"], name="fk_doubt_outbox_id_outbox"),
    )
    op.create_table(
        "destination",
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("next_free_at", _instant, nullable=False),
        sa.Column("paused_until", _instant),
        sa.Column("blocked_since", _instant),
        sa.Column("blocked_because", sa.Text, nullable=False),
        sa.Column("failing_since", _instant),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("alarmed_at", _instant),
        sa.Column("last_sent_at", _instant),
        sa.PrimaryKeyConstraint("channel", "name", name="pk_destination"),
    )
    op.create_table(
        "heartbeat",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("since", _instant, nullable=False),
        sa.Column("at", _instant, nullable=False),
        sa.PrimaryKeyConstraint("name", "owner", name="pk_heartbeat"),
    )


def _belongs_to(table: str) -> sa.ForeignKeyConstraint:
    name = f"fk_{table}_incident_id_incident"
    return sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=name)
