"""Challenging: a challenger trained, registered, and held against the champion at the gate.

Every step finds what an earlier attempt has done. What follows from the decision is `performing`.
"""

from __future__ import annotations

import datetime as dt
import logging
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow as pa

from monitoring_dagster.day import Day
from monitoring_dagster.errors import ModelRefused
from monitoring_dagster.failpoints import failpoint
from monitoring_dagster.holding import Hold, Superseded
from monitoring_dagster.learnt import Registry
from monitoring_dagster.models import Model
from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.retraining import filing, frames, naming, process, windows
from monitoring_dagster.retraining.action import Action, Phase
from monitoring_dagster.retraining.gate.decision import Decision
from monitoring_dagster.retraining.gating import Contender, Gated, gate
from monitoring_dagster.retraining.registering import ModelRegistry, Registered
from monitoring_dagster.retraining.reviewing import Review
from monitoring_dagster.retraining.tracking import Tracking

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Challenging:
    """What brings a challenger to the gate.

    Args:
        hold: of the run on the action.
        registry: where models are; with the address of MLflow.
        tracking: MLflow's runs.
        versions: MLflow's versions and aliases.
        monotonic: a clock in seconds that never goes back.
        environment: of the process.
    """

    hold: Hold
    registry: Registry
    tracking: Tracking
    versions: ModelRegistry
    monotonic: Callable[[], float]
    environment: Mapping[str, str]

    def challenge(self, action: Action, monitor: Monitor, day: Day) -> tuple[Action, Decision]:
        """Train the challenger unless that was done, and hold it against the champion.

        Returns:
            The action with its challenger, and what the gate says.

        Raises:
            Superseded: another attempt has the action, or it was called off.
            TrainingFailed: there is no model.
            ModelRefused: the challenger cannot be served, or cannot answer.
            RegistryUnavailable, ModelUnavailable: MLflow does not answer.
        """
        pages, incident = self.hold.office.pages, self.hold.incident(action)
        now = self.hold.wall_clock()
        run = self.tracking.run_of(
            action, now=now, incident=incident, dagster_url=pages.dagster or ""
        )
        name, alias = naming.registered_name(monitor), naming.champion_alias(monitor)
        champion = self.versions.version_of(name, alias) or ""
        action = self.hold.noted(action, mlflow_run=run, champion=champion)
        action, kept = self._trained(action, monitor, day)
        model = challenger_of(self.registry, action, monitor)
        judged = replace(action, plan=_judged(action, monitor, day))
        rows = frames.validation(day.lake, monitor, judged.plan)
        gated = self._gated(action, monitor, day, rows, model)
        failpoint("retraining.gated")
        found = Review(
            action,
            monitor,
            gated,
            rows,
            model,
            filing.windows(judged, frames.seen(monitor)),
            incident,
            filing.facts(action),
            self._pages(action, name),
            self.hold.wall_clock(),
        )
        filing.review(self.tracking, found, kept.model_id)
        return action, gated.decision

    def _trained(self, action: Action, monitor: Monitor, day: Day) -> tuple[Action, Registered]:
        """The challenger, which is trained and registered once."""
        name = naming.registered_name(monitor)
        kept = self.versions.registered(action, name)
        if kept is not None:
            self.versions.present(name, kept)
            return self.hold.noted(action, challenger=kept.version), kept
        plan = windows.as_it_stands(
            action.plan, windows.lookup(day.lake, monitor), ["training", "validation"]
        )
        action = self.hold.noted(action, plan=plan)
        self.tracking.log_inputs(action.mlflow_run, filing.windows(action, frames.seen(monitor)))
        with tempfile.TemporaryDirectory(prefix="retraining-") as made:
            prepared = frames.prepare(day.lake, monitor, action.plan, Path(made))
            trained = process.train(
                Path(made),
                frames.order_of(monitor, action.plan, prepared),
                limits=monitor.retraining.limits,
                is_wanted=lambda: self.hold.is_held(action),
                environment=self.environment,
                monotonic=self.monotonic,
            )
            if trained is None:
                raise Superseded
            filing.training(self.tracking, action, trained)
            return self._registered(action, monitor, prepared, trained)

    def _registered(
        self,
        action: Action,
        monitor: Monitor,
        prepared: frames.Prepared,
        trained: process.Trained,
    ) -> tuple[Action, Registered]:
        learnt = {
            "threshold": trained.threshold,
            "trusted_types": list(trained.trusted_types),
            "seconds": round(trained.seconds, 1),
            "flavor": trained.flavor,
            "left_out": dict(prepared.left_out),
            "notes": list(prepared.notes),
        }
        # Before it is registered: a version that is found after a crash is judged by this.
        action = self.hold.noted(action, plan={**action.plan, "trained": learnt})
        kept = self.versions.register(
            action,
            trained.folder,
            name=naming.registered_name(monitor),
            run_id=action.mlflow_run,
        )
        return self.hold.noted(action, challenger=kept.version), kept

    def _gated(
        self, action: Action, monitor: Monitor, day: Day, rows: pa.Table, model: Model
    ) -> Gated:
        today = self.hold.clock().astimezone(monitor.zone).date()
        present = day.succession.on(today)
        champion = Contender(self._champion(action, present), present.model.threshold)
        challenger = Contender(model, threshold_of(action, monitor))
        grid = day.on(today).reference.grid
        return gate(monitor, grid, rows, champion, challenger, monotonic=self.monotonic)

    def _champion(self, action: Action, present: Monitor) -> Model | None:
        """The model in production; None where it cannot be asked, and its log has to do.

        Raises:
            ModelUnavailable: it could be asked, and its registry does not answer.
        """
        if present.model.uri is None:
            return None
        try:
            return self.registry.model_of(present)
        except ModelRefused as refused:
            log.warning("%s: the champion's logged answers count: %s", action.ref, refused)
            return None

    def _pages(self, action: Action, name: str) -> dict[str, str]:
        """Where more of it is to be seen."""
        pages, found = self.hold.office.pages, dict[str, str]()
        if pages.dagster:
            found["Dagster run"] = f"{pages.dagster}/runs/{action.run_id}"
        if pages.registry:
            found["Model in MLflow"] = f"{pages.registry}/#/models/{quote(name, safe='')}"
        return found


