"""Performing: doing an action in the run that was launched for it, and what becomes of it.

Every step can be done again: what was done is found and not done twice, and a run that another one
has superseded can write nothing. How a challenger comes to the gate is `challenging`, who launches
runs `launching`, what people decide `deciding`.
"""

from __future__ import annotations

import datetime as dt
import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from monitoring_dagster.challenging import Challenging, challenger_of, threshold_of
from monitoring_dagster.day import Day
from monitoring_dagster.errors import (
    ModelUnavailable,
    MonitoringError,
    RegistryUnavailable,
    SettingInvalid,
    StoreError,
    TrainingFailed,
)
from monitoring_dagster.failpoints import failpoint
from monitoring_dagster.holding import Hold, Superseded
from monitoring_dagster.incidents.audience import Audience, Location
from monitoring_dagster.incidents.desk import Desk, Office
from monitoring_dagster.learnt import Registry
from monitoring_dagster.monitors.calendar import days_between
from monitoring_dagster.monitors.contract import Materiality, Monitor
from monitoring_dagster.retraining import filing, naming, promotion, telling
from monitoring_dagster.retraining.action import Action, ActionKind, Phase, Status
from monitoring_dagster.retraining.gate.decision import Decision
from monitoring_dagster.retraining.registering import ModelRegistry
from monitoring_dagster.retraining.rows import action_of
from monitoring_dagster.retraining.succession import Window
from monitoring_dagster.retraining.tracking import Tracking
from monitoring_dagster.store import Store, actions

log = logging.getLogger(__name__)

POSTPONED, DOUBLINGS = dt.timedelta(minutes=1), 5
"""For how long an action waits for a registry that does not answer: at first, and how often that
doubles with each attempt."""

MOST_ATTEMPTS = 20
"""After so many a model that cannot be fetched is not waited for any more: about eight hours."""


