"""The tables of actions: what is owed, who agreed to it, and which model has reigned since when."""

from __future__ import annotations

import sqlalchemy as sa

from monitoring_dagster.store.tables import Id, metadata
from monitoring_dagster.store.values import UTCDateTime

UNDER_WAY = (
    "requested",
    "launching",
    "running",
    "shadowing",
    "awaiting_approval",
)
"""Of these a monitor has one action at most; the database sees to it."""

action = sa.Table(
    "action",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("ref", sa.Text, nullable=False),
    sa.Column("monitor", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("evidence", sa.Text, nullable=False),
    sa.Column("incident_id", sa.BigInteger, sa.ForeignKey("incident.id")),
    sa.Column("requested_at", UTCDateTime, nullable=False),
    sa.Column("requested_by", sa.Text, nullable=False),
    sa.Column("written_at", UTCDateTime, nullable=False),
    sa.Column("since", sa.Date),
    sa.Column("clock", sa.Text, nullable=False),
    sa.Column("config_hash", sa.Text, nullable=False),
    sa.Column("phase", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("not_before", UTCDateTime),
    sa.Column("run_id", sa.Text, nullable=False),
    sa.Column("launched_at", UTCDateTime),
    sa.Column("alive_at", UTCDateTime),
    sa.Column("plan", sa.Text, nullable=False),
    sa.Column("champion", sa.Text, nullable=False),
    sa.Column("challenger", sa.Text, nullable=False),
    sa.Column("mlflow_run", sa.Text, nullable=False),
    sa.Column("decision", sa.Text, nullable=False),
    sa.Column("because", sa.Text, nullable=False),
    sa.Column("shadow_until", sa.Date),
    sa.Column("decided_at", UTCDateTime),
    sa.Column("seconds_to_decision", sa.Double),
    sa.Column("ended_at", UTCDateTime),
    sa.UniqueConstraint("ref"),
    sa.Index(None, "monitor", "id"),
)

sa.Index(
    "uq_action_under_way",
    action.c.monitor,
    unique=True,
    sqlite_where=action.c.status.in_(UNDER_WAY),
    postgresql_where=action.c.status.in_(UNDER_WAY),
)

approval = sa.Table(
    "approval",
    metadata,
    sa.Column("action_id", sa.BigInteger, sa.ForeignKey("action.id"), nullable=False),
    sa.Column("person", sa.Text, nullable=False),
    sa.Column("at", UTCDateTime, nullable=False),
    sa.Column("because", sa.Text, nullable=False),
    sa.PrimaryKeyConstraint("action_id", "person"),
)

tenure = sa.Table(
    "tenure",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("monitor", sa.Text, nullable=False),
    sa.Column("model_version", sa.Text, nullable=False),
    sa.Column("since", sa.Date, nullable=False),
    sa.Column("reference", sa.Text, nullable=False),
    sa.Column("resumes", sa.BigInteger),
    sa.Column("begun_at", UTCDateTime, nullable=False),
    sa.Column("begun_by", sa.Text, nullable=False),
    sa.Column("action_id", sa.BigInteger, sa.ForeignKey("action.id"), nullable=False),
    sa.UniqueConstraint("action_id"),
    sa.Index(None, "monitor", "id"),
)
"""From `since` on the monitor's champion is `model_version`, and is compared with `reference` (a
document: first and last day, threshold; empty for the document's own). `resumes` is the tenure
that it goes on from after a rollback: its id, or 0 for the time before the first one."""