def challenger_of(registry: Registry, action: Action, monitor: Monitor) -> Model:
    """The model that wants to take over, with the types that its trainer said it holds.

    Raises:
        ModelUnavailable: MLflow does not answer.
        ModelRefused: it is not run, or does not fit the monitor.
    """
    types: tuple[str, ...] = tuple(_learnt(action).get("trusted_types", ()))
    trusting = replace(registry, trusted=(*registry.trusted, *types))
    uri = f"models:/{naming.registered_name(monitor)}/{action.challenger}"
    named = monitor.model.model_copy(update={"uri": uri})
    return trusting.model_of(monitor.model_copy(update={"model": named}))


def threshold_of(action: Action, monitor: Monitor) -> float | None:
    """From which score on the challenger decides."""
    own = _learnt(action).get("threshold")
    return monitor.model.threshold if own is None else float(own)


def _learnt(action: Action) -> Mapping[str, Any]:
    """What its training gave beside the model."""
    return action.plan.get("trained", {})


def _judged(action: Action, monitor: Monitor, day: Day) -> Mapping[str, Any]:
    """The plan with the days to be judged by, as the lake has them now.

    In the phase `shadow` those that the challenger answered unheard.
    """
    look_up, until = windows.lookup(day.lake, monitor), action.shadow_until
    if action.phase is Phase.SHADOW and until is not None:
        first = until - dt.timedelta(days=monitor.retraining.shadow_days - 1)
        return windows.judged_by(action.plan, first, until, look_up)
    return windows.as_it_stands(action.plan, look_up, ["validation"])
