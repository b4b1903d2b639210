"""Verdicts, the state of the detectors behind them, and what people accepted as a new normal."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_instant = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")


def upgrade() -> None:
    op.create_table(
        "verdict",
        sa.Column("monitor", sa.Text, nullable=False),
        sa.Column("model_version", sa.Text, nullable=False),
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("rule", sa.Text, nullable=False),
        sa.Column("metric", sa.Text, nullable=False),
        sa.Column("column", sa.Text, nullable=False),
        sa.Column("segment", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("verdict", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("value", sa.Double),
        sa.Column("ci_low", sa.Double),
        sa.Column("ci_high", sa.Double),
        sa.Column("reference_value", sa.Double),
        sa.Column("null_high", sa.Double),
        sa.Column("n", sa.BigInteger),
        sa.Column("effect", sa.Double),
        sa.Column("minimum_effect", sa.Double),
        sa.Column("smallest_effect", sa.Double),
        sa.Column("effect_unit", sa.Text, nullable=False),
        sa.Column("evidence", sa.Double),
        sa.Column("threshold", sa.Double),
        sa.Column("since", sa.Date),
        sa.Column("days", sa.Integer, nullable=False),
        sa.Column("importance", sa.Double),
        sa.Column("importance_rank", sa.Integer),
        sa.Column("importance_of", sa.Integer),
        sa.Column("impact", sa.Double),
        sa.Column("prediction_change", sa.Double),
        sa.Column("cost", sa.Double),
        sa.Column("cost_low", sa.Double),
        sa.Column("cost_high", sa.Double),
        sa.Column("currency", sa.Text),
        sa.Column("cost_of", sa.Text),
        sa.Column("known_at", _instant),
        sa.Column("details", sa.Text, nullable=False),
        sa.Column("config_hash", sa.Text, nullable=False),
        sa.Column("evaluation_id", sa.BigInteger, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("computed_at", _instant, nullable=False),
        sa.PrimaryKeyConstraint(
            "monitor",
            "day",
            "rule",
            "metric",
            "column",
            "segment",
            "model_version",
            "name",
            name="pk_verdict",
        ),
        sa.ForeignKeyConstraint(
            ["evaluation_id"], ["evaluation.id"], name="fk_verdict_evaluation_id_evaluation"
        ),
    )
    op.create_index("ix_verdict_monitor_verdict_day", "verdict", ["monitor", "verdict", "day"])
    op.create_table(
        "detector_state",
        sa.Column("monitor", sa.Text, nullable=False),
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("evaluation_id", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("monitor", "day", name="pk_detector_state"),
        sa.ForeignKeyConstraint(
            ["evaluation_id"], ["evaluation.id"], name="fk_detector_state_evaluation_id_evaluation"
        ),
    )
    op.create_table(
        "new_normal",
        sa.Column("id", _id, nullable=False),
        sa.Column("monitor", sa.Text, nullable=False),
        sa.Column("since", sa.Date, nullable=False),
        sa.Column("because", sa.Text, nullable=False),
        sa.Column("accepted_by", sa.Text, nullable=False),
        sa.Column("accepted_at", _instant, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_new_normal"),
    )
    op.create_index("ix_new_normal_monitor_since", "new_normal", ["monitor", "since"])
