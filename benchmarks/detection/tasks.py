"""Tasks for several processes, and a line on the error stream for each that is done."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Generic, TypeVar

T = TypeVar("T")


class Task(Generic[T]):
    """A result that is being computed somewhere."""

    def __init__(self, pool: Executor, name: str, work: Callable[..., T], *given: object) -> None:
        self._future: Future[tuple[T, float]] = pool.submit(_timed, work, *given)
        self._future.add_done_callback(lambda done: _say(name, done))

    def result(self) -> T:
        """The result, once it is there."""
        return self._future.result()[0]


def _timed(work: Callable[..., T], *given: object) -> tuple[T, float]:
    started = time.monotonic()
    return work(*given), time.monotonic() - started


def _say(name: str, done: Future[tuple[T, float]]) -> None:
    if not done.cancelled() and done.exception() is None:
        print(f"{done.result()[1]:6.0f} s  {name}", file=sys.stderr, flush=True)
