"""The anchor: a file of checkpoints outside the database, which only grows.

Whoever can change the database must not be able to change this file, or verifying proves little.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import fcntl
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple, Protocol, TypeVar

import sqlalchemy as sa

from monitoring_dagster.errors import AuditLogRewritten, CheckpointInvalid, KeyMissing
from monitoring_dagster.failpoints import failpoint
from monitoring_dagster.store.audit import chain, checkpoints, reading
from monitoring_dagster.store.audit.chain import Head
from monitoring_dagster.store.audit.checkpoints import Checkpoint
from monitoring_dagster.store.audit.keys import PublicKey, Signer
from monitoring_dagster.store.audit.log import Entry, append
from monitoring_dagster.store.audit.tables import audit_key

T = TypeVar("T")

ANCHOR_VARIABLE = "MONITORING_DAGSTER_AUDIT_ANCHOR"

KEY_REGISTERED = "key_registered"
KEY_ROTATED = "key_rotated"
SYSTEM = "system:audit"


class Transactions(Protocol):
    """What is needed of a store."""

    def write(self, work: Callable[[sa.Connection], T]) -> T:
        """Run `work` in a transaction that may write."""
        ...

    def read(self, work: Callable[[sa.Connection], T]) -> T:
        """Run `work` in a transaction that only reads."""
        ...


class RegisteredKey(NamedTuple):
    """A key that has signed checkpoints; `valid_until` is None for the present one."""

    public_key: PublicKey
    valid_from: dt.datetime
    valid_until: dt.datetime | None


def anchor_path(env: Mapping[str, str], home: Path) -> Path:
    """Where checkpoints are kept: MONITORING_DAGSTER_AUDIT_ANCHOR, by default in the home."""
    return Path(env.get(ANCHOR_VARIABLE) or home / "audit" / "checkpoints.txt").absolute()


def read(path: Path) -> list[Checkpoint]:
    """The checkpoints of an anchor, oldest first; none where there is no such file.

    A last one that a power cut left half written does not count; the next `anchor` removes it.

    Raises:
        CheckpointInvalid: The file cannot be read, or holds something else.
    """
    try:
        return _parsed(path.read_bytes(), path)[0]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise _unusable(path, error) from error


def anchor(
    store: Transactions,
    signer: Signer,
    path: Path,
    at: dt.datetime,
    *,
    previous: Signer | None = None,
) -> Checkpoint | None:
    """Sign where the log ends, and add it to the anchor; None where nothing was logged since.

    The first checkpoint of a key is preceded by an audited event. Where the last one was signed
    with another key, `previous` has to be that key, and both sign. Anchoring twice at once, or
    again after a crash, writes nothing twice.

    Raises:
        AuditLogRewritten: The log does not hold what the last checkpoint says; nothing is signed.
        CheckpointInvalid: The anchor cannot be read or written.
        KeyMissing: The last checkpoint was signed with a key that is not here.
    """
    with _locked(path) as descriptor:
        last = _last(descriptor, path)
        before = _key_before(last, signer, previous)

        def registered_head(connection: sa.Connection) -> Head:
            _check_continues(connection, last, path)
            register(connection, signer, at, previous=before)
            return reading.head(connection) or Head(0, chain.GENESIS)

        head = store.write(registered_head)
        if last is not None and before is None and head == last.head:
            return None
        checkpoint = checkpoints.make(head, at, signer, before)
        _add(descriptor, path, checkpoint)
    return checkpoint


def register(
    connection: sa.Connection, signer: Signer, at: dt.datetime, *, previous: Signer | None = None
) -> None:
    """Remember the signer's key, and log that it is used from now on, unless that is known.

    Raises:
        KeyMissing: It is to replace `previous`, and was replaced itself before.
    """
    new = signer.public_key
    c = audit_key.c
    known = connection.execute(sa.select(c.valid_until).where(c.key_id == new.key_id)).first()
    if known is not None:
        if previous is not None and known.valid_until is not None:
            raise KeyMissing(
                f"the key {new.key_id} was itself replaced at {chain.instant(known.valid_until)}; "
                "make a new one"
            )
        return
    connection.execute(
        sa.insert(audit_key),
        {"key_id": new.key_id, "public_key": str(new), "valid_from": at, "valid_until": None},
    )
    said: dict[str, chain.JsonValue] = {"public_key": str(new)}
    if previous is not None:
        said["replaces"] = previous.public_key.key_id
        replaced = sa.update(audit_key).where(c.key_id == previous.public_key.key_id)
        connection.execute(replaced.values(valid_until=at))
    action = KEY_REGISTERED if previous is None else KEY_ROTATED
    append(connection, [Entry(SYSTEM, action, "audit_key", new.key_id, said)], at)


def registered(connection: sa.Connection) -> list[RegisteredKey]:
    """The keys that were used, by their beginning.

    They are in the database that they are to prove right: compare them with a list kept elsewhere.
    """
    c = audit_key.c
    query = sa.select(c.public_key, c.valid_from, c.valid_until).order_by(c.valid_from, c.key_id)
    return [
        RegisteredKey(PublicKey.parse(row.public_key), row.valid_from, row.valid_until)
        for row in connection.execute(query)
    ]


def _key_before(last: Checkpoint | None, signer: Signer, previous: Signer | None) -> Signer | None:
    """The signer that hands over now; None where the present key has signed already."""
    if last is None:
        return None
    is_right = last.signed_by(signer.public_key)
    if is_right:
        return None
    if is_right is False:
        raise CheckpointInvalid(
            f"the last checkpoint, of {last.head.seq} rows at {chain.instant(last.at)}, does not "
            "bear the signature of its text: it was changed. Restore the file from a copy"
        )
    if previous is not None and last.signed_by(previous.public_key):
        return previous
    keys = " or ".join(signature.key_id for signature in last.signatures)
    raise KeyMissing(
        f"the last checkpoint was signed with the key {keys}, and this one is "
        f"{signer.public_key.key_id}. Give the earlier one as "
        "MONITORING_DAGSTER_AUDIT_PREVIOUS_KEY_FILE, so that both sign; where it is lost, move "
        "the file of checkpoints aside, keep it, and begin another"
    )


def _check_continues(connection: sa.Connection, last: Checkpoint | None, path: Path) -> None:
    """Sign nothing that contradicts what was signed before."""
    if last is None:
        return
    end = reading.head(connection) or Head(0, chain.GENESIS)
    if end.seq < last.head.seq:
        what = f"ends at row {end.seq}"
    elif reading.hash_at(connection, last.head.seq) != last.head.hash:
        what = f"has another row {last.head.seq} than was signed"
    else:
        return
    raise AuditLogRewritten(
        f"the last checkpoint in {path} is of {last.head.seq} rows at "
        f"{chain.instant(last.at)}, and the audit log {what}: it was changed, or restored from a "
        "backup. Nothing was signed. Look at it with `monitoring-dagster audit verify`; after a "
        "restore that was meant, move the file aside, keep it, and anchor again"
    )


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[int]:
    """The anchor, open to read and to add to; one process at a time."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        is_new = not path.exists()
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        if is_new:
            _sync_folder(path.parent)
    except OSError as error:
        raise _unusable(path, error) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def _last(descriptor: int, path: Path) -> Checkpoint | None:
    """The last whole checkpoint; what a power cut left behind it is removed."""
    try:
        content = os.pread(descriptor, os.fstat(descriptor).st_size, 0)
        found, rest = _parsed(content, path)
        if rest:
            os.ftruncate(descriptor, len(content) - rest)
            os.fsync(descriptor)
    except OSError as error:
        raise _unusable(path, error) from error
    return found[-1] if found else None


