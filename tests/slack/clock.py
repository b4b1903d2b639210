"""A clock that a test moves: nothing that depends on time in these tests waits for it."""

from __future__ import annotations

import datetime as dt
import threading

START = 1_770_000_000.0
"""2026-02-02T02:40:00Z; any instant would do."""


class HandClock:
    """Stands still until it is moved; callable, gives seconds since 1970.

    >>> clock = HandClock(10.0)
    >>> clock.advance(2.5)
    >>> clock()
    12.5
    """

    def __init__(self, seconds: float = START) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()

    def __call__(self) -> float:
        return self._seconds

    def advance(self, seconds: float) -> None:
        """Move it, forwards or (as clocks of hosts do) backwards."""
        with self._lock:
            self._seconds += seconds

    def now(self) -> dt.datetime:
        """The same instant as an aware UTC datetime."""
        return dt.datetime.fromtimestamp(self._seconds, dt.UTC)
