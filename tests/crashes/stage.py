"""A stage: processes that are started, die and wait, and the time that goes by meanwhile.

Processes that are awake at the same instant run at once, as on any machine; the next instant begins
when all of them wait or have ended.
"""

from __future__ import annotations

import datetime as dt
import heapq
import itertools
import threading
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe, wait
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from typing import Any

from tests.crashes.clocks import Clock, microseconds

_ALONE = threading.Lock()
"""Whoever starts a process asks after all that were started, which two threads must not do at once:
one of them would be told nothing of how a process ended."""

PATIENCE_SECONDS = 120
"""On the wall: how long a process may be busy before the test gives it up."""

Act = Callable[[], object]
End = Callable[[int], object]
"""Is told how a process ended: 0, or minus the signal."""


@dataclass
class Player:
    """A process; `wakes` is when it wants to go on, None while it runs."""

    process: BaseProcess
    line: Connection
    on_end: End
    wakes: int | None = None


class Stage:
    """Where processes run and time goes by.

    Args:
        processes: how processes are started.
        start: the instant at which it begins.
    """

    def __init__(self, processes: ForkServerContext, start: dt.datetime) -> None:
        self._processes = processes
        self._instant = processes.Value("q", microseconds(start), lock=False)
        self._players: list[Player] = []
        self._plans: list[tuple[int, int, Act]] = []
        self._numbers = itertools.count()

    def seconds(self) -> float:
        """The clock, in seconds since 1970."""
        return self._instant.value / 1e6

    def begin(self, on_end: End, work: Callable[..., object], *arguments: Any) -> None:
        """Start a process that does `work(clock, *arguments)`."""
        pipe: tuple[Any, Any] = Pipe()
        here, there = pipe
        process = self._processes.Process(
            target=work, args=(Clock(self._instant, there), *arguments)
        )
        with _ALONE:
            process.start()
        there.close()
        self._players.append(Player(process, here, on_end))

    def plan(self, seconds: float, act: Act) -> None:
        """Do something in so many seconds."""
        at = self._instant.value + round(seconds * 1e6)
        heapq.heappush(self._plans, (at, next(self._numbers), act))

    def play(self, is_over: Callable[[], bool], *, at_most: dt.timedelta) -> bool:
        """Let time go by until it is over; False where that takes too long."""
        deadline = self._instant.value + at_most // dt.timedelta(microseconds=1)
        self._settle()
        while not is_over():
            if self._instant.value > deadline:
                return False
            self._move_on()
            self._settle()
        return True

    def close(self) -> None:
        """End every process, wherever it is."""
        for player in self._players:
            player.process.kill()
            self._bury(player)

    def _move_on(self) -> None:
        """Begin the next instant."""
        waking = [p.wakes for p in self._players if p.wakes is not None]
        now = max(self._instant.value, min([*waking, *(at for at, _, _ in self._plans[:1])]))
        self._instant.value = now
        while self._plans and self._plans[0][0] <= now:
            heapq.heappop(self._plans)[2]()
        for player in self._players:
            if player.wakes is not None and player.wakes <= now:
                player.wakes = None
                player.line.send(None)

    def _settle(self) -> None:
        """Wait until nobody runs."""
        while running := {p.line: p for p in self._players if p.wakes is None}:
            ready = wait(list(running), PATIENCE_SECONDS)
            if not ready:
                raise TimeoutError(f"a process does not answer for {PATIENCE_SECONDS} s")
            for line in ready:
                self._hear(running[line])  # type: ignore[index]

    def _hear(self, player: Player) -> None:
        try:
            player.wakes = player.line.recv()
        except (EOFError, ConnectionError):
            self._players.remove(player)
            player.on_end(self._bury(player))

    def _bury(self, player: Player) -> int:
        with _ALONE:
            player.process.join()
        player.line.close()
        return player.process.exitcode or 0
