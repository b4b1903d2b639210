"""A round: three days are evaluated and told by processes that die, to a Slack that lies.

What happens is here; what people see of it in the end is `seeing`.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import random
import signal
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerContext
from typing import Any

from monitoring_dagster.store import Store
from tests.crashes.days import DAYS, NAMES, PLACE, START
from tests.crashes.seeing import Seeing, everything_is_told, looked_at
from tests.crashes.stage import Stage
from tests.crashes.wire import served
from tests.crashes.workers import Fate, Place, judge, look_after
from tests.slack.workspace import Workspace

FAULTS = (
    "429:20",
    "500_before",
    "500_after:503",
    "reset_before",
    "reset_after_accept",
    "timeout_before",
    "slow_then_landed:20",
    "slow_then_landed:55",
    "html_200",
    "html_200_after",
    "truncated_json_after",
    "ok_false_after:fatal_error",
)
FAULT_SHARE = 0.4

FIRST_POST = "slow_then_landed:55"
"""What meets the first post of every round, so that something is in doubt in each."""

BETWEEN_DAYS_SECONDS = 180.0
"""As long as people have to acknowledge what is urgent."""
RESTART_SECONDS = 7.0
MOST = dt.timedelta(hours=3)

IN_EVALUATIONS = ("desk.incident_written", "desk.notices_owed", "audit.appended")
IN_DELIVERIES = (
    "outbox.claimed",
    "delivery.held",
    "slack.posted",
    "delivery.posted",
    "delivery.recorded",
    "delivery.looked",
    "delivery.edit_claimed",
    "slack.edited",
    "delivery.edited",
    "delivery.edit_recorded",
    "slack.attached",
)
FAILPOINTS = (*IN_EVALUATIONS, *IN_DELIVERIES)
"""On the way from a verdict to Slack."""


@dataclass(frozen=True)
class Outcome:
    """What came of a round.

    Args:
        seeing: what people see in the end.
        kills: how many processes were killed, by where.
        calls: of Slack.
        failed: of these, those that met a fault or a limit.
        is_quiet: whether nothing was left to do in the end.
    """

    seeing: Seeing
    kills: Counter[str]
    calls: int
    failed: int
    is_quiet: bool


@dataclass
class Round:
    """One round.

    Args:
        processes: how processes are started.
        failpoints: where processes are killed: a daemon at each in turn, and of the evaluations
            of each day one.
        seed: of faults and turns.
        teller: what tells people: what a daemon does.
        daemons: how many of it there are at once.
        share: of calls that meet a fault.
        turns: from one of which on a daemon dies where it is to.
        is_told: whether people were told everything that is owed by now.
        names: of the monitors.
        between: seconds from one day to the next, and from the last to the end of the faults.
        more: that the teller is given at last.
    """

    processes: ForkServerContext
    failpoints: Sequence[str]
    seed: int
    teller: Callable[..., object] = look_after
    daemons: int = 2
    share: float = FAULT_SHARE
    turns: Sequence[int] = range(5)
    is_told: Callable[[Store], bool] = everything_is_told
    names: tuple[str, ...] = NAMES
    between: float = BETWEEN_DAYS_SECONDS
    more: tuple[Any, ...] = ()
    kills: Counter[str] = field(default_factory=Counter)
    evaluated: int = 0
    is_calm: bool = False
    rng: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)

    def play(self, store_url: str) -> Outcome:
        """Let it happen on a database that was prepared."""
        stage = Stage(self.processes, START)
        workspace = Workspace(stage.seconds)
        token = workspace.install()
        channel = workspace.add_channel(PLACE, bots=[token])
        workspace.faults.script([FIRST_POST], methods={"chat.postMessage"})
        workspace.faults.rate(self.share, FAULTS, self.seed)
        with (
            served(workspace) as url,
            contextlib.closing(stage),
            contextlib.closing(Store(store_url)) as store,
        ):
            place = Place(store_url, url, token, self.names)
            self._cast(stage, place, workspace)
            is_quiet = stage.play(lambda: self._is_over(store, workspace), at_most=MOST)
            return Outcome(
                looked_at(store, workspace.visible()[channel]),
                self.kills,
                len(workspace.calls),
                sum(call.outcome != "ok" for call in workspace.calls),
                is_quiet,
            )

    def _cast(self, stage: Stage, place: Place, workspace: Workspace) -> None:
        for number in range(len(DAYS)):
            deaths = [self.failpoints[number % len(self.failpoints)]]
            stage.plan(
                number * self.between,
                lambda number=number, deaths=deaths: self._evaluate(stage, place, number, deaths),
            )
        for _ in range(self.daemons):
            stage.plan(0, lambda: self._tell(stage, place, self.failpoints))
        stage.plan(len(DAYS) * self.between, lambda: self._calm(workspace))

    def _calm(self, workspace: Workspace) -> None:
        workspace.faults.calm()
        self.is_calm = True

    def _evaluate(self, stage: Stage, place: Place, number: int, deaths: Sequence[str]) -> None:
        def ended(code: int) -> None:
            if self._was_killed(code, deaths):
                again = lambda: self._evaluate(stage, place, number, deaths[1:])  # noqa: E731
                stage.plan(RESTART_SECONDS, again)
            else:
                self.evaluated += 1

        fate = Fate(deaths[0]) if deaths else Fate()
        stage.begin(ended, judge, place, number, fate)

    def _tell(self, stage: Stage, place: Place, deaths: Sequence[str]) -> None:
        def ended(code: int) -> None:
            if self._was_killed(code, deaths):
                again = lambda: self._tell(stage, place, deaths[1:])  # noqa: E731
                stage.plan(RESTART_SECONDS, again)

        fate = Fate(deaths[0], self.rng.choice(self.turns)) if deaths else Fate()
        seed = self.rng.randrange(2**32)
        stage.begin(ended, self.teller, place, seed, fate, *self.more)

    def _was_killed(self, code: int, deaths: Sequence[str]) -> bool:
        if code not in (0, -signal.SIGKILL):
            raise AssertionError(f"a process ended with {code}, {deaths[:1]} before it")
        if code:
            self.kills[deaths[0]] += 1
        return code != 0

    def _is_over(self, store: Store, workspace: Workspace) -> bool:
        if not self.is_calm or self.evaluated < len(DAYS) or workspace.under_way:
            return False
        return self.is_told(store)
