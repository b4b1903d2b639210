"""Verifying the audit log: one pass over it that ends at the first row that is not as it was.

What a row must look like is said in `chain`, which checkpoints count in `checkpoints`. The
script deploy/verify_audit.py does the same without this code.
"""

from __future__ import annotations

import contextlib
import json
from collections import defaultdict
from collections.abc import Generator, Iterable, Iterator
from enum import StrEnum
from typing import NamedTuple

import sqlalchemy as sa

from monitoring_dagster.store.audit import chain, reading
from monitoring_dagster.store.audit.chain import Fields
from monitoring_dagster.store.audit.checkpoints import Checkpoint, examine
from monitoring_dagster.store.audit.keys import PublicKey
from monitoring_dagster.store.audit.log import ERASED
from monitoring_dagster.store.audit.reading import Raw

_ERASED = ERASED.encode()


class Tampering(StrEnum):
    """What was done to the log, as far as can be told from what is left."""

    GAP = "gap"
    EDIT = "edit"
    SWAP = "swap"
    FORK = "fork"
    PAYLOAD_EDITED = "payload_edited"
    TRUNCATION = "truncation"
    HEAD_ROLLED_BACK = "head_rolled_back"
    RESTORED_FROM_BACKUP = "restored_from_backup"
    BAD_SIGNATURE = "bad_signature"


class Verification(NamedTuple):
    """What a pass over the log found; `kind` is None where it is intact.

    `first_bad_seq` is the first row that cannot be relied on, None where no row is to blame.
    `rows` were found intact, of `erased` of them the payload is gone, `vouched` is the last row
    that a checkpoint speaks for (0: none). `unchecked` are checkpoints whose key is not known.
    """

    kind: Tampering | None
    first_bad_seq: int | None
    text: str
    rows: int
    erased: int
    vouched: int
    warnings: tuple[str, ...]
    unchecked: tuple[str, ...]

    @property
    def is_intact(self) -> bool:
        """Whether nothing was found."""
        return self.kind is None

    @property
    def exit_code(self) -> int:
        """0 for an intact log, 2 for a broken one, 3 where not all of it could be checked."""
        if not self.is_intact:
            return 2
        return 3 if self.unchecked else 0


def verify(
    connection: sa.Connection,
    *,
    from_seq: int = 1,
    checkpoints: Iterable[Checkpoint] = (),
    public_keys: Iterable[PublicKey] = (),
) -> Verification:
    """Check every row from `from_seq` on, the head, and what checkpoints say of them.

    Rows may be appended meanwhile. Memory does not grow with the log.

    Args:
        connection: A transaction that reads.
        from_seq: The first row to check; the hash of the one before is taken as it is.
        checkpoints: From outside the database, oldest first.
        public_keys: Keys that are known not to come from the database; one is enough, since it
            vouches for those that it was rotated from and to.

    Raises:
        ValueError: `from_seq` is below 1.
    """
    if from_seq < 1:
        raise ValueError(f"from_seq is {from_seq}; the first row is 1")
    given = list(checkpoints)
    examined = examine(given, public_keys)
    walk = _Walk(connection, from_seq, examined.trusted)
    finding = walk.finding()
    if finding is None and examined.refused:
        finding = _Finding(Tampering.BAD_SIGNATURE, None, examined.refused[0])
    return Verification(
        kind=None if finding is None else finding.kind,
        first_bad_seq=None if finding is None else finding.seq,
        text=walk.summary() if finding is None else finding.text,
        rows=walk.rows,
        erased=walk.erased,
        vouched=walk.vouched,
        warnings=tuple(walk.warnings(has_checkpoints=bool(given))),
        unchecked=tuple(examined.unknown),
    )


class _Finding(NamedTuple):
    kind: Tampering
    seq: int | None
    text: str


