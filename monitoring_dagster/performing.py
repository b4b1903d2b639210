"""Performing: doing an action in the run that was launched for it: train, compare, take over.

Every step can be done again: what was done is found and not done twice, and a run that another one
has superseded can write nothing. Who launches runs is `launching`, what people decide `deciding`.
"""

from __future__ import annotations

import datetime as dt
import logging
import os
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

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
from monitoring_dagster.incidents.audience import Audience, Location
from monitoring_dagster.incidents.desk import Desk, Office
from monitoring_dagster.learnt import Registry
from monitoring_dagster.models import Model
from monitoring_dagster.monitors.contract import Materiality, Monitor
from monitoring_dagster.retraining import (
    frames,
    naming,
    process,
    promotion,
    reviewing,
    telling,
    windows,
)
from monitoring_dagster.retraining.action import Action, ActionKind, Phase, Status
from monitoring_dagster.retraining.gate.decision import Decision
from monitoring_dagster.retraining.gating import Contender, Gated, gate
from monitoring_dagster.retraining.registering import ModelRegistry
from monitoring_dagster.retraining.reviewing import Review
from monitoring_dagster.retraining.rows import action_of
from monitoring_dagster.retraining.succession import Window
from monitoring_dagster.retraining.tracking import DataWindow, Tracking, figures_of
from monitoring_dagster.store import Docket, Store, actions

log = logging.getLogger(__name__)

LIFE_SECONDS = 20.0
"""Between two signs of life."""

POSTPONED = dt.timedelta(minutes=1)
"""For how long an action waits for a registry that does not answer."""


