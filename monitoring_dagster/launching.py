"""Launching: which runs have to be asked for, because of actions that are owed.

Level-triggered: the store says what is to be launched, and a launch that came to nothing is found
and made good. Who asks Dagster is the sensor; what a run does is `performing`.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from monitoring_dagster.errors import StoreBusy, StoreError
from monitoring_dagster.incidents.audience import Audience, Location
from monitoring_dagster.incidents.desk import Desk, Office
from monitoring_dagster.monitors.calendar import taken_at
from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.retraining import telling
from monitoring_dagster.retraining.action import UNDER_WAY, Action, Phase, Status
from monitoring_dagster.retraining.reconciling import (
    TRIES,
    Instants,
    Move,
    Seen,
    is_out_of_shadow,
    move,
)
from monitoring_dagster.retraining.rows import action_of
from monitoring_dagster.store import Docket, Store, actions
from monitoring_dagster.store.verdicts import STAGE

if TYPE_CHECKING:
    import sqlalchemy as sa

log = logging.getLogger(__name__)

Look = Callable[[Action], Seen]
"""What is to be seen of the run of an action's present attempt."""

WAIT_SECONDS = 1.0
"""For how long a monitor is waited for that somebody else has; its action is seen to next time."""

_CAN_MOVE = (Status.REQUESTED, Status.LAUNCHING, Status.RUNNING, Status.SHADOWING)


@dataclass(slots=True)
class Launched:
    """What came of a look.

    Args:
        asked: actions for which a run has to be asked for now, at their new attempt.
        given_up: names of actions that were tried in vain.
        waiting: names of those that wait, with what for.
        failures: what failed, a text each; the rest was done all the same.
    """

    asked: list[Action] = field(default_factory=list)
    given_up: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Launching:
    """What launches actions.

    Args:
        store: with the actions.
        monitors: those of the deployment, by name; of others nothing is launched.
        office: of the deployment.
        clock: the wall clock.
    """

    store: Store
    monitors: Mapping[str, Monitor]
    office: Office
    clock: Callable[[], dt.datetime]

    def launch(self, look: Look) -> Launched:
        """See to every action that is under way, each in a transaction of its own."""
        done = Launched()
        standing = self.store.read(lambda c: actions.standing(c, UNDER_WAY))
        for seen in map(action_of, standing):
            try:
                self._see_to(seen, look, done)
            except StoreBusy:
                log.info("somebody else has %s; %s is seen to next time", seen.monitor, seen.ref)
            except StoreError:
                raise
            except Exception as error:
                log.exception("%s could not be launched", seen.ref)
                done.failures.append(f"{seen.ref}: {error!r}")
        return done

    def _see_to(self, seen: Action, look: Look, done: Launched) -> None:
        if seen.status not in _CAN_MOVE:
            done.waiting.append(f"{seen.ref} ({seen.status})")
            return
        if seen.monitor not in self.monitors:
            done.waiting.append(f"{seen.ref} (no monitor {seen.monitor})")
            return
        lived = self._lived(seen)
        wanted = self._move(seen, look, lived)
        if wanted is Move.NOTHING:
            done.waiting.append(f"{seen.ref} ({seen.status})")
            return
        launched = self.store.decide(
            seen.monitor,
            lambda docket: self._made(docket, seen, wanted, lived),
            wait_seconds=WAIT_SECONDS,
        )
        if launched is not None and launched.status.is_over:
            done.given_up.append(launched.ref)
        elif launched is not None:
            done.asked.append(launched)

    def _move(self, action: Action, look: Look, lived: dt.datetime) -> Move:
        seen = Seen.ABSENT
        launched_at = None
        if action.status in (Status.LAUNCHING, Status.RUNNING):
            seen = look(action)
            row = self.store.read(lambda c: actions.by_id(c, action.id))
            launched_at = None if row is None else row.launched_at
        is_out = is_out_of_shadow(action, self.monitors[action.monitor], lived)
        return move(action, seen, Instants(self.clock(), launched_at, is_out))

    def _lived(self, action: Action) -> dt.datetime:
        """The present of its monitor: in a replay the morning on which a day was judged last."""
        day = self.store.latest_days(action.monitor).get(STAGE) if action.clock else None
        return self.clock() if day is None else taken_at(self.monitors[action.monitor], day)

    def _made(
        self, docket: Docket, seen: Action, wanted: Move, lived: dt.datetime
    ) -> Action | None:
        """Make the move, if the action still stands where it was seen."""
        connection = docket.connection
        row = actions.by_id(connection, seen.id)
        if row is None or (row.status, row.attempt) != (seen.status.value, seen.attempt):
            return None
        if wanted is Move.GIVE_UP:
            return self._given_up(docket, seen)
        if not _is_requested_anew(connection, seen, lived):
            return None
        launched = actions.launch(connection, seen.id, self.clock())
        return None if launched is None else action_of(launched)

    def _given_up(self, docket: Docket, seen: Action) -> Action | None:
        audience: Audience = self.monitors.get(seen.monitor) or Location(seen.monitor)
        now = self.clock()
        because = (
            f"its process was lost {TRIES} times in the phase {seen.phase}; look at its runs in "
            "Dagster, mend what ends them, and ask for it again"
        )
        desk = Desk(docket, audience, seen.lived(now), now, self.office)
        ended = telling.fail(desk, seen, because)
        desk.close()
        return ended


def _is_requested_anew(connection: sa.Connection, seen: Action, lived: dt.datetime) -> bool:
    """Bring the action back to where it can be launched; True where it is there already."""
    if seen.status is Status.REQUESTED:
        return True
    values: dict[str, object] = {"status": Status.REQUESTED.value}
    if seen.status is Status.SHADOWING:
        values |= {"phase": Phase.SHADOW.value, "tries": 0}
        # A replay has gone on meanwhile: what follows is of today, and not of when it was asked.
        values |= {"clock": lived.isoformat()} if seen.clock else {}
    return actions.move(connection, seen.id, [seen.status.value], attempt=seen.attempt, **values)
