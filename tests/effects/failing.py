"""Effects of a piece of work, counted as they happen, one of which can be made to fail.

An effect is a statement that writes or a COMMIT, a file that is opened for writing, renamed or
synced, and a call to Slack. Reading is none.
"""

from __future__ import annotations

import builtins
import contextlib
import errno
import os
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

import psycopg2
import pytest
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine.default import DefaultDialect

from monitoring_dagster import egress

T = TypeVar("T")

WRITES = ("INSERT", "UPDATE", "DELETE")
LOST = "server closed the connection unexpectedly"
"""What psycopg2 says of a connection that broke."""


class When(StrEnum):
    """Whether the effect that fails has happened all the same."""

    BEFORE = "before it happened"
    AFTER = "after it happened"
    REFUSED = "before a connection was made"
    """For calls only: then it is known that nothing was sent."""


@dataclass
class Effects:
    """Counts effects while it is `watched`; the one of number `fails` (from 1) fails.

    Args:
        folder: files elsewhere are none of ours.
        fails: 0 for none.
    """

    folder: Path
    fails: int = 0
    when: When = When.BEFORE
    names: list[str] = field(default_factory=list)
    is_writing: bool = False

    @property
    def failed(self) -> bool:
        """Whether it has come to the one that fails."""
        return 0 < self.fails <= len(self.names)

    @property
    def failing(self) -> str:
        """The one that failed."""
        return self.names[self.fails - 1]

    def meet(self, name: str, do: Callable[[], T], error: Callable[[], BaseException]) -> T:
        """Let one effect happen, or fail."""
        self.names.append(name)
        if len(self.names) != self.fails:
            return do()
        if self.when is When.AFTER:
            do()
        raise error()

    def call(self, method: str, do: Callable[[], egress.Reply]) -> egress.Reply:
        """A call to Slack."""
        is_refused = self.when is When.REFUSED
        lost = egress.NothingSent("refused") if is_refused else egress.AnswerLost("reset")
        return self.meet(f"call {method}", do, lambda: lost)

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Everything that this process writes counts."""
        with pytest.MonkeyPatch.context() as patch, self._database(patch):
            self._files(patch)
            yield

    @contextlib.contextmanager
    def _database(self, patch: pytest.MonkeyPatch) -> Iterator[None]:
        commit = DefaultDialect.do_commit

        def met(how: str) -> Callable[..., bool]:
            def execute(cursor: Any, statement: str, parameters: Any, context: Any) -> bool:
                verb = statement.lstrip().partition(" ")[0].upper()
                if verb not in WRITES:
                    return False
                self.is_writing = True
                do = getattr(context.dialect, how)
                self.meet(
                    f"{verb} {_table(statement)}",
                    lambda: do(cursor, statement, parameters, context),
                    lambda: _broken(context.dialect),
                )
                return True

            return execute

        def committed(dialect: Any, connection: Any) -> None:
            if not self.is_writing:
                return commit(dialect, connection)
            self.is_writing = False
            return self.meet(
                "COMMIT", lambda: commit(dialect, connection), lambda: _broken(dialect)
            )

        def rolled_back(_: Any) -> None:
            self.is_writing = False

        listeners: list[tuple[str, Callable[..., Any]]] = [
            *((how, met(how)) for how in ("do_execute", "do_executemany")),
            ("rollback", rolled_back),
        ]
        patch.setattr(DefaultDialect, "do_commit", committed)
        for name, listener in listeners:
            event.listen(sa.Engine, name, listener)
        try:
            yield
        finally:
            for name, listener in listeners:
                event.remove(sa.Engine, name, listener)

    def _files(self, patch: pytest.MonkeyPatch) -> None:
        opened, opened_low = builtins.open, os.open
        replace, rename, fsync, write = os.replace, os.rename, os.fsync, os.write

        def full() -> OSError:
            return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        def met(name: str, path: Any, do: Callable[[], T]) -> T:
            is_ours = path is None or str(path).startswith(str(self.folder))
            return self.meet(name, do, full) if is_ours else do()

        def open_(file: Any, mode: str = "r", *args: Any, **named: Any) -> Any:
            def do() -> Any:
                return opened(file, mode, *args, **named)

            is_path = isinstance(file, str | os.PathLike)
            return met("open", file, do) if is_path and set(mode) & set("wax+") else do()

        def open_low(path: Any, flags: int, *args: Any, **named: Any) -> int:
            def do() -> int:
                return opened_low(path, flags, *args, **named)

            return met("open", path, do) if flags & (os.O_WRONLY | os.O_RDWR) else do()

        def two(name: str, do: Callable[..., None]) -> Callable[..., None]:
            return lambda a, b, **named: met(name, b, lambda: do(a, b, **named))

        patch.setattr(builtins, "open", open_)
        patch.setattr(os, "open", open_low)
        patch.setattr(os, "replace", two("rename", replace))
        patch.setattr(os, "rename", two("rename", rename))
        patch.setattr(os, "fsync", lambda fd: met("fsync", None, lambda: fsync(fd)))
        patch.setattr(os, "write", lambda fd, data: met("write", None, lambda: write(fd, data)))


def _table(statement: str) -> str:
    words = statement.replace('"', "").split()
    return words[2] if words[0].upper() in ("INSERT", "DELETE") else words[1]


def _broken(dialect: Any) -> BaseException:
    if dialect.name == "postgresql":
        return psycopg2.OperationalError(LOST)
    return sqlite3.OperationalError("disk I/O error")
