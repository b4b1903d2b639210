"""Writing the audit log: rows are appended, payloads may be erased, nothing is changed.

What is worth logging is decided by the caller; the bytes of a row are made in `chain`.
"""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

import sqlalchemy as sa

from monitoring_dagster.errors import StoreError
from monitoring_dagster.failpoints import failpoint
from monitoring_dagster.store.audit import chain
from monitoring_dagster.store.audit.chain import JsonValue
from monitoring_dagster.store.audit.tables import audit, audit_head, audit_payload
from monitoring_dagster.store.evaluations import KEY_BYTES, SHORT_KEY_BYTES
from monitoring_dagster.store.values import key_text

ERASED = "payload_erased"
"""The action of the rows that say which payloads were erased; these keep their own."""

_LOCKED_HEAD = (
    sa.select(audit_head.c.seq, audit_head.c.hash).where(audit_head.c.id == 1).with_for_update()
)
_AT_ONCE = 500


class Entry(NamedTuple):
    """One event: who (`user:ann`, `system:evaluation`) did what to which thing.

    The first four stay for ever and must not hold personal data that may have to be erased; what
    may, belongs in the payload.
    """

    actor: str
    action: str
    subject_type: str
    subject_id: str
    payload: Mapping[str, JsonValue] = {}


def append(
    connection: sa.Connection,
    entries: Iterable[Entry],
    at: dt.datetime,
    *,
    salts: Callable[[int], bytes] = secrets.token_bytes,
) -> list[int]:
    """Log the entries in the caller's transaction, as its last statement.

    Others who append wait from here until the transaction ends. The head is locked after
    everything else, so that no two transactions wait for each other.

    Args:
        connection: A transaction that may write.
        entries: In the order in which they happened.
        at: The instant of all of them, aware.
        salts: Gives so many random bytes.

    Returns:
        The `seq` of each entry.

    Raises:
        StoreError: A payload is no JSON, or the log has no head.
    """
    logged = list(entries)
    if not logged:
        return []
    # Made before the lock: nobody waits for the encoding of payloads.
    payloads = [(salts(chain.SALT_BYTES), chain.canonical(entry.payload)) for entry in logged]
    head = connection.execute(_LOCKED_HEAD).first()
    if head is None:
        raise StoreError(
            "the audit log has no head, so that nothing can be logged; somebody removed it. "
            "Look at the log with `monitoring-dagster audit verify`, and restore a backup"
        )
    rows = _chained(head.seq, head.hash, logged, payloads, at)
    connection.execute(sa.insert(audit), rows)
    connection.execute(
        sa.insert(audit_payload),
        [
            {"seq": row["seq"], "salt": salt, "payload": payload}
            for row, (salt, payload) in zip(rows, payloads, strict=True)
        ],
    )
    connection.execute(
        sa.update(audit_head).where(audit_head.c.id == 1),
        {"seq": rows[-1]["seq"], "hash": rows[-1]["hash"]},
    )
    failpoint("audit.appended")
    return [row["seq"] for row in rows]


def erase(
    connection: sa.Connection,
    seqs: Iterable[int],
    *,
    actor: str,
    because: str,
    at: dt.datetime,
    salts: Callable[[int], bytes] = secrets.token_bytes,
) -> int:
    """Delete payloads for good, and log who had it done and why; the chain still verifies.

    Those that are erased already are passed over: doing it twice changes nothing.

    Returns:
        How many payloads were erased.

    Raises:
        StoreError: One of them says what was erased before, which has to stay known.
    """
    if connection.dialect.name == "sqlite":
        connection.execute(sa.text("PRAGMA secure_delete = ON"))  # or the text stays in the file
    erased: list[int] = []
    for some in _batches(sorted(set(seqs))):
        erased += _erased(connection, some)
    if erased:
        payload = {"because": because, "count": len(erased), "seqs": _ranges(erased)}
        event = Entry(actor, ERASED, "audit", "payload", payload)
        append(connection, [event], at, salts=salts)
    return len(erased)


def _chained(
    seq: int,
    prev: bytes,
    entries: Sequence[Entry],
    payloads: Sequence[tuple[bytes, str]],
    at: dt.datetime,
) -> list[dict[str, Any]]:
    moment = chain.instant(at).encode()
    rows: list[dict[str, Any]] = []
    for entry, (salt, payload) in zip(entries, payloads, strict=True):
        seq += 1
        said = {
            "actor": key_text(entry.actor, max_bytes=SHORT_KEY_BYTES),
            "action": key_text(entry.action, max_bytes=SHORT_KEY_BYTES),
            "subject_type": key_text(entry.subject_type, max_bytes=SHORT_KEY_BYTES),
            "subject_id": key_text(entry.subject_id, max_bytes=KEY_BYTES),
        }
        fields = chain.Fields(moment, *(text.encode() for text in said.values()))
        commit = chain.commitment(salt, payload.encode())
        own = chain.row_hash(seq, prev, fields, commit)
        rows.append(
            {"seq": seq, "at": at, **said, "payload_commit": commit, "prev": prev, "hash": own}
        )
        prev = own
    return rows


def _erased(connection: sa.Connection, seqs: Sequence[int]) -> list[int]:
    """Delete the payloads that are there, and say which they were."""
    kept = sa.select(audit.c.seq).where(audit.c.seq.in_(seqs), audit.c.action == ERASED)
    for seq in connection.scalars(kept):
        raise StoreError(
            f"the payload of audit row {seq} says which payloads were erased, and stays; "
            "leave it out"
        )
    delete = sa.delete(audit_payload).where(audit_payload.c.seq.in_(seqs))
    return sorted(connection.scalars(delete.returning(audit_payload.c.seq)))


def _batches(seqs: Sequence[int]) -> Iterator[list[int]]:
    left = iter(seqs)
    while some := list(islice(left, _AT_ONCE)):
        yield some


def _ranges(seqs: Sequence[int]) -> list[list[int]]:
    """Ascending numbers as stretches.

    >>> _ranges([1, 2, 3, 7, 9, 10])
    [[1, 3], [7, 7], [9, 10]]
    """
    stretches: list[list[int]] = []
    for seq in seqs:
        if stretches and stretches[-1][1] == seq - 1:
            stretches[-1][1] = seq
        else:
            stretches.append([seq, seq])
    return stretches
