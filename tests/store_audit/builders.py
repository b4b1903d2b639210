"""Entries as other rooms write them, both verifiers, and writers for processes of their own."""

from __future__ import annotations

import contextlib
import datetime as dt
import io
import os
import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TypeVar
from unittest import mock

import sqlalchemy as sa

from monitoring_dagster.failpoints import VARIABLE
from monitoring_dagster.store import Store
from monitoring_dagster.store.audit import (
    Checkpoint,
    Entry,
    PublicKey,
    Signer,
    Verification,
    anchor,
    append,
    export_lines,
    verify,
)
from monitoring_dagster.store.tables import new_normal

T = TypeVar("T")

AT = dt.datetime(2026, 1, 6, 6, 0, 0, 250_000, tzinfo=dt.UTC)
DAY = dt.date(2026, 1, 5)
SCRIPT = Path(__file__).parents[2] / "deploy/verify_audit.py"
SIGNER = Signer("monitoring-dagster/production", bytes(range(32)))
OTHER = Signer("monitoring-dagster/production", bytes(range(32, 64)))


def entry(number: int, actor: str = "system:evaluation") -> Entry:
    payload = {"from": "ok", "to": "critical", "number": number, "name": "Zoë"}
    return Entry(actor, "incident_opened", "incident", f"INC-{number}", payload)


def log(store: Store, count: int, *, first: int = 1, at: dt.datetime = AT) -> list[int]:
    """Append entries, three to a transaction."""
    seqs: list[int] = []
    for start in range(first, first + count, 3):
        some = [entry(n) for n in range(start, min(start + 3, first + count))]
        seqs += store.write(lambda connection, some=some: append(connection, some, at))
    return seqs


def anchored(store: Store, path: Path, signer: Signer = SIGNER) -> Checkpoint | None:
    return anchor(store, signer, path, AT)


def checked(
    store: Store,
    checkpoints: list[Checkpoint] | None = None,
    key: PublicKey | None = SIGNER.public_key,
    from_seq: int = 1,
) -> Verification:
    keys = [] if key is None else [key]
    return store.read(
        lambda connection: verify(
            connection, from_seq=from_seq, checkpoints=checkpoints or [], public_keys=keys
        )
    )


class Told(NamedTuple):
    """What the independent verifier says: its exit code, and its words."""

    code: int
    words: list[str]

    @property
    def finding(self) -> tuple[str, int | None]:
        return self.words[0], None if self.words[1] == "None" else int(self.words[1])


def told(source: str, *arguments: object, lines: str = "") -> Told:
    """Run the independent verifier, in this process since hundreds of runs are wanted."""
    output = io.StringIO()
    with (
        mock.patch.object(sys, "argv", [str(SCRIPT), source, *map(str, arguments)]),
        mock.patch.object(sys, "stdin", io.StringIO(lines)),
        contextlib.redirect_stdout(output),
    ):
        try:
            runpy.run_path(str(SCRIPT), run_name="__main__")
        except SystemExit as end:
            return Told(int(str(end.code)), output.getvalue().split())
    raise AssertionError("the script did not end with an exit code")


def exported(store: Store) -> str:
    return store.read(lambda connection: "\n".join(export_lines(connection)))


def told_of(store: Store, *arguments: object) -> Told:
    """The independent verifier on an export."""
    return told("-", *arguments, lines=exported(store))


def run(connection: sa.Connection, *statements: str, **values: object) -> None:
    """Run SQL, each statement with those of the values that it names."""
    for statement in statements:
        used = {name: value for name, value in values.items() if f":{name}" in statement}
        connection.execute(sa.text(statement), used)


def unprotect(connection: sa.Connection) -> None:
    """Switch off what protects the log, as somebody can who owns the database."""
    if connection.dialect.name == "sqlite":
        names = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        run(connection, *(f"DROP TRIGGER {n}" for n in connection.scalars(sa.text(names)).all()))
    else:
        tables = ("audit", "audit_payload")
        run(connection, *(f"ALTER TABLE {table} DISABLE TRIGGER USER" for table in tables))


def attack(store: Store, *statements: str, **values: object) -> None:
    """Run SQL as somebody who owns the database."""

    def work(connection: sa.Connection) -> None:
        unprotect(connection)
        run(connection, *statements, **values)

    store.write(work)


class TakeBack(Exception):
    """Ends a transaction without a trace."""


def tried(store: Store, work: Callable[[sa.Connection], T]) -> T:
    """What `work` gives in a transaction that is taken back afterwards."""
    results: list[T] = []

    def once(connection: sa.Connection) -> None:
        results.append(work(connection))
        raise TakeBack

    with contextlib.suppress(TakeBack):
        store.write(once)
    return results[0]


def append_often(url: str, writer: int, times: int) -> list[int]:
    """Append in transactions of one and of several entries."""
    with contextlib.closing(Store(url, wait_seconds=60)) as store:
        seqs: list[int] = []
        for turn in range(times):
            some = [entry(turn, f"user:{writer}")] * (1 + turn % 3)
            seqs += store.write(lambda connection, some=some: append(connection, some, AT))
        return seqs


def append_and_die(url: str) -> None:
    """Write of business and of audit in one transaction, killed before the commit."""
    os.environ[VARIABLE] = "audit.appended=kill"

    def work(connection: sa.Connection) -> None:
        accepted = {"monitor": "flights", "since": DAY, "because": "", "accepted_by": "ann"}
        connection.execute(sa.insert(new_normal), {**accepted, "accepted_at": AT})
        append(connection, [entry(n) for n in range(50)], AT)

    Store(url).write(work)


def anchor_and_die(url: str, path: Path) -> None:
    """Anchor, killed when the checkpoint is on the disk."""
    os.environ[VARIABLE] = "audit.anchored=kill"
    anchor(Store(url), SIGNER, path, AT)