class Superseded(Exception):
    """Another attempt holds the action: this one has nothing more to say."""


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
        now = self.wall_clock()
        claimed = self.store.write(lambda c: actions.claim(c, action_id, attempt, self.run_id, now))
        if claimed is None:
            return "superseded: another attempt does the action, or it is over; nothing was done"
        failpoint("action.claimed")
        action = action_of(claimed)
        try:
            with _Pulse(self, action).beating():
                done = self._performed(action)
        except Superseded:
            return f"{action.ref}: another attempt does it, or it was called off"
        except (RegistryUnavailable, ModelUnavailable) as error:
            done = self._postponed(action, str(error))
        except TrainingFailed as error:
            done = self._failed(action, str(error), error.log)
        except StoreError:
            raise
        except MonitoringError as error:
            done = self._failed(action, str(error))
        return f"{done.ref} is {done.status.replace('_', ' ')}: {done.because}".rstrip(": ")

    def _performed(self, action: Action) -> Action:
        monitor = self.monitors.get(action.monitor)
        if monitor is None:
            return self._failed(action, f"there is no monitor {action.monitor} any more")
        if action.phase is Phase.PROMOTE:
            return self._promoted(action, monitor)
        return self._compared(action, monitor)

    # --- train and compare --------------------------------------------------------------------

    def _compared(self, action: Action, monitor: Monitor) -> Action:
        """Train the challenger unless that was done, and hold it against the champion."""
        tracking = Tracking.at(self._uri, self.artifacts)
        incident = self._incident(action)
        run = tracking.run_of(
            action,
            now=self.wall_clock(),
            incident=incident,
            dagster_url=self.office.pages.dagster or "",
        )
        action = self._noted(action, mlflow_run=run, champion=self._champion_version(monitor))
        day = self.day(monitor)
        with tempfile.TemporaryDirectory(prefix="retraining-") as made:
            folder = Path(made)
            plan = _shadowed(action, monitor, day) if action.phase is Phase.SHADOW else action.plan
            prepared = frames.prepare(day.lake, monitor, plan, folder)
            action = self._trained(action, monitor, tracking, prepared, folder)
            challenger = self._challenger(action, monitor)
            gated = self._gated(action, monitor, day, prepared.validation, challenger)
            failpoint("retraining.gated")
            review = Review(
                action,
                monitor,
                gated,
                prepared.validation,
                challenger,
                _windows(action, prepared),
                incident,
                _repeatable(action),
                self._pages(),
                self.wall_clock(),
            )
            self._keep(review, tracking)
        return self._concluded(action, monitor, gated.decision)

    def _champion_version(self, monitor: Monitor) -> str:
        """The version in production, to which a rollback would lead back."""
        name, alias = naming.registered_name(monitor), naming.champion_alias(monitor)
        return ModelRegistry.at(self._uri).version_of(name, alias) or ""

    def _trained(
        self,
        action: Action,
        monitor: Monitor,
        tracking: Tracking,
        prepared: frames.Prepared,
        folder: Path,
    ) -> Action:
        """The action with its challenger, which is trained and registered once."""
        registry, name = ModelRegistry.at(self._uri), naming.registered_name(monitor)
        found = registry.registered(action, name)
        if found is not None:
            return self._noted(action, challenger=found.version)
        run = action.mlflow_run
        tracking.log_inputs(run, _windows(action, prepared))
        order = frames.order_of(monitor, action.plan, prepared)
        trained = process.train(
            folder,
            order,
            limits=monitor.retraining.limits,
            is_wanted=lambda: self._is_mine(action),
            environment=self.environment,
            monotonic=self.monotonic,
        )
        if trained is None:
            raise Superseded
        tracking.log_parameters(run, _parameters(action, trained, prepared), action.attempt)
        tracking.log_figures(
            action, run, {naming.legal_name("trainer", n): v for n, v in trained.metrics.items()}
        )
        tracking.keep(run, {"training.log": trained.log, "plan.json": _json(action.plan)})
        learnt = {
            "threshold": trained.threshold,
            "trusted_types": list(trained.trusted_types),
            "seconds": round(trained.seconds, 1),
            "flavor": trained.flavor,
        }
        # Before it is registered: a version that is found after a crash decides from there on.
        action = self._noted(action, plan={**action.plan, "trained": learnt})
        kept = registry.register(action, trained.folder, name=name, run_id=run)
        failpoint("retraining.registered")
        return self._noted(action, challenger=kept.version)

    def _gated(
        self, action: Action, monitor: Monitor, day: Day, rows: pa.Table, model: Model
    ) -> Gated:
        today = self.clock().astimezone(monitor.zone).date()
        present = day.succession.on(today)
        champion = Contender(self._champion(action, present), present.model.threshold)
        challenger = Contender(model, _threshold(action, monitor))
        grid = day.on(today).reference.grid
        return gate(monitor, grid, rows, champion, challenger, monotonic=self.monotonic)

    def _champion(self, action: Action, present: Monitor) -> Model | None:
        """The model in production; None where it cannot be asked, and its log has to do."""
        try:
            return self.registry.model_of(present)
        except MonitoringError as error:
            if isinstance(error, ModelUnavailable) and present.model.uri is not None:
                raise
            log.warning("%s: the champion's logged answers count: %s", action.ref, error)
            return None

    def _challenger(self, action: Action, monitor: Monitor) -> Model:
        types = tuple((action.plan.get("trained") or {}).get("trusted_types", ()))
        trusting = replace(self.registry, trusted=(*self.registry.trusted, *types))
        uri = f"models:/{naming.registered_name(monitor)}/{action.challenger}"
        named = monitor.model.model_copy(update={"uri": uri})
        return trusting.model_of(monitor.model_copy(update={"model": named}))

    def _keep(self, review: Review, tracking: Tracking) -> None:
        """Keep the decision where the ML team reviews it."""
        action, decision = review.action, review.gated.decision
        run = action.mlflow_run
        tracking.log_figures(action, run, figures_of(decision))
        tracking.keep(run, reviewing.files(review))
        tracking.tell(
            run,
            {
                "decision": "passed" if decision.is_passed else "refused",
                "because": decision.because,
                "challenger": action.challenger,
                "champion": action.champion,
            },
        )
        tracking.end(run, "FINISHED", self.wall_clock())

    # --- what follows -------------------------------------------------------------------------

    def _concluded(self, action: Action, monitor: Monitor, decision: Decision) -> Action:
        """What follows from the gate's decision, in one transaction; perhaps the next phase."""
        rules, now = monitor.retraining, self.clock()
        decided: dict[str, Any] = {
            "decision": decision.document(),
            "decided_at": now,
            "seconds_to_decision": (self.wall_clock() - action.written_at).total_seconds(),
        }
        table = [check.text for check in decision.checks]

        def conclude(desk: Desk) -> Action:
            if not decision.is_passed:
                said = f"refused at the gate: {decision.because}"
                because = decision.because
                return telling.end(
                    desk, action, Status.REFUSED, because, said, lines=table, **decided
                )
            if rules.shadow_days and action.phase is Phase.TRAIN:
                today = now.astimezone(monitor.zone).date()
                until = today + dt.timedelta(days=rules.shadow_days - 1)
                said = f"passed the gate, and answers unheard until {until}: {decision.because}"
                values = {**decided, "status": Status.SHADOWING.value, "shadow_until": until}
                return telling.move_on(desk, action, said, "shadow", table, **values)
            if monitor.materiality is Materiality.HIGH:
                said = f"passed the gate, and waits for somebody to agree: {decision.because}"
                values = {**decided, "status": Status.AWAITING_APPROVAL.value}
                return telling.move_on(desk, action, said, "passed", table, **values)
            said = f"passed the gate: {decision.because}"
            values = {**decided, "phase": Phase.PROMOTE.value, "tries": 1, "not_before": None}
            return telling.move_on(desk, action, said, "passed", table, **values)

        after = self._at_desk(action, conclude)
        failpoint("retraining.concluded")
        if after.phase is Phase.PROMOTE and after.status is Status.RUNNING:
            return self._promoted(after, monitor)
        return after

    def _promoted(self, action: Action, monitor: Monitor) -> Action:
        """Let the model take over: its reference, the alias, and everything else at once."""
        registry, name = ModelRegistry.at(self._uri), naming.registered_name(monitor)
        day = self.day(monitor)
        is_new = action.kind is ActionKind.RETRAINING
        window, threshold = _validated(action), _threshold(action, monitor)
        if is_new:
            model = self._challenger(action, monitor)
            day.freeze_successor(action.challenger, window, threshold, model.predict)
            failpoint("promotion.reference_frozen")
        if not self._is_mine(action):
            raise Superseded
        registry.move_alias(name, naming.champion_alias(monitor), action.challenger)
        failpoint("promotion.alias_moved")
        today = self.clock().astimezone(monitor.zone).date()

        def take_over(desk: Desk) -> Action:
            if is_new:
                version = action.challenger
                promotion.promote(
                    desk, action, version=version, window=window, threshold=threshold, today=today
                )
            else:
                former = promotion.former_champion(desk.connection, monitor)
                promotion.rollback(desk, action, former=former, today=today)
            row = actions.by_id(desk.connection, action.id)
            return action if row is None else action_of(row)

        done = self._at_desk(action, take_over)
        failpoint("promotion.recorded")
        registry.drop_alias(name, naming.CHALLENGER, action.challenger)
        return done

    def _failed(self, action: Action, because: str, printed: str = "") -> Action:
        self._close_run(action)
        return self._at_desk(action, lambda desk: telling.fail(desk, action, because, printed))

    def _close_run(self, action: Action) -> None:
        """Say in MLflow that nothing came of it, if it can be reached."""
        if not action.mlflow_run:
            row = self.store.read(lambda c: actions.by_id(c, action.id))
            action = action if row is None else action_of(row)
        if action.mlflow_run:
            try:
                tracking = Tracking.at(self._uri, self.artifacts)
                tracking.end(action.mlflow_run, "FAILED", self.wall_clock())
            except MonitoringError as error:
                log.warning("%s: its run in MLflow stays open: %s", action.ref, error)

    def _postponed(self, action: Action, because: str) -> Action:
        """Nothing is lost: it is launched again when the registry may answer again."""
        later = self.wall_clock() + POSTPONED

        def postpone(desk: Desk) -> Action:
            said = f"waits for the model registry: {because}"
            return telling.move_on(
                desk,
                action,
                said,
                status=Status.REQUESTED.value,
                not_before=later,
                tries=max(0, action.tries - 1),
                because=because,
            )

        return self._at_desk(action, postpone)

    # --- how it reads and writes --------------------------------------------------------------

    @property
    def _uri(self) -> str:
        if self.registry.tracking_uri is None:
            raise SettingInvalid(
                "MLFLOW_TRACKING_URI is not set, and the home has no registry; required is the "
                "address of the MLflow registry that models are kept in"
            )
        return self.registry.tracking_uri

    def _pages(self) -> dict[str, str]:
        """Where more of it is to be seen."""
        dagster, found = self.office.pages.dagster, dict[str, str]()
        if dagster:
            found["Dagster run"] = f"{dagster}/runs/{self.run_id}"
        if self.office.pages.registry:
            name = f"{self.office.pages.registry}/#/models"
            found["Models in MLflow"] = name
        return found

    def _is_mine(self, action: Action) -> bool:
        return self.store.read(lambda c: actions.is_mine(c, action.id, action.attempt))

    def _noted(self, action: Action, **values: Any) -> Action:
        """The action with what was written down of it.

        Raises:
            Superseded: another attempt holds it.
        """
        if not self.store.write(lambda c: actions.note(c, action.id, action.attempt, **values)):
            raise Superseded
        return replace(action, **values)

    def _incident(self, action: Action) -> str:
        """The name of the incident that it is owed because of."""
        from monitoring_dagster.store import incidents

        if action.incident_id is None:
            return ""
        number = action.incident_id
        return str(self.store.read(lambda c: incidents.by_id(c, number)).row.ref)

    def _at_desk(self, action: Action, work: Callable[[Desk], Action]) -> Action:
        audience: Audience = self.monitors.get(action.monitor) or Location(action.monitor)

        def at_desk(docket: Docket) -> Action:
            desk = Desk(docket, audience, self.clock(), self.wall_clock(), self.office)
            done = work(desk)
            desk.close()
            return done

        return self.store.decide(audience.name, at_desk)


