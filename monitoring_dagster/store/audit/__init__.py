"""The audit log: who decided what and when, in a chain of hashes that shows any later change.

What is logged is decided by other rooms; docs/audit.md says what the chain proves.
"""

from __future__ import annotations

from monitoring_dagster.store.audit.anchors import (
    RegisteredKey,
    anchor,
    anchor_path,
    register,
    registered,
)
from monitoring_dagster.store.audit.chain import Head, JsonValue
from monitoring_dagster.store.audit.checkpoints import Checkpoint
from monitoring_dagster.store.audit.keys import PublicKey, Signer
from monitoring_dagster.store.audit.log import Entry, append, erase
from monitoring_dagster.store.audit.reading import Logged, entries, export_lines, head
from monitoring_dagster.store.audit.verify import Tampering, Verification, verify

__all__ = [
    "Checkpoint",
    "Entry",
    "Head",
    "JsonValue",
    "Logged",
    "PublicKey",
    "RegisteredKey",
    "Signer",
    "Tampering",
    "Verification",
    "anchor",
    "anchor_path",
    "append",
    "entries",
    "erase",
    "export_lines",
    "head",
    "register",
    "registered",
    "verify",
]
