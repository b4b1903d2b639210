"""Whole transactions: run, run again after a passing failure, or end in an error that helps.

A failure of the network or the server rolls a transaction back as a whole, and everything that
the store does ends the same when it is done twice, so that running it again is always safe.

The order in which transactions lock, so that in PostgreSQL no two wait for each other:

1. the turn of a monitor (`evaluations.take_turn`) or of a storm's place (`storms.gather`),
2. incidents, with their signals and events,
3. an action, with those who agreed to it, then a tenure. Whoever has the monitor's turn may take
   it before its incident: a run that has not touches nothing but the action,
4. digests,
5. the outbox with its doubts: the notice that the transaction is about first. Whoever wants
   further notices, of which others may have some, skips those (`SKIP LOCKED`),
6. one destination of one channel, then the alarm of another,
7. the head of the audit log, last of all (`audit.append`): from there on everybody waits.

SQLite has one writer at a time.
"""

from __future__ import annotations

import os
import random
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, OperationalError

from monitoring_dagster.errors import StoreBusy, StoreError, StoreUnreachable
from monitoring_dagster.store.engine import postgres_engine, shown, sqlite_engine

T = TypeVar("T")

ATTEMPTS = 5

_TRANSIENT = {"40001", "40P01", "57P01", "57P02", "57P03"}
"""Serialisation failure, deadlock, and a server that shuts down, crashed or starts up."""

_LOCK_TIMEOUT = "55P03"

_SQLITE_ADVICE = {
    "not a database": "the file is damaged or something else; move it aside and restore a backup",
    "malformed": "the file is damaged; move it aside and restore a backup",
    "locked": "another process has kept it locked; end that process, or wait, and try again",
    "readonly": "allow this process to write the file and its folder",
    "full": "make room on the disk and try again; what is stored is intact",
}


class Database:
    """One database of the store; its engine is made in the process that first needs it.

    Connections must not cross a fork, so every process has an engine of its own.
    """

    def __init__(
        self, url: sa.URL, *, schema: str, wait_seconds: float, pause: Callable[[float], None]
    ) -> None:
        self.url = url
        self.schema = schema
        self.wait_seconds = wait_seconds
        self._pause = pause
        self._engines: dict[int, sa.Engine] = {}

    @property
    def is_sqlite(self) -> bool:
        """Whether it is a SQLite file."""
        return self.url.get_backend_name() == "sqlite"

    @property
    def engine(self) -> sa.Engine:
        """The engine of this process."""
        process = os.getpid()
        if process not in self._engines:
            for inherited in self._engines.values():
                inherited.dispose(close=False)
            engine = self._made()
            # Of two threads that come here at once, one engine stays; the other was never used.
            self._engines = {process: self._engines.setdefault(process, engine)}
        return self._engines[process]

    def _made(self) -> sa.Engine:
        if self.is_sqlite:
            return sqlite_engine(self.url, wait_seconds=self.wait_seconds)
        return postgres_engine(self.url, schema=self.schema, wait_seconds=self.wait_seconds)

    def close(self) -> None:
        """Close the connections of this process; the next use opens new ones."""
        engine = self._engines.pop(os.getpid(), None)
        if engine is not None:
            engine.dispose()

    def write(self, work: Callable[[sa.Connection], T], *, wait_seconds: float | None = None) -> T:
        """Run `work` in one transaction that may write; `work` may run more than once.

        Raises:
            StoreBusy: others kept what it wants locked for longer than `wait_seconds`, or than
                every transaction of this database waits.
        """

        def hurried(connection: sa.Connection) -> T:
            if wait_seconds is not None and not self.is_sqlite:
                limit = f"SET LOCAL lock_timeout = '{round(wait_seconds * 1000)}ms'"
                connection.exec_driver_sql(limit)
            return work(connection)

        # A transaction that begins as a reader cannot wait for its turn to write in SQLite.
        return self._transact(
            hurried, self.engine, begin="BEGIN IMMEDIATE", wait_seconds=wait_seconds
        )

    def read(self, work: Callable[[sa.Connection], T]) -> T:
        """Run `work` in one transaction that only reads; `work` may run more than once."""
        return self._transact(work, self.engine, begin="BEGIN")

    def migrate(self, work: Callable[[sa.Connection], T]) -> T:
        """Run `work` in one transaction that may create the file and rebuild tables."""
        if not self.is_sqlite:
            return self.write(work)
        Path(str(self.url.database)).parent.mkdir(parents=True, exist_ok=True)
        # Rebuilding a table drops the old one, which would delete what refers to it.
        engine = sqlite_engine(
            self.url, wait_seconds=self.wait_seconds, create=True, foreign_keys=False
        )
        return self._transact(work, engine, begin="BEGIN IMMEDIATE")

    def _transact(
        self,
        work: Callable[[sa.Connection], T],
        engine: sa.Engine,
        begin: str,
        *,
        wait_seconds: float | None = None,
    ) -> T:
        attempt = 0
        while True:
            attempt += 1
            try:
                with engine.connect() as connection:
                    connection.execution_options(begin=begin, wait_seconds=wait_seconds)
                    with connection.begin():
                        return work(connection)
            except (DBAPIError, sqlite3.Error) as error:
                if attempt == ATTEMPTS or self.is_sqlite or not is_transient(error):
                    raise self._explained(error) from error
            self._pause(0.05 * 2**attempt * random.uniform(0.5, 1.5))  # noqa: S311 - jitter

    def _explained(self, error: DBAPIError | sqlite3.Error) -> StoreError:
        cause = _cause(error)
        if self.url.password:
            cause = cause.replace(str(self.url.password), "***")
        if isinstance(error, (IntegrityError, DataError)):
            return StoreError(f"the store {shown(self.url)} refused what was written: {cause}")
        unusable = StoreBusy if _is_locked(error) else StoreUnreachable
        return unusable(
            f"the store {shown(self.url)} cannot be used: {cause}. To do: {self._advice(cause)}."
        )

    def _advice(self, cause: str) -> str:
        if not self.is_sqlite and "lock timeout" in cause:
            return "another process has kept it locked; end that process, or wait, and try again"
        if not self.is_sqlite:
            return (
                "check that the server runs, and the host, database, user, password and rights "
                "in the URL; what was not committed is written when the work is run again"
            )
        if not Path(str(self.url.database)).exists():
            return (
                "there is no such file; create it with `monitoring-dagster db upgrade` when this "
                "is the first run, restore it from a backup when it is not"
            )
        advice = [text for sign, text in _SQLITE_ADVICE.items() if sign in cause]
        return advice[0] if advice else "check the file, its folder and their permissions"


def is_transient(error: DBAPIError | sqlite3.Error) -> bool:
    """Whether the same transaction may succeed when it is run again."""
    if isinstance(error, sqlite3.Error):
        return False
    code = getattr(error.orig, "pgcode", None)
    if code is not None:
        return code in _TRANSIENT or code.startswith("08")
    never_connected = isinstance(error, OperationalError) and error.statement is None
    return error.connection_invalidated or never_connected


def _is_locked(error: DBAPIError | sqlite3.Error) -> bool:
    original = error.orig if isinstance(error, DBAPIError) else error
    return getattr(original, "pgcode", None) == _LOCK_TIMEOUT or (
        isinstance(original, sqlite3.OperationalError) and "locked" in str(original)
    )


def _cause(error: DBAPIError | sqlite3.Error) -> str:
    original = error.orig if isinstance(error, DBAPIError) else error
    return " ".join(str(original).split()).rstrip(".")
