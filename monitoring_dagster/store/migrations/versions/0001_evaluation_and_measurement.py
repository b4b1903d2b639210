"""Evaluations and their measurements."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Migrations spell types out: what a table was must not change with the code.
_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_instant = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")


def upgrade() -> None:
    op.create_table(
        "evaluation",
        sa.Column("id", _id, nullable=False),
        sa.Column("monitor", sa.Text, nullable=False),
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("stage", sa.Text, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("config_hash", sa.Text, nullable=False),
        sa.Column("algorithm_version", sa.Text, nullable=False),
        sa.Column("input_fingerprint", sa.Text, nullable=False),
        sa.Column("as_of", _instant, nullable=False),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("computed_at", _instant, nullable=False),
        sa.Column("measurement_rows", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_evaluation"),
        sa.UniqueConstraint(
            "monitor",
            "day",
            "stage",
            "revision",
            name="uq_evaluation_monitor_day_stage_revision",
        ),
    )
    op.create_table(
        "measurement",
        sa.Column("monitor", sa.Text, nullable=False),
        sa.Column("model_version", sa.Text, nullable=False),
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("metric", sa.Text, nullable=False),
        sa.Column("column", sa.Text, nullable=False),
        sa.Column("segment", sa.Text, nullable=False),
        sa.Column("stage", sa.Text, nullable=False),
        sa.Column("value", sa.Double),
        sa.Column("value_state", sa.Text, nullable=False),
        sa.Column("ci_low", sa.Double),
        sa.Column("ci_high", sa.Double),
        sa.Column("reference_value", sa.Double),
        sa.Column("null_high", sa.Double),
        sa.Column("n", sa.BigInteger),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("verdict", sa.Text),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("coverage", sa.Double),
        sa.Column("maturity", sa.Text),
        sa.Column("config_hash", sa.Text, nullable=False),
        sa.Column("evaluation_id", sa.BigInteger, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("computed_at", _instant, nullable=False),
        sa.PrimaryKeyConstraint(
            "monitor",
            "metric",
            "column",
            "segment",
            "model_version",
            "day",
            name="pk_measurement",
        ),
        sa.ForeignKeyConstraint(
            ["evaluation_id"], ["evaluation.id"], name="fk_measurement_evaluation_id_evaluation"
        ),
        sa.CheckConstraint(
            "value_state IN ('finite', 'nan', 'pos_inf', 'neg_inf', 'none') "
            "AND (value IS NOT NULL) = (value_state = 'finite')",
            name=op.f("ck_measurement_value_state"),
        ),
    )
    op.create_index("ix_measurement_monitor_day_stage", "measurement", ["monitor", "day", "stage"])
