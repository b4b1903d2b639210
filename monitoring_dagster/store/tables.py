"""The tables of the store, as SQLAlchemy Core knows them.

Their public meaning is documented in docs/measurements.md; how they came to be is `migrations`.
"""

from __future__ import annotations

import sqlalchemy as sa

from monitoring_dagster.store.values import UTCDateTime

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")  # SQLite counts up INTEGER keys only

evaluation = sa.Table(
    "evaluation",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("monitor", sa.Text, nullable=False),
    sa.Column("day", sa.Date, nullable=False),
    sa.Column("stage", sa.Text, nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("config_hash", sa.Text, nullable=False),
    sa.Column("algorithm_version", sa.Text, nullable=False),
    sa.Column("input_fingerprint", sa.Text, nullable=False),
    sa.Column("as_of", UTCDateTime, nullable=False),
    sa.Column("run_id", sa.Text, nullable=False),
    sa.Column("computed_at", UTCDateTime, nullable=False),
    sa.Column("measurement_rows", sa.Integer, nullable=False),
    sa.UniqueConstraint("monitor", "day", "stage", "revision"),
)

measurement = sa.Table(
    "measurement",
    metadata,
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
    sa.Column("evaluation_id", sa.BigInteger, sa.ForeignKey("evaluation.id"), nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("computed_at", UTCDateTime, nullable=False),
    # The order serves what people draw: one metric of one column over the days.
    sa.PrimaryKeyConstraint("monitor", "metric", "column", "segment", "model_version", "day"),
    sa.CheckConstraint(
        "value_state IN ('finite', 'nan', 'pos_inf', 'neg_inf', 'none') "
        "AND (value IS NOT NULL) = (value_state = 'finite')",
        name="value_state",
    ),
    # And this one what a stage does: replace the rows of its day.
    sa.Index(None, "monitor", "day", "stage"),
)

verdict = sa.Table(
    "verdict",
    metadata,
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
    sa.Column("known_at", UTCDateTime),
    sa.Column("details", sa.Text, nullable=False),
    sa.Column("config_hash", sa.Text, nullable=False),
    sa.Column("evaluation_id", sa.BigInteger, sa.ForeignKey("evaluation.id"), nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("computed_at", UTCDateTime, nullable=False),
    sa.PrimaryKeyConstraint(
        "monitor", "day", "rule", "metric", "column", "segment", "model_version", "name"
    ),
    # What people ask for: what was wrong, and since when.
    sa.Index(None, "monitor", "verdict", "day"),
    # And what a replay asks for: what could be known by when.
    sa.Index(None, "monitor", "known_at"),
)

detector_state = sa.Table(
    "detector_state",
    metadata,
    sa.Column("monitor", sa.Text, nullable=False),
    sa.Column("day", sa.Date, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("evaluation_id", sa.BigInteger, sa.ForeignKey("evaluation.id"), nullable=False),
    sa.PrimaryKeyConstraint("monitor", "day"),
)

new_normal = sa.Table(
    "new_normal",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("monitor", sa.Text, nullable=False),
    sa.Column("since", sa.Date, nullable=False),
    sa.Column("because", sa.Text, nullable=False),
    sa.Column("accepted_by", sa.Text, nullable=False),
    sa.Column("accepted_at", UTCDateTime, nullable=False),
    sa.Index(None, "monitor", "since"),
)
