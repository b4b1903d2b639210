"""Deciding: what people decide about models, whichever way it reaches us.

Approvals, refusals, retrainings by hand and rollbacks; each in one transaction, with a name.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from monitoring_dagster.day import Day
from monitoring_dagster.errors import ActionUnknown, MonitorUnknown
from monitoring_dagster.incidents.audience import Audience, Location
from monitoring_dagster.incidents.desk import Desk, Office
from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.reports.terminal import near
from monitoring_dagster.retraining import acting, requesting, reverting, windows
from monitoring_dagster.retraining.acting import approvals_needed
from monitoring_dagster.retraining.action import Action, ActionKind
from monitoring_dagster.retraining.requesting import World
from monitoring_dagster.retraining.rows import action_of
from monitoring_dagster.store import Docket, Store, actions

T = TypeVar("T")


class Asked(NamedTuple):
    """What came of asking: the name of the action, empty where there is none, and why in words."""

    ref: str
    text: str


@dataclass(frozen=True)
class Deciding:
    """What people decide with.

    Args:
        store: with the actions.
        monitors: those of the deployment, by name.
        office: of the deployment.
        clock: the wall clock.
        day: the stages of a monitor's days.
        is_disabled: whether retraining is switched off.
    """

    store: Store
    monitors: Mapping[str, Monitor]
    office: Office
    clock: Callable[[], dt.datetime]
    day: Callable[[Monitor], Day]
    is_disabled: bool = False

    def approve(self, ref: str, by: str, because: str) -> Action:
        """Somebody agrees that the action goes on.

        Raises:
            ActionUnknown: there is none of that name.
            ActionNotWaiting: it does not wait for an approval.
        """
        action = self._named(ref)
        needed = approvals_needed(self.monitors.get(action.monitor), action.kind)
        return self._at_desk(
            action, lambda desk: acting.approve(desk, ref, by, because, needed=needed)
        )

    def reject(self, ref: str, by: str, because: str) -> Action:
        """Somebody calls the action off.

        Raises:
            ActionUnknown: there is none of that name.
            ActionNotWaiting: it is over, or the model is taking over.
        """
        return self._at_desk(self._named(ref), lambda desk: acting.reject(desk, ref, by, because))

    def retrain(self, monitor: str, by: str, because: str) -> Asked:
        """Somebody asks for a retraining.

        Raises:
            MonitorUnknown: there is no such monitor.
        """
        document = self._monitor(monitor)
        world = World(document, windows.lookup(self.day(document).lake, document), self.is_disabled)
        answer = self._at(
            document, self.clock(), lambda desk: requesting.by_hand(desk, world, by, because)
        )
        return Asked(answer.ref, answer.text)

    def roll_back(self, monitor: str, by: str, because: str) -> Action:
        """Somebody wants the former champion back; it is done at once, or once others agree.

        Raises:
            MonitorUnknown: there is no such monitor.
            NoFormerChampion: none came before.
            ActionUnderWay: another action is.
        """
        document = self._monitor(monitor)
        needed = approvals_needed(document, ActionKind.ROLLBACK)
        return self._at(
            document,
            self.clock(),
            lambda desk: reverting.request(desk, document, by, because, needed=needed),
        )

    def _named(self, ref: str) -> Action:
        row = self.store.read(lambda connection: actions.by_ref(connection, ref))
        if row is None:
            raise ActionUnknown(
                f"there is no action {ref}; `monitoring-dagster retraining list` names them"
            )
        return action_of(row)

    def _at_desk(self, action: Action, work: Callable[[Desk], T]) -> T:
        """Work on an action, at the instant at which it lives."""
        audience = self.monitors.get(action.monitor) or Location(action.monitor)
        return self._at(audience, action.lived(self.clock()), work)

    def _at(self, audience: Audience, now: dt.datetime, work: Callable[[Desk], T]) -> T:
        def at_desk(docket: Docket) -> T:
            desk = Desk(docket, audience, now, self.clock(), self.office)
            done = work(desk)
            desk.close()
            return done

        return self.store.decide(audience.name, at_desk)

    def _monitor(self, name: str) -> Monitor:
        if name not in self.monitors:
            raise MonitorUnknown(f"no monitor is called {name!r}; {near(name, self.monitors)}")
        return self.monitors[name]
