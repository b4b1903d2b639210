"""Actions with those who agreed to them, tenures, and what an incident says of its retraining."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_instant = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")


def upgrade() -> None:
    # Without a batch, which would rebuild the table in SQLite for a column that can be appended.
    op.add_column(
        "incident", sa.Column("retraining", sa.Text, nullable=False, server_default=sa.text("''"))
    )
    _actions()
    _approvals()
    _tenures()


def _actions() -> None:
    op.create_table(
        "action",
        sa.Column("id", _id, nullable=False),
        sa.Column("ref", sa.Text, nullable=False),
        sa.Column("monitor", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("evidence", sa.Text, nullable=False),
        sa.Column("incident_id", sa.BigInteger),
        sa.Column("requested_at", _instant, nullable=False),
        sa.Column("requested_by", sa.Text, nullable=False),
        sa.Column("written_at", _instant, nullable=False),
        sa.Column("since", sa.Date),
        sa.Column("clock", sa.Text, nullable=False),
        sa.Column("config_hash", sa.Text, nullable=False),
        sa.Column("phase", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("not_before", _instant),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("launched_at", _instant),
        sa.Column("alive_at", _instant),
        sa.Column("plan", sa.Text, nullable=False),
        sa.Column("champion", sa.Text, nullable=False),
        sa.Column("challenger", sa.Text, nullable=False),
        sa.Column("mlflow_run", sa.Text, nullable=False),
        sa.Column("decision", sa.Text, nullable=False),
        sa.Column("because", sa.Text, nullable=False),
        sa.Column("shadow_until", sa.Date),
        sa.Column("decided_at", _instant),
        sa.Column("seconds_to_decision", sa.Double),
        sa.Column("ended_at", _instant),
        sa.PrimaryKeyConstraint("id", name="pk_action"),
        sa.UniqueConstraint("ref", name="uq_action_ref"),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["incident.id"], name="fk_action_incident_id_incident"
        ),
    )
    op.create_index("ix_action_monitor_id", "action", ["monitor", "id"])
    is_under_way = sa.text(
        "status IN ('requested', 'launching', 'running', 'shadowing', 'awaiting_approval')"
    )
    op.create_index(
        "uq_action_under_way",
        "action",
        ["monitor"],
        unique=True,
        sqlite_where=is_under_way,
        postgresql_where=is_under_way,
    )


def _approvals() -> None:
    op.create_table(
        "approval",
        sa.Column("action_id", sa.BigInteger, nullable=False),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("at", _instant, nullable=False),
        sa.Column("because", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("action_id", "person", name="pk_approval"),
        sa.ForeignKeyConstraint(["action_id"], ["action.id"], name="fk_approval_action_id_action"),
    )


def _tenures() -> None:
    op.create_table(
        "tenure",
        sa.Column("id", _id, nullable=False),
        sa.Column("monitor", sa.Text, nullable=False),
        sa.Column("model_version", sa.Text, nullable=False),
        sa.Column("since", sa.Date, nullable=False),
        sa.Column("reference", sa.Text, nullable=False),
        sa.Column("resumes", sa.BigInteger),
        sa.Column("begun_at", _instant, nullable=False),
        sa.Column("begun_by", sa.Text, nullable=False),
        sa.Column("action_id", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_tenure"),
        sa.UniqueConstraint("action_id", name="uq_tenure_action_id"),
        sa.ForeignKeyConstraint(["action_id"], ["action.id"], name="fk_tenure_action_id_action"),
    )
    op.create_index("ix_tenure_monitor_id", "tenure", ["monitor", "id"])