class _Walk:
    """One pass; `seq` and `prev` are those of the last row that was found intact."""

    def __init__(
        self, connection: sa.Connection, from_seq: int, trusted: Iterable[Checkpoint]
    ) -> None:
        self.connection = connection
        self.from_seq = from_seq
        self.seq = from_seq - 1
        self.prev = chain.GENESIS
        self.signed: defaultdict[int, set[bytes]] = defaultdict(set)
        for checkpoint in trusted:
            self.signed[checkpoint.head.seq].add(checkpoint.head.hash)
        self.rows = self.erased = self.vouched = 0
        self._erased_on_record = 0
        self._latest = b""
        self._steps_back: list[int] = []  # how many, and the first

    def finding(self) -> _Finding | None:
        """The first thing that is wrong, from the first row to the head and beyond."""
        first = None if self.from_seq == 1 else self.from_seq
        return (
            self._start()
            or self._over(reading.raw_rows(self.connection, first=first))
            or self._end()
        )

    def summary(self) -> str:
        """What was found of a log that is intact."""
        rows = f"{self.rows} rows from {self.from_seq} on are as they were written"
        if not self.vouched:
            return f"{rows}; no checkpoint speaks for them"
        return f"{rows}; signed checkpoints speak for all up to row {self.vouched}"

    def warnings(self, *, has_checkpoints: bool) -> Iterator[str]:
        """What is no proof of tampering, and worth a look."""
        if not has_checkpoints:
            yield (
                "no checkpoint was given: had the last rows been removed together with the head, "
                "or all been written anew, it would not be noticed"
            )
        if self._steps_back:
            count, first = self._steps_back
            yield f"the clock went back {count} times, first at row {first}"
        if self.from_seq == 1 and self.erased > self._erased_on_record:
            yield (
                f"{self.erased} payloads are not there, and only {self._erased_on_record} were "
                "erased on record: somebody deleted the others"
            )

    def _start(self) -> _Finding | None:
        before = reading.hash_at(self.connection, self.seq)
        if before is not None:
            self.prev = before
            return self._against_checkpoints()
        head = reading.head(self.connection)
        ends = 0 if head is None else head.seq
        if ends >= self.seq:
            return _Finding(Tampering.GAP, self.seq, f"row {self.seq} is missing")
        return _Finding(
            Tampering.TRUNCATION,
            ends + 1,
            f"the log ends at row {ends}, before the one that was to be looked at first",
        )

    def _over(self, rows: Generator[Raw, None, None]) -> _Finding | None:
        with contextlib.closing(rows):
            for row in rows:
                if (found := self._step(row)) is not None:
                    return found
        return None

    def _step(self, row: Raw) -> _Finding | None:
        seq = self.seq + 1
        if row.seq > seq:
            missing = f"row {seq} is" if row.seq == seq + 1 else f"rows {seq} to {row.seq - 1} are"
            return _Finding(Tampering.GAP, seq, f"{missing} missing")
        if row.seq < seq:
            return _Finding(Tampering.FORK, row.seq, f"there is a row {row.seq} too many")
        is_whole = _is_whole(seq, row)
        if not is_whole or row.prev != self.prev:
            return self._blame(row, is_whole=is_whole)
        if row.salt is None and row.payload is None:
            self.erased += 1
        elif not _is_committed(row):
            text = f"the payload of row {seq} is not the one that was logged"
            return _Finding(Tampering.PAYLOAD_EDITED, seq, text)
        elif row.action == _ERASED:
            self._erased_on_record += _count(row.payload)
        self._look_at_clock(row)
        self.seq, self.prev = seq, row.hash
        self.rows += 1
        return self._against_checkpoints() if seq in self.signed else None

    def _blame(self, row: Raw, *, is_whole: bool) -> _Finding:
        """Which row it is that does not fit, and what became of it."""
        other = reading.raw_row_after(self.connection, self.prev)
        if other is not None and other.seq != row.seq and _is_whole(row.seq, other):
            text = f"rows {row.seq} and {other.seq} have changed places"
            return _Finding(Tampering.SWAP, row.seq, text)
        if not is_whole:
            text = f"row {row.seq} was changed: its hash is not that of what it says"
            return _Finding(Tampering.EDIT, row.seq, text)
        if self.seq < self.from_seq or self.seq == self.vouched:
            text = f"row {row.seq} follows another row than the one before it"
            return _Finding(Tampering.FORK, row.seq, text)
        return self._rewritten(f"row {row.seq} follows another")

    def _rewritten(self, proof: str) -> _Finding:
        text = f"row {self.seq} was written anew together with its hash: {proof}"
        return _Finding(Tampering.EDIT, self.seq, text)

    def _against_checkpoints(self) -> _Finding | None:
        signed = self.signed.get(self.seq)
        if not signed:
            return None
        if signed == {self.prev}:
            self.vouched = self.seq
            return None
        first = self.vouched + 1
        text = (
            f"row {self.seq} is not the one that a checkpoint was signed for: rows from {first} "
            "on were written anew, or written after an older backup had been restored"
        )
        return _Finding(Tampering.FORK, first, text)

    def _end(self) -> _Finding | None:
        head = reading.head(self.connection)
        if head is None:
            return _Finding(Tampering.HEAD_ROLLED_BACK, self.seq + 1, "the head was removed")
        # Rows that were appended since; none of those that the head speaks for may be missing.
        later = reading.raw_rows(self.connection, first=self.seq + 1, last=head.seq)
        if (found := self._over(later)) is not None:
            return found
        if head.seq > self.seq:
            text = f"the log ends at row {self.seq}, and once had at least {head.seq}"
            return _Finding(Tampering.TRUNCATION, self.seq + 1, text)
        if head.seq < self.seq:
            text = f"the head says that the log ends at row {head.seq}; there are {self.seq}"
            return _Finding(Tampering.HEAD_ROLLED_BACK, head.seq + 1, text)
        if head.hash != self.prev and self.seq:
            return self._rewritten("the head knows another, unless it was the head that changed")
        if head.hash != self.prev:
            return _Finding(Tampering.HEAD_ROLLED_BACK, 1, "the head of an empty log was changed")
        return self._beyond()

    def _beyond(self) -> _Finding | None:
        """Traces of rows that were removed together with the head."""
        furthest = max(self.signed, default=0)
        if furthest > self.seq:
            text = (
                f"the log ends at row {self.seq}, and a checkpoint was signed for {furthest}: an "
                "older backup was restored, or the last rows were removed together with the head"
            )
            return _Finding(Tampering.RESTORED_FROM_BACKUP, self.seq + 1, text)
        orphan = reading.first_orphan(self.connection, after=self.seq)
        if orphan is not None:
            text = f"the log ends at row {self.seq}, and there is a payload of row {orphan}"
            return _Finding(Tampering.TRUNCATION, self.seq + 1, text)
        return None

    def _look_at_clock(self, row: Raw) -> None:
        if row.at < self._latest:
            self._steps_back = self._steps_back or [0, row.seq]
            self._steps_back[0] += 1
        self._latest = row.at


def _is_whole(seq: int, row: Raw) -> bool:
    """Whether the row's hash is that of what it says at this place."""
    try:
        fields = Fields._make(row[5:10])
        return chain.row_hash(seq, row.prev, fields, row.payload_commit) == row.hash
    except (TypeError, ValueError):  # NULL where none may be, or no hash: not written by us
        return False


def _is_committed(row: Raw) -> bool:
    if row.salt is None or row.payload is None:
        return False
    return chain.commitment(row.salt, row.payload) == row.payload_commit


def _count(payload: bytes | None) -> int:
    """How many payloads a row says were erased."""
    try:
        return int(json.loads(payload or b"")["count"])
    except (ValueError, TypeError, KeyError, RecursionError):  # not written by us
        return 0
