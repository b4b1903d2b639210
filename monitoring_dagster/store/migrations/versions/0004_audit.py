"""The audit log, its head, its payloads and keys, and the triggers that keep it as it is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_instant = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")

_REFUSED = "what was logged is never changed"

# REPLACE deletes the rows that are in its way without asking the triggers of DELETE.
_ON_SQLITE = (
    ("audit_update", "BEFORE UPDATE ON audit", "1"),
    ("audit_delete", "BEFORE DELETE ON audit", "1"),
    (
        "audit_replace",
        "BEFORE INSERT ON audit",
        "EXISTS (SELECT 1 FROM audit WHERE NEW.seq = seq OR NEW.prev = prev OR NEW.hash = hash)",
    ),
    ("audit_payload_update", "BEFORE UPDATE ON audit_payload", "1"),
    (
        "audit_payload_replace",
        "BEFORE INSERT ON audit_payload",
        "EXISTS (SELECT 1 FROM audit_payload WHERE seq = NEW.seq)",
    ),
)


def upgrade() -> None:
    _log()
    _head()
    _keys()
    if op.get_bind().dialect.name == "sqlite":
        for name, event, condition in _ON_SQLITE:
            op.execute(
                f"CREATE TRIGGER {name} {event} WHEN {condition} "
                f"BEGIN SELECT RAISE(ABORT, '{_REFUSED}'); END"
            )
    else:
        _triggers_of_postgresql()


def _log() -> None:
    op.create_table(
        "audit",
        sa.Column("seq", _id, nullable=False, autoincrement=False),
        sa.Column("at", _instant, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("subject_type", sa.Text, nullable=False),
        sa.Column("subject_id", sa.Text, nullable=False),
        sa.Column("payload_commit", sa.LargeBinary, nullable=False),
        sa.Column("prev", sa.LargeBinary, nullable=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_audit"),
        sa.UniqueConstraint("prev", name="uq_audit_prev"),
        sa.UniqueConstraint("hash", name="uq_audit_hash"),
    )
    op.create_index(
        "ix_audit_subject_type_subject_id_seq", "audit", ["subject_type", "subject_id", "seq"]
    )
    op.create_table(
        "audit_payload",
        sa.Column("seq", _id, nullable=False, autoincrement=False),
        sa.Column("salt", sa.LargeBinary, nullable=False),
        sa.Column("payload", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_audit_payload"),
    )


def _head() -> None:
    head = op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_head"),
        sa.CheckConstraint("id = 1", name=op.f("ck_audit_head_one_row")),
    )
    op.bulk_insert(head, [{"id": 1, "seq": 0, "hash": bytes(32)}])


def _keys() -> None:
    op.create_table(
        "audit_key",
        sa.Column("key_id", sa.Text, nullable=False),
        sa.Column("public_key", sa.Text, nullable=False),
        sa.Column("valid_from", _instant, nullable=False),
        sa.Column("valid_until", _instant),
        sa.PrimaryKeyConstraint("key_id", name="pk_audit_key"),
    )


def _triggers_of_postgresql() -> None:
    op.execute(
        "CREATE FUNCTION audit_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation', "
        f"MESSAGE = '{_REFUSED}'; END $$"
    )
    # By statement, since TRUNCATE knows no rows. A payload may be deleted: that is its erasure.
    for table, events in (
        ("audit", "UPDATE OR DELETE OR TRUNCATE"),
        ("audit_payload", "UPDATE OR TRUNCATE"),
    ):
        op.execute(
            f"CREATE TRIGGER {table}_is_kept BEFORE {events} ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION audit_is_kept()"
        )
