"""Whatever is done to the log is found, by our verifier and by the independent one."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitoring_dagster.store import Store
from monitoring_dagster.store.audit import (
    Checkpoint,
    Tampering,
    Verification,
    append,
    chain,
    export_lines,
    verify,
)
from monitoring_dagster.store.audit.anchors import read
from monitoring_dagster.store.audit.reading import Raw, raw_rows
from tests.store_audit.builders import (
    AT,
    SCRIPT,
    SIGNER,
    Told,
    anchored,
    checked,
    entry,
    exported,
    log,
    run,
    told,
    tried,
    unprotect,
)

ROWS = 12

Tamper = Callable[[sa.Connection], None]


class Anchored(NamedTuple):
    """A log of twelve rows, the first of which registers the key, and checkpoints outside of it."""

    store: Store
    anchor: Path

    @property
    def checkpoints(self) -> list[Checkpoint]:
        return read(self.anchor)


@pytest.fixture(scope="module")
def full(lasting_store: Store, tmp_path_factory: pytest.TempPathFactory) -> Anchored:
    """The log with checkpoints of its first 1, 4, 8 and 12 rows."""
    path = tmp_path_factory.mktemp("outside") / "checkpoints.txt"
    for first, count in ((1, 0), (1, 3), (4, 4), (8, 4)):
        log(lasting_store, count, first=first)
        anchored(lasting_store, path)
    assert [c.head.seq for c in read(path)] == [1, 4, 8, 12]
    return Anchored(lasting_store, path)


def found(
    full: Anchored, tamper: Tamper, *, from_seq: int = 1, has_anchor: bool = True
) -> tuple[Verification, Told]:
    """What both verifiers say after the tampering, which is taken back."""

    def work(connection: sa.Connection) -> tuple[Verification, Told]:
        unprotect(connection)
        tamper(connection)
        checkpoints = full.checkpoints if has_anchor else []
        keys = [SIGNER.public_key]
        ours = verify(connection, from_seq=from_seq, checkpoints=checkpoints, public_keys=keys)
        arguments = (full.anchor, *keys) if has_anchor else ()
        return ours, told("-", *arguments, lines="\n".join(export_lines(connection)))

    return tried(full.store, work)


def raw(connection: sa.Connection) -> dict[int, Raw]:
    return {row.seq: row for row in raw_rows(connection)}


def sql(*statements: str, **values: object) -> Tamper:
    return lambda connection: run(connection, *statements, **values)


def set_field(column: str, value: object) -> Tamper:
    return sql(f"UPDATE audit SET {column} = :value WHERE seq = 6", value=value)


def swap(one: int, other: int) -> Tamper:
    steps = [(one, -1), (other, one), (-1, other)]
    return sql(*(f"UPDATE audit SET seq = {b} WHERE seq = {a}" for a, b in steps))


def remove(*seqs: int, head_at: int | None = None, tables: tuple[str, ...] = ("audit",)) -> Tamper:
    statements = [f"DELETE FROM {table} WHERE seq = {seq}" for table in tables for seq in seqs]
    if head_at is not None:
        hash_of = f"(SELECT hash FROM audit WHERE seq = {head_at})"
        statements.append(f"UPDATE audit_head SET seq = {head_at}, hash = {hash_of}")
    return sql(*statements)


BOTH = ("audit", "audit_payload")
roll_back_the_end = remove(10, 11, 12, head_at=9, tables=BOTH)


def rewrite(first: int, last: int, *, is_head_too: bool = False) -> Tamper:
    """Change the actor of rows `first` to `last`, and make their hashes fit again."""

    def tamper(connection: sa.Connection) -> None:
        rows = raw(connection)
        prev = rows[first].prev
        for seq in range(first, last + 1):
            said = chain.Fields._make(rows[seq][5:10])._replace(actor=b"eve")
            own = chain.row_hash(seq, prev, said, rows[seq].payload_commit)
            update = "UPDATE audit SET actor = 'eve', prev = :prev, hash = :own WHERE seq = :seq"
            run(connection, update, prev=prev, own=own, seq=seq)
            prev = own
        if is_head_too:
            run(connection, "UPDATE audit_head SET hash = :prev", prev=prev)

    return tamper


def add_row(seq: int, after: bytes | int) -> Tamper:
    """Add a row whose hash is right."""

    def tamper(connection: sa.Connection) -> None:
        prev = raw(connection)[after].hash if isinstance(after, int) else after
        at = b"2026-01-06T06:00:00.250000Z"
        own = chain.row_hash(seq, prev, chain.Fields(at, b"eve", b"x", b"x", b"x"), bytes(32))
        insert = (
            "INSERT INTO audit SELECT :seq, at, 'eve', 'x', 'x', 'x', :commit, :prev, :own "
            "FROM audit WHERE seq = 2"
        )
        run(connection, insert, seq=seq, commit=bytes(32), prev=prev, own=own)

    return tamper


def one_after_the_other(*tamperings: Tamper) -> Tamper:
    def tamper(connection: sa.Connection) -> None:
        for one in tamperings:
            one(connection)

    return tamper


def go_on(connection: sa.Connection) -> None:
    append(connection, [entry(n) for n in range(100, 105)], AT)


def empty_payload(connection: sa.Connection) -> None:
    run(connection, "DELETE FROM audit_payload WHERE seq = 6")
    run(connection, "INSERT INTO audit_payload VALUES (6, :salt, '{}')", salt=b"s" * 16)


TAMPERINGS: dict[str, tuple[Tamper, Tampering, int]] = {
    "the actor is changed": (set_field("actor", "user:eve"), Tampering.EDIT, 6),
    "the action is changed": (set_field("action", "nothing"), Tampering.EDIT, 6),
    "the type of the subject is changed": (set_field("subject_type", "x"), Tampering.EDIT, 6),
    "the subject is emptied": (set_field("subject_id", ""), Tampering.EDIT, 6),
    "the commitment is changed": (set_field("payload_commit", bytes(32)), Tampering.EDIT, 6),
    "the commitment is emptied": (set_field("payload_commit", b""), Tampering.EDIT, 6),
    "the hash is changed": (set_field("hash", bytes(32)), Tampering.EDIT, 6),
    "the link to the row before is cut": (set_field("prev", bytes(31)), Tampering.EDIT, 6),
    "the instant is changed": (
        sql("UPDATE audit SET at = '2026-01-06T06:00:00.250001Z' WHERE seq = 6"),
        Tampering.EDIT,
        6,
    ),
    "a row is written anew with its hash": (rewrite(7, 7), Tampering.EDIT, 7),
    "the row that a checkpoint speaks for is written anew": (rewrite(8, 8), Tampering.FORK, 5),
    "the last row is written anew with its hash": (rewrite(12, 12), Tampering.FORK, 9),
    "all rows from one on are written anew": (rewrite(6, 12, is_head_too=True), Tampering.FORK, 5),
    "the first row is replaced": (
        one_after_the_other(remove(1), add_row(1, bytes([7] * 32))),
        Tampering.FORK,
        1,
    ),
    "the first row is deleted": (remove(1), Tampering.GAP, 1),
    "a row in the middle is deleted": (remove(6), Tampering.GAP, 6),
    "several rows in the middle are deleted": (remove(6, 7, 8), Tampering.GAP, 6),
    "the last row is deleted": (remove(12), Tampering.TRUNCATION, 12),
    "several of the last rows are deleted": (remove(10, 11, 12), Tampering.TRUNCATION, 10),
    "all rows are deleted": (remove(*range(1, 13)), Tampering.TRUNCATION, 1),
    "two neighbours have changed places": (swap(6, 7), Tampering.SWAP, 6),
    "two rows far apart have changed places": (swap(3, 11), Tampering.SWAP, 3),
    "the first and the last have changed places": (swap(1, 12), Tampering.SWAP, 1),
    "the head is rolled back": (remove(head_at=9), Tampering.HEAD_ROLLED_BACK, 10),
    "a row is added behind the head": (add_row(13, 12), Tampering.HEAD_ROLLED_BACK, 13),
    "a row is added before the first": (add_row(0, bytes([7] * 32)), Tampering.FORK, 0),
    "the end is removed, and the head with it": (
        roll_back_the_end,
        Tampering.RESTORED_FROM_BACKUP,
        10,
    ),
    "an older state is restored and goes on": (
        one_after_the_other(roll_back_the_end, go_on),
        Tampering.FORK,
        9,
    ),
    "a payload is changed": (
        sql("UPDATE audit_payload SET payload = '{}' WHERE seq = 6"),
        Tampering.PAYLOAD_EDITED,
        6,
    ),
    "a salt is changed": (
        sql("UPDATE audit_payload SET salt = :salt WHERE seq = 6", salt=b"s" * 16),
        Tampering.PAYLOAD_EDITED,
        6,
    ),
    "a payload is erased and put back as another": (empty_payload, Tampering.PAYLOAD_EDITED, 6),
}


@pytest.mark.parametrize("name", TAMPERINGS)
def test_both_verifiers_name_what_was_done_and_the_first_bad_row(full: Anchored, name: str) -> None:
    tamper, kind, first = TAMPERINGS[name]
    ours, independent = found(full, tamper)
    assert (ours.kind, ours.first_bad_seq, ours.exit_code) == (kind, first, 2), ours.text
    assert (independent.code, independent.finding) == (2, (str(kind), first))


@pytest.mark.parametrize("name", TAMPERINGS)
def test_without_checkpoints_only_what_hides_its_traces_goes_unnoticed(
    full: Anchored, name: str
) -> None:
    ours, independent = found(full, TAMPERINGS[name][0], has_anchor=False)
    hides = {
        "all rows from one on are written anew",
        "the end is removed, and the head with it",
        "an older state is restored and goes on",
    }
    assert (ours.is_intact, independent.code == 0) == (name in hides, name in hides)
    assert "no checkpoint was given" in ours.warnings[0]


def test_what_was_not_tampered_with_is_intact(full: Anchored) -> None:
    ours, independent = found(full, go_on)
    assert ours.text == (
        "17 rows from 1 on are as they were written; signed checkpoints speak for all up to row 12"
    )
    assert (ours.vouched, ours.warnings, ours.unchecked) == (12, (), ())
    assert (independent.code, independent.words) == (0, ["intact"])


def told_in(store: Store, *statements: str) -> tuple[Verification, Told]:
    """What both verifiers say of three rows after statements that are taken back."""

    def work(connection: sa.Connection) -> tuple[Verification, Told]:
        unprotect(connection)
        append(connection, [entry(n) for n in range(3)], AT)
        run(connection, *statements)
        return verify(connection), told("-", lines="\n".join(export_lines(connection)))

    return tried(store, work)


@pytest.mark.parametrize("instant", ["infinity", "20000-01-01", "0044-03-15 BC"])
def test_an_instant_beyond_the_calendar_is_found(postgres_store: Store, instant: str) -> None:
    ours, independent = told_in(postgres_store, f"UPDATE audit SET at = '{instant}' WHERE seq = 2")
    assert ours[:2] == (Tampering.EDIT, 2)
    assert independent.code in (2, 3)


@pytest.mark.parametrize("column", ["actor", "hash", "payload_commit"])
def test_a_table_that_was_rebuilt_to_hold_null_is_never_intact(
    postgres_store: Store, column: str
) -> None:
    ours, independent = told_in(
        postgres_store,
        f"ALTER TABLE audit ALTER {column} DROP NOT NULL",
        f"UPDATE audit SET {column} = NULL WHERE seq = 2",
    )
    assert ours[:2] == (Tampering.EDIT, 2)
    assert independent.code in (2, 3)


def test_a_head_that_was_removed_is_found(full: Anchored) -> None:
    ours, independent = found(full, sql("DELETE FROM audit_head"))
    assert ours[:2] == (Tampering.HEAD_ROLLED_BACK, 13)
    assert independent.finding == ("head_rolled_back", 1)


def test_a_head_with_another_hash_is_found(full: Anchored) -> None:
    ours, independent = found(full, sql("UPDATE audit_head SET hash = :hash", hash=bytes(32)))
    assert ours[:2] == (Tampering.EDIT, 12)
    assert independent.finding == ("edit", 12)


def test_payloads_that_outlived_their_rows_betray_that_the_end_was_removed(full: Anchored) -> None:
    ours, _ = found(full, remove(11, 12, head_at=10), has_anchor=False)
    assert ours[:2] == (Tampering.TRUNCATION, 11)


def test_a_pass_from_the_middle_finds_what_is_behind_it_and_not_what_is_before(
    full: Anchored,
) -> None:
    change = set_field("actor", "eve")
    assert found(full, change, from_seq=6)[0][:2] == (Tampering.EDIT, 6)
    later = found(full, change, from_seq=7)[0]
    assert (later.is_intact, later.rows, later.vouched) == (True, 6, 12)
    assert checked(full.store, from_seq=13).is_intact
    assert checked(full.store, from_seq=20)[:2] == (Tampering.TRUNCATION, 13)
    assert found(full, remove(6), from_seq=7)[0][:2] == (Tampering.GAP, 6)
    with pytest.raises(ValueError, match="the first row is 1"):
        checked(full.store, from_seq=0)


def test_an_export_that_was_cut_cannot_be_told(full: Anchored) -> None:
    lines = exported(full.store).splitlines()
    assert told("-", full.anchor, SIGNER.public_key, lines="\n".join(lines[:-1])).code == 3
    assert told("-", lines="").code == 3
    assert told("/no/such/store.db").code == 3


def test_a_file_restored_from_an_old_backup_is_found(sqlite_store: Store, tmp_path: Path) -> None:
    path, backup, anchor = (tmp_path / n for n in ("store.db", "backup.db", "checkpoints.txt"))
    log(sqlite_store, 6)
    with sqlite_store._database.engine.connect().execution_options(begin="") as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copy(path, backup)
    log(sqlite_store, 6, first=7)
    anchored(sqlite_store, anchor)
    assert told(str(path), anchor, SIGNER.public_key).code == 0
    with contextlib.closing(Store(f"sqlite:///{backup}")) as restored:
        ours = checked(restored, read(anchor))
    assert (ours.kind, ours.first_bad_seq) == (Tampering.RESTORED_FROM_BACKUP, 7)
    independent = told(str(backup), anchor, SIGNER.public_key)
    assert (independent.code, independent.finding) == (2, ("restored_from_backup", 7))


def test_the_independent_verifier_needs_python_alone(sqlite_store: Store, tmp_path: Path) -> None:
    """Without site packages, without this repository, in a process of its own."""
    log(sqlite_store, 3)
    anchored(sqlite_store, tmp_path / "checkpoints.txt")
    script = shutil.copy(SCRIPT, tmp_path / "verify.py")
    arguments = [script, "store.db", "checkpoints.txt", str(SIGNER.public_key)]
    done = subprocess.run(
        [sys.executable, "-I", "-S", *map(str, arguments)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={},
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "intact\n", "")
    assert len(SCRIPT.read_text(encoding="utf-8").splitlines()) < 100


FIELDS = (
    *(("audit", name) for name in ("at", "actor", "action", "subject_type", "subject_id")),
    *(("audit", name) for name in ("payload_commit", "prev", "hash")),
    ("audit_payload", "salt"),
    ("audit_payload", "payload"),
    ("audit_head", "hash"),
)

fixed_store = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def unprotected(
    migrated_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Anchored]:
    """A log without checkpoints, for all examples."""
    folder = tmp_path_factory.mktemp("unprotected")
    shutil.copy(migrated_file, folder / "store.db")
    with contextlib.closing(Store(f"sqlite:///{folder / 'store.db'}")) as store:
        log(store, ROWS)
        yield Anchored(store, folder / "none.txt")


@given(st.sampled_from(FIELDS), st.integers(1, ROWS), st.integers(0), st.integers(1, 255))
@settings(fixed_store, max_examples=150)
def test_one_changed_byte_of_any_field_is_found(
    unprotected: Anchored, field: tuple[str, str], seq: int, place: int, change: int
) -> None:
    table, column = field
    where = "id = 1" if table == "audit_head" else f"seq = {seq}"

    def tamper(connection: sa.Connection) -> None:
        query = f"SELECT CAST({column} AS BLOB), typeof({column}) FROM {table} WHERE {where}"
        stored, kind = connection.execute(sa.text(query)).one()
        changed = bytearray(stored)
        changed[place % len(stored)] ^= change
        value = "CAST(:value AS TEXT)" if kind == "text" else ":value"
        run(
            connection, f"UPDATE {table} SET {column} = {value} WHERE {where}", value=bytes(changed)
        )

    ours, independent = found(unprotected, tamper, has_anchor=False)
    first = ROWS if table == "audit_head" else seq
    assert ours.first_bad_seq == first
    assert (independent.code, independent.finding) == (2, (str(ours.kind), first))


@given(st.integers(1, ROWS), st.integers(-3, 0) | st.integers(ROWS + 1, ROWS + 9))
@settings(fixed_store, max_examples=40)
def test_a_row_that_was_moved_to_another_place_is_found(
    unprotected: Anchored, seq: int, place: int
) -> None:
    move = sql(f"UPDATE audit SET seq = {place} WHERE seq = {seq}")
    ours, independent = found(unprotected, move, has_anchor=False)
    assert not ours.is_intact
    assert (independent.code, independent.finding) == (2, (str(ours.kind), ours.first_bad_seq))
