"""Reading the audit log: byte by byte for who verifies it, in words for people, as lines to export.

Only SELECTs, in the order of the log and never all of it at once.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Generator, Iterator, Mapping
from typing import Any, NamedTuple

import sqlalchemy as sa

from monitoring_dagster.store.audit import chain
from monitoring_dagster.store.audit.chain import Head, JsonValue
from monitoring_dagster.store.audit.tables import audit, audit_head, audit_payload

ROWS_AT_ONCE = 2_000


class Raw(NamedTuple):
    """A row as its bytes; `salt` and `payload` are None where the payload was erased."""

    seq: int
    hash: bytes
    prev: bytes
    payload_commit: bytes
    salt: bytes | None
    at: bytes
    actor: bytes
    action: bytes
    subject_type: bytes
    subject_id: bytes
    payload: bytes | None


class Logged(NamedTuple):
    """A row for people; `payload` is None where it was erased."""

    seq: int
    at: dt.datetime
    actor: str
    action: str
    subject_type: str
    subject_id: str
    payload: Mapping[str, JsonValue] | None


def head(connection: sa.Connection) -> Head | None:
    """Where the log ends by its own account; None where somebody removed the head."""
    c = audit_head.c
    query = sa.select(sa.cast(c.seq, sa.BigInteger), _blob(c.hash)).where(c.id == 1)
    found = connection.execute(query).first()
    return None if found is None else Head._make(found)


def hash_at(connection: sa.Connection, seq: int) -> bytes | None:
    """The stored hash of a row; row 0 is what the first one follows. None where there is none."""
    if seq == 0:
        return chain.GENESIS
    return connection.scalar(sa.select(_blob(audit.c.hash)).where(audit.c.seq == seq))


def first_orphan(connection: sa.Connection, *, after: int) -> int | None:
    """The first payload behind `after` whose row is not there."""
    c = audit_payload.c
    is_there = sa.exists().where(audit.c.seq == c.seq)
    return connection.scalar(sa.select(sa.func.min(c.seq)).where(c.seq > after, ~is_there))


def raw_rows(
    connection: sa.Connection, *, first: int | None = None, last: int | None = None
) -> Generator[Raw, None, None]:
    """Rows in order, with bounded memory; without `first` from the very first on.

    Texts come as the bytes that are stored, since one that somebody damaged may be no text.
    """
    query = _raw(connection.dialect.name).order_by(audit.c.seq)
    if first is not None:
        query = query.where(audit.c.seq >= first)
    if last is not None:
        query = query.where(audit.c.seq <= last)
    with connection.execute(query, execution_options={"yield_per": ROWS_AT_ONCE}) as found:
        yield from map(Raw._make, found)


def raw_row_after(connection: sa.Connection, prev: bytes) -> Raw | None:
    """The row that claims to follow the one with the hash `prev`."""
    row = connection.execute(_raw(connection.dialect.name).where(audit.c.prev == prev)).first()
    return None if row is None else Raw._make(row)


def entries(
    connection: sa.Connection,
    subject_type: str | None = None,
    subject_id: str | None = None,
    *,
    actor: str | None = None,
    action: str | None = None,
    since: dt.datetime | None = None,
    until: dt.datetime | None = None,
    limit: int = 100,
) -> list[Logged]:
    """The last `limit` rows that fit, oldest first.

    Args:
        connection: Any transaction.
        subject_type: Only what was done to such things, such as `incident`.
        subject_id: Only what was done to this one.
        actor: Only what this one did.
        action: Only this action.
        since: Only from this instant on.
        until: Only before this instant.
        limit: How many at most.
    """
    c = audit.c
    equal = {
        c.subject_type: subject_type,
        c.subject_id: subject_id,
        c.actor: actor,
        c.action: action,
    }
    wanted = [column == text for column, text in equal.items() if text is not None]
    if since is not None:
        wanted.append(c.at >= since)
    if until is not None:
        wanted.append(c.at < until)
    said = (c.seq, c.at, c.actor, c.action, c.subject_type, c.subject_id, audit_payload.c.payload)
    query = (
        sa.select(*said)
        .join(audit_payload, audit_payload.c.seq == c.seq, isouter=True)
        .where(*wanted)
        .order_by(c.seq.desc())
        .limit(limit)
    )
    found = [_logged(row) for row in connection.execute(query)]
    return found[::-1]


def export_lines(connection: sa.Connection) -> Iterator[str]:
    """The whole log as JSON, a line a row, and the head as the last line; see docs/audit.md.

    Rows that are appended meanwhile are left out or complete, never half there.
    """
    last = 0
    for row in raw_rows(connection):
        last = row.seq
        yield _line(row)
    # Read after the rows, so that it is never behind them; what it is ahead of them is there now.
    end = head(connection)
    for row in raw_rows(connection, first=last + 1, last=end.seq if end else 0):
        yield _line(row)
    yield json.dumps({"seq": end.seq if end else 0, "hash": end.hash.hex() if end else ""})


def _raw(dialect: str) -> sa.Select[Any]:
    c, payload = audit.c, audit_payload.c
    if dialect == "postgresql":
        pattern = 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'
        at = sa.func.to_char(sa.func.timezone("UTC", c.at), pattern)
        text = _utf8
    else:
        at, text = c.at, _blob
    hashes = map(_blob, (c.hash, c.prev, c.payload_commit, payload.salt))
    said = map(text, (at, c.actor, c.action, c.subject_type, c.subject_id, payload.payload))
    return sa.select(c.seq, *hashes, *said).join_from(
        audit, audit_payload, payload.seq == c.seq, isouter=True
    )


def _blob(column: sa.ColumnElement[Any]) -> sa.ColumnElement[bytes]:
    return sa.cast(column, sa.LargeBinary)


def _utf8(column: sa.ColumnElement[Any]) -> sa.ColumnElement[bytes]:
    return sa.func.convert_to(column, "UTF8", type_=sa.LargeBinary)


def _logged(row: Any) -> Logged:
    payload = None if row.payload is None else json.loads(row.payload)
    return Logged._make([*row[:-1], payload])


_HEX = frozenset({"payload_commit", "prev", "hash", "salt"})


def _line(row: Raw) -> str:
    return json.dumps({name: _text(name, value) for name, value in row._asdict().items()})


def _text(name: str, value: int | bytes | None) -> int | str | None:
    if not isinstance(value, bytes):
        return value
    # What is no UTF-8 was not written by us; it must come out as it is to be found.
    return value.hex() if name in _HEX else value.decode(errors="surrogateescape")