@dataclass(frozen=True)
class _Pulse:
    """Says again and again that the run lives, whatever it is busy with."""

    performing: Performing
    action: Action

    @contextmanager
    def beating(self) -> Iterator[None]:
        over = threading.Event()
        beating = threading.Thread(target=self._beat, args=(over,), daemon=True)
        beating.start()
        try:
            yield
        finally:
            over.set()
            beating.join()

    def _beat(self, over: threading.Event) -> None:
        store, action = self.performing.store, self.action
        while not over.wait(LIFE_SECONDS):
            now = self.performing.wall_clock()
            try:
                store.write(lambda c, at=now: actions.alive(c, action.id, action.attempt, at))
            except StoreError as error:
                log.warning("%s could not say that it is alive: %s", action.ref, error)


def _threshold(action: Action, monitor: Monitor) -> float | None:
    """From which score on the challenger decides."""
    own = (action.plan.get("trained") or {}).get("threshold")
    return monitor.model.threshold if own is None else float(own)


def _validated(action: Action) -> Window:
    """The days that the challenger was validated on."""
    days = [dt.date.fromisoformat(each["day"]) for each in action.plan.get("validation", ())]
    if not days:
        return Window(dt.date.min, dt.date.min)
    span = (days[-1] - days[0]).days
    every = {days[0] + dt.timedelta(days=i) for i in range(span + 1)}
    return Window(days[0], days[-1], tuple(sorted(every - set(days))))


