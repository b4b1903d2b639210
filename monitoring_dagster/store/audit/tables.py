"""The tables of the audit log.

Their public meaning is documented in docs/audit.md; how they came to be, and the triggers that
keep rows from being changed, is `migrations`.
"""

from __future__ import annotations

import sqlalchemy as sa

from monitoring_dagster.store.tables import Id, metadata
from monitoring_dagster.store.values import UTCDateTime

audit = sa.Table(
    "audit",
    metadata,
    sa.Column("seq", Id, primary_key=True, autoincrement=False),
    sa.Column("at", UTCDateTime, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("subject_type", sa.Text, nullable=False),
    sa.Column("subject_id", sa.Text, nullable=False),
    sa.Column("payload_commit", sa.LargeBinary, nullable=False),
    sa.Column("prev", sa.LargeBinary, nullable=False),
    sa.Column("hash", sa.LargeBinary, nullable=False),
    # No two rows follow the same one: a fork is impossible even for who forgets the head's lock.
    sa.UniqueConstraint("prev"),
    sa.UniqueConstraint("hash"),
    sa.Index(None, "subject_type", "subject_id", "seq"),
)

audit_payload = sa.Table(
    "audit_payload",
    metadata,
    sa.Column("seq", Id, primary_key=True, autoincrement=False),
    sa.Column("salt", sa.LargeBinary, nullable=False),
    sa.Column("payload", sa.Text, nullable=False),
)

audit_head = sa.Table(
    "audit_head",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("seq", sa.BigInteger, nullable=False),
    sa.Column("hash", sa.LargeBinary, nullable=False),
    sa.CheckConstraint("id = 1", name="one_row"),
)

audit_key = sa.Table(
    "audit_key",
    metadata,
    sa.Column("key_id", sa.Text, primary_key=True),
    sa.Column("public_key", sa.Text, nullable=False),
    sa.Column("valid_from", UTCDateTime, nullable=False),
    sa.Column("valid_until", UTCDateTime),
)
