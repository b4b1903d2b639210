"""The bytes of the audit log: what a row's hash and a payload's commitment are made of.

Pure functions; docs/audit.md says the same in words, so that others can check the log without
this code. Rows are written in `log` and checked in `verify`.
"""

from __future__ import annotations

import datetime as dt
import json
import struct
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import NamedTuple

from monitoring_dagster.errors import StoreError

JsonValue = (
    None | bool | int | float | str | Sequence["JsonValue"] | Mapping[str, "JsonValue"]
)  # what a payload may hold

HASH_BYTES = 32
SALT_BYTES = 16

GENESIS = bytes(HASH_BYTES)
"""What the first row follows."""

_ROW = b"monitoring-dagster-audit-v1\0"
_PAYLOAD = b"monitoring-dagster-audit-payload-v1\0"


class Head(NamedTuple):
    """The last row: its `seq` (0 before the first) and its hash."""

    seq: int
    hash: bytes


class Fields(NamedTuple):
    """What a row says, as bytes: an instant as `instant` writes it, and texts in UTF-8."""

    at: bytes
    actor: bytes
    action: bytes
    subject_type: bytes
    subject_id: bytes


def instant(at: dt.datetime) -> str:
    """An aware instant in UTC, always with microseconds.

    >>> instant(dt.datetime(2026, 1, 6, 7, tzinfo=dt.timezone(dt.timedelta(hours=1))))
    '2026-01-06T06:00:00.000000Z'

    Raises:
        ValueError: It is naive.
    """
    if at.tzinfo is None:
        raise ValueError(f"{at} has no time zone; give an aware datetime, such as in UTC")
    return at.astimezone(dt.UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def canonical(payload: Mapping[str, JsonValue]) -> str:
    r"""The payload as JSON: ASCII only, keys in order, no blanks, no NaN.

    >>> canonical({"to": "P1", "from": "é\0"})
    '{"from":"\\u00e9\\u0000","to":"P1"}'

    Raises:
        StoreError: It holds what JSON does not.
    """
    try:
        return json.dumps(
            payload, sort_keys=True, ensure_ascii=True, allow_nan=False, separators=(",", ":")
        )
    except (TypeError, ValueError) as error:
        raise StoreError(
            f"the payload of an audit entry is no JSON ({error}); "
            "give text, finite numbers, true, false, null, lists and objects only"
        ) from error


def commitment(salt: bytes, payload: bytes) -> bytes:
    """SHA-256 that binds to a payload and tells nothing about it once its salt is gone.

    >>> commitment(bytes(16), b"{}").hex()[:16]
    '...'
    """
    return sha256(_PAYLOAD + _measured(salt) + _measured(payload)).digest()


def encoded(seq: int, prev: bytes, fields: Fields, payload_commit: bytes) -> bytes:
    """What is hashed of a row; two rows that differ in anything differ here.

    Raises:
        ValueError: `prev` or `payload_commit` is no SHA-256.
    """
    if len(prev) != HASH_BYTES or len(payload_commit) != HASH_BYTES:
        raise ValueError(f"prev and payload_commit must have {HASH_BYTES} bytes each")
    return b"".join((_ROW, struct.pack(">Q", seq), prev, *map(_measured, fields), payload_commit))


def row_hash(seq: int, prev: bytes, fields: Fields, payload_commit: bytes) -> bytes:
    """The row's SHA-256, which the next row holds as `prev`."""
    return sha256(encoded(seq, prev, fields, payload_commit)).digest()


def _measured(part: bytes) -> bytes:
    """The part behind its own length, so that its end cannot be mistaken."""
    return struct.pack(">I", len(part)) + part
