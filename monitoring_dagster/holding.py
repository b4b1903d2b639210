"""Holding: what the run that holds an action reads and writes, until another attempt has it.

Whatever is written names the attempt: a run that was given up for dead, and is not, can change
nothing any more. What is done meanwhile is `performing`.
"""

from __future__ import annotations

import datetime as dt
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from monitoring_dagster.errors import StoreError
from monitoring_dagster.incidents.audience import Audience
from monitoring_dagster.incidents.desk import Desk, Office
from monitoring_dagster.retraining.action import Action
from monitoring_dagster.retraining.rows import action_of
from monitoring_dagster.store import Docket, Store, actions, incidents

log = logging.getLogger(__name__)

T = TypeVar("T")

LIFE_SECONDS = 20.0
"""Between two signs of life."""


class Superseded(Exception):
    """Another attempt holds the action, or it was called off: this run has no more to say."""


@dataclass(frozen=True)
class Hold:
    """The hold of a run on an action.

    Args:
        store: with the action.
        office: of the deployment.
        clock: the run's: the relived instant of a replay, or the wall clock.
        wall_clock: the wall clock.
    """

    store: Store
    office: Office
    clock: Callable[[], dt.datetime]
    wall_clock: Callable[[], dt.datetime]

    def claimed(self, action_id: int, attempt: int, run_id: str) -> Action | None:
        """The action, which is this run's from now on; None where another attempt does it."""
        now = self.wall_clock()
        row = self.store.write(lambda c: actions.claim(c, action_id, attempt, run_id, now))
        return None if row is None else action_of(row)

    def is_held(self, action: Action) -> bool:
        """Whether it is still this attempt's."""
        return self.store.read(lambda c: actions.is_mine(c, action.id, action.attempt))

    def noted(self, action: Action, **values: Any) -> Action:
        """The action with what was written down of it.

        Raises:
            Superseded: another attempt has it.
        """
        if not self.store.write(lambda c: actions.note(c, action.id, action.attempt, **values)):
            raise Superseded
        return replace(action, **values)

    def as_it_stands(self, action: Action) -> Action:
        """The action, whoever has it."""
        row = self.store.read(lambda c: actions.by_id(c, action.id))
        return action if row is None else action_of(row)

    def incident(self, action: Action) -> str:
        """The name of the incident that it is owed because of; empty where there is none."""
        number = action.incident_id
        if number is None:
            return ""
        return self.store.read(lambda c: incidents.by_id(c, number).row.ref)

    def at_desk(self, audience: Audience, work: Callable[[Desk], T]) -> T:
        """Work on the monitor's incidents and the action, in one transaction."""

        def at_desk(docket: Docket) -> T:
            desk = Desk(docket, audience, self.clock(), self.wall_clock(), self.office)
            done = work(desk)
            desk.close()
            return done

        return self.store.decide(audience.name, at_desk)

    @contextmanager
    def beating(self, action: Action) -> Iterator[None]:
        """Say again and again that the run lives, whatever it is busy with."""
        over = threading.Event()
        pulse = threading.Thread(target=self._beat, args=(action, over), daemon=True)
        pulse.start()
        try:
            yield
        finally:
            over.set()
            pulse.join()

    def _beat(self, action: Action, over: threading.Event) -> None:
        while not over.wait(LIFE_SECONDS):
            now = self.wall_clock()
            try:
                self.store.write(lambda c, at=now: actions.alive(c, action.id, action.attempt, at))
            except StoreError as error:
                log.warning("%s could not say that it is alive: %s", action.ref, error)
