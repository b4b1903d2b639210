"""A clock that all processes of a round share, and that moves only while every one of them waits.

So a lease, a landing and a time-out last what they last, however busy the machine is, and a round
takes no longer than its work.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
MICROSECOND = dt.timedelta(microseconds=1)


@dataclass(frozen=True)
class Clock:
    """The clock as one process has it.

    Args:
        instant: microseconds since 1970, in memory that processes share.
        line: to whoever moves the clock.
    """

    instant: Any
    line: Connection

    def __call__(self) -> dt.datetime:
        return EPOCH + self.instant.value * MICROSECOND

    def pause(self, seconds: float) -> None:
        """Wait until so much time has gone by; the process ends if nobody moves the clock."""
        try:
            self.line.send(self.instant.value + round(seconds * 1e6))
            self.line.recv()
        except (EOFError, ConnectionError):
            raise SystemExit from None


def microseconds(instant: dt.datetime) -> int:
    """The instant as a clock's number."""
    return (instant - EPOCH) // MICROSECOND