def _shadowed(action: Action, monitor: Monitor, day: Day) -> Mapping[str, Any]:
    """The plan with the days that the challenger answered unheard to be judged by."""
    until = action.shadow_until
    if until is None:
        return action.plan
    first = until - dt.timedelta(days=monitor.retraining.shadow_days - 1)
    return windows.judged_by(action.plan, first, until, windows.lookup(day.lake, monitor))


def _windows(action: Action, prepared: frames.Prepared) -> Sequence[DataWindow]:
    found: list[DataWindow] = []
    for use in ("training", "validation"):
        days = action.plan[use]
        span = f"{days[0]['day']} to {days[-1]['day']}" if days else "no day"
        found.append(
            DataWindow(
                use,
                f"{action.monitor}, {span}",
                [sha for each in days for sha in each["digests"].values()],
                [each["day"] for each in days],
                prepared.training_rows if use == "training" else prepared.validation.num_rows,
                prepared.features,
            )
        )
    return found


def _repeatable(action: Action) -> dict[str, str]:
    """What the training can be repeated with."""
    plan = action.plan
    trained = plan.get("trained") or {}
    facts = {
        "Trainer": plan.get("trainer"),
        "Seed": plan.get("seed"),
        "Parameters": ", ".join(f"{k}={v}" for k, v in plan.get("parameters", {}).items()),
        "Window": plan.get("window"),
        "Configuration": action.config_hash,
        "Trained in": f"{trained['seconds']} s" if "seconds" in trained else "",
    }
    return {name: str(value) for name, value in facts.items() if value not in (None, "")}


def _parameters(
    action: Action, trained: process.Trained, prepared: frames.Prepared
) -> dict[str, object]:
    plan = action.plan
    told = {name: plan.get(name) for name in ("trainer", "window", "seed", "half_life_days")}
    ends = {
        f"{use}.{end}": plan[use][place]["day"]
        for use in ("training", "validation")
        for end, place in (("first_day", 0), ("last_day", -1))
        if plan[use]
    }
    return {
        **{name: value for name, value in told.items() if value is not None},
        **ends,
        "training.rows": prepared.training_rows,
        "excluded_days": len(plan.get("excluded", ())),
        "config_hash": action.config_hash,
        **{f"trainer.{name}": value for name, value in plan.get("parameters", {}).items()},
        **{f"note.{name}": value for name, value in trained.notes.items()},
        **{f"package.{name}": version for name, version in trained.packages.items()},
        **{f"platform.{name}": value for name, value in trained.platform.items()},
    }


def _json(document: Mapping[str, Any]) -> str:
    import json

    return json.dumps(document, indent=1, sort_keys=True)