def _add(descriptor: int, path: Path, checkpoint: Checkpoint) -> None:
    """Add it whole, on the disk, or not at all."""
    before = os.fstat(descriptor).st_size
    content = f"{checkpoint}\n".encode()
    try:
        try:
            if os.write(descriptor, content) != len(content):
                raise OSError(0, "it was written in part")
            os.fsync(descriptor)
        except OSError:
            os.ftruncate(descriptor, before)
            raise
        failpoint("audit.anchored")
    except OSError as error:
        raise _unusable(path, error) from error


def _parsed(content: bytes, path: Path) -> tuple[list[Checkpoint], int]:
    """The checkpoints, and how many bytes at the end belong to none."""
    # What is no UTF-8 must keep its length, and belongs to no checkpoint.
    text = content.decode(errors="surrogateescape")
    try:
        found, rest = checkpoints.parse_all(text)
    except CheckpointInvalid as error:
        raise CheckpointInvalid(f"{path}: {error}") from error
    return found, len(rest.encode(errors="surrogateescape"))


def _unusable(path: Path, error: OSError) -> CheckpointInvalid:
    return CheckpointInvalid(
        f"checkpoints cannot be kept in {path}: {error.strerror}; allow this user to read and to "
        f"extend that file, or set {ANCHOR_VARIABLE} to another one"
    )


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