@dataclass(frozen=True)
class Performing:
    """What performs the actions of one run.

    Args:
        store: with the actions.
        monitors: those of the deployment, by name.
        office: of the deployment.
        registry: where models are.
        artifacts: URL at which new experiments keep files; None where a server decides.
        clock: the run's: the relived instant of a replay, or the wall clock.
        wall_clock: the wall clock.
        monotonic: a clock in seconds that never goes back.
        run_id: of the Dagster run.
        day: the stages of a monitor's days, by the run's clock.
        environment: of the process.
    """

    store: Store
    monitors: Mapping[str, Monitor]
    office: Office
    registry: Registry
    artifacts: str | None
    clock: Callable[[], dt.datetime]
    wall_clock: Callable[[], dt.datetime]
    monotonic: Callable[[], float]
    run_id: str
    day: Callable[[Monitor], Day]
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))

    def perform(self, action_id: int, attempt: int) -> str:
        """Claim the action and do its phase; says in a sentence what came of it.

        What fails for a reason that people can mend ends the action, a registry that does not
        answer puts it off; anything else is raised, and the action is launched again.
        """
        action = self._hold.claimed(action_id, attempt, self.run_id)
        if action is None:
            return "superseded: another attempt does the action, or it is over; nothing was done"
        failpoint("action.claimed")
        try:
            with self._hold.beating(action):
                done = self._performed(action)
        except Superseded:
            return self._given_up(action)
        except RegistryUnavailable as error:
            done = self._postponed(action, str(error))
        except ModelUnavailable as error:
            # A registry that is down comes back; a version that was deleted does not.
            is_hopeless = action.attempt >= MOST_ATTEMPTS
            done = (self._failed if is_hopeless else self._postponed)(action, str(error))
        except TrainingFailed as error:
            done = self._failed(action, str(error), error.log)
        except StoreError:
            raise
        except MonitoringError as error:
            done = self._failed(action, str(error))
        because = f": {done.because}" if done.because else ""
        return f"{done.ref} is {done.status.replace('_', ' ')}{because}"

    def _performed(self, action: Action) -> Action:
        monitor = self.monitors.get(action.monitor)
        if monitor is None:
            return self._failed(action, f"there is no monitor {action.monitor} any more")
        if action.phase is Phase.PROMOTE:
            return self._promoted(action, monitor)
        challenging = Challenging(
            self._hold,
            self.registry,
            Tracking.at(self._uri, self.artifacts),
            ModelRegistry.at(self._uri),
            self.monotonic,
            self.environment,
        )
        action, decision = challenging.challenge(action, monitor, self.day(monitor))
        after = self._concluded(action, monitor, decision)
        failpoint("retraining.concluded")
        goes_on = after.phase is Phase.PROMOTE and after.status is Status.RUNNING
        return self._promoted(after, monitor) if goes_on else after

    def _concluded(self, action: Action, monitor: Monitor, decision: Decision) -> Action:
        """What follows from the gate's decision, in one transaction.

        Raises:
            Superseded: another attempt has the action, or it was called off.
        """
        now = self.clock()
        decided: dict[str, Any] = {
            "decision": decision.document(),
            "because": decision.because,
            "decided_at": now,
            "seconds_to_decision": (self.wall_clock() - action.written_at).total_seconds(),
        }
        # A reply shows the first of them: what is in the way before what is not.
        table = [c.text for c in sorted(decision.checks, key=lambda c: not c.is_in_the_way)]
        facts = {"gate": "; ".join(f"{c.outcome}: {c.text}" for c in decision.checks)}
        if not decision.is_passed:
            return self._refused(action, table, facts, decided)
        shadow_days = monitor.retraining.shadow_days
        if shadow_days and action.phase is Phase.TRAIN:
            today = now.astimezone(monitor.zone).date()
            until = today + dt.timedelta(days=shadow_days - 1)
            said, step = f"passed the gate, and answers unheard until {until}", "shadow"
            decided |= {"status": Status.SHADOWING.value, "shadow_until": until, "not_before": None}
        elif monitor.materiality is Materiality.HIGH:
            said, step = "passed the gate, and waits for somebody to agree", "passed"
            decided |= {"status": Status.AWAITING_APPROVAL.value}
        else:
            said, step = "passed the gate", "passed"
            decided |= {"phase": Phase.PROMOTE.value, "tries": 1, "not_before": None}
        text = f"{said}: {decision.because}"
        return self._moved(
            action, lambda desk: telling.move_on(desk, action, text, step, table, facts, **decided)
        )

    def _refused(
        self, action: Action, table: list[str], facts: dict[str, str], decided: dict[str, Any]
    ) -> Action:
        because = str(decided.pop("because"))
        text, refused = f"refused at the gate: {because}", Status.REFUSED
        return self._moved(
            action,
            lambda desk: telling.end(
                desk, action, refused, because, text, lines=table, facts=facts, **decided
            ),
        )

    def _promoted(self, action: Action, monitor: Monitor) -> Action:
        """Let the model take over: its reference, the alias, and everything else at once."""
        registry, name = ModelRegistry.at(self._uri), naming.registered_name(monitor)
        is_new = action.kind is ActionKind.RETRAINING
        if is_new:
            model = challenger_of(self.registry, action, monitor)
            threshold = threshold_of(action, monitor)
            self.day(monitor).freeze_successor(
                action.challenger, _validated(action), threshold, model.predict
            )
            failpoint("promotion.reference_frozen")
        if not self._hold.is_held(action):
            raise Superseded
        registry.move_alias(name, naming.champion_alias(monitor), action.challenger)
        failpoint("promotion.alias_moved")
        if is_new:
            # Before it is written down: whoever finds it done does nothing any more.
            registry.drop_alias(name, naming.CHALLENGER, action.challenger)
        done = self._moved(action, lambda desk: self._taken_over(desk, action, monitor))
        failpoint("promotion.recorded")
        return done

    def _taken_over(self, desk: Desk, action: Action, monitor: Monitor) -> Action:
        today = desk.now.astimezone(monitor.zone).date()
        if action.kind is ActionKind.ROLLBACK:
            former = promotion.former_champion(desk.connection, monitor)
            promotion.rollback(desk, action, former=former, today=today)
        else:
            promotion.promote(
                desk,
                action,
                version=action.challenger,
                window=_validated(action),
                threshold=threshold_of(action, monitor),
                today=today,
            )
        row = actions.by_id(desk.connection, action.id)
        return action if row is None else action_of(row)

    # --- where it comes to nothing ------------------------------------------------------------

    def _failed(self, action: Action, because: str, printed: str = "") -> Action:
        """End it; `printed` is the end of what a trainer's process said."""
        action = self._with_run(action)
        self._end_run(action, "FAILED", {filing.LOG: printed} if printed else {})
        return self._moved(action, lambda desk: telling.fail(desk, action, because, printed))

    def _postponed(self, action: Action, because: str) -> Action:
        """Nothing is lost: it is launched again when the registry may answer again."""
        later = self.wall_clock() + POSTPONED * 2 ** min(action.attempt - 1, DOUBLINGS)
        return self._moved(action, lambda desk: telling.put_off(desk, action, because, later))

    def _given_up(self, action: Action) -> str:
        """Another attempt goes on with it, or somebody has called it off."""
        stands = self._hold.as_it_stands(action)
        if not stands.status.is_over:
            return f"{action.ref}: another attempt does it"
        self._end_run(stands, "KILLED", {})
        return f"{stands.ref} is {stands.status}: {stands.because}"

    def _with_run(self, action: Action) -> Action:
        """The action with what its run wrote down since it was claimed."""
        stands = self._hold.as_it_stands(action)
        is_same = stands.attempt == action.attempt
        return stands if is_same else action

    def _end_run(
        self, action: Action, outcome: Literal["FAILED", "KILLED"], files: Mapping[str, str]
    ) -> None:
        """Say in MLflow that nothing came of it, if it can be reached."""
        if not action.mlflow_run:
            return
        try:
            tracking = Tracking.at(self._uri, self.artifacts)
            if files:
                tracking.keep(action.mlflow_run, files)
            tracking.end(action.mlflow_run, outcome, self.wall_clock())
        except MonitoringError as error:
            log.warning("%s: its run in MLflow stays open: %s", action.ref, error)

    # --- how it reads and writes --------------------------------------------------------------

    @property
    def _hold(self) -> Hold:
        return Hold(self.store, self.office, self.clock, self.wall_clock)

    def _moved(self, action: Action, work: Callable[[Desk], Action]) -> Action:
        """The action as it stands after `work` in one transaction.

        Raises:
            Superseded: another attempt has it.
        """
        audience: Audience = self.monitors.get(action.monitor) or Location(action.monitor)
        after = self._hold.at_desk(audience, work)
        if after.attempt != action.attempt:
            raise Superseded
        return after

    @property
    def _uri(self) -> str:
        if self.registry.tracking_uri is None:
            raise SettingInvalid(
                "MLFLOW_TRACKING_URI is not set, and the home has no registry; required is the "
                "address of the MLflow registry that models are kept in"
            )
        return self.registry.tracking_uri


def _validated(action: Action) -> Window:
    """The days that the challenger was validated on."""
    days = [dt.date.fromisoformat(each["day"]) for each in action.plan["validation"]]
    every = days_between(days[0], days[-1])
    return Window(days[0], days[-1], tuple(sorted({*every} - {*days})))
