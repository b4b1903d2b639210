"""What is learnt from a frozen reference and kept beside it: noise, importance, and the judge.

Learnt once, while the reference's rows are there; how is `decisions`. The monitored model is asked
here, where it may be read, and nowhere else.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TypeVar

import numpy as np
import pyarrow as pa

from monitoring_dagster.decisions.importance import Importance, learn, prediction_change
from monitoring_dagster.decisions.judge import Judge
from monitoring_dagster.decisions.noise import Noise
from monitoring_dagster.decisions.verdict import Rule, Verdict
from monitoring_dagster.errors import ModelRefused, ModelUnavailable
from monitoring_dagster.metrics.estimated import DayErrors, Estimates, encode
from monitoring_dagster.metrics.measurement import Measurement
from monitoring_dagster.models import Allowed, Model, model_of
from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.profiles import reference, reference_rows
from monitoring_dagster.profiles.profile import ALL, Profile
from monitoring_dagster.profiles.reference import FrozenReference
from monitoring_dagster.telemetry.lake import Lake

T = TypeVar("T")

ALGORITHM_VERSION = "1"
"""Raised when the same reference would teach something else."""

MOST_TRAINED = 10_000
"""Rows of the reference, and of a day, that the shift of inputs is learnt from."""

MOST_EXPLAINED = 3
"""Drifted columns of a day of which the model is asked what they do to its answers."""

MOST_ROWS = 2_000
"""Rows of a day, and of the reference, that it is asked about."""


@dataclass(frozen=True)
class Registry:
    """Where monitored models are, and what they may consist of.

    Args:
        tracking_uri: address of the MLflow registry.
        trusted: types that a model may hold beyond our own list.
        allowed: where else models may lie, which may run code, and which endpoints may answer.
    """

    tracking_uri: str | None = None
    trusted: tuple[str, ...] = ()
    allowed: Allowed = field(default_factory=Allowed)

    def model_of(self, monitor: Monitor, version: str | None = None) -> Model:
        """The monitor's model, or another version of it.

        Raises:
            ModelUnavailable: there is none, or it cannot be fetched.
            ModelRefused: it may not be read, or does not fit the monitor.
        """
        return model_of(
            monitor,
            version=version,
            tracking_uri=self.tracking_uri,
            trusted=self.trusted,
            allowed=self.allowed,
        )


NO_REGISTRY = Registry()
"""Models of no registry can be asked: importance is told from the logged answers."""


@dataclass(frozen=True)
class Learnt:
    """What one monitor's reference teaches."""

    monitor: Monitor
    lake: Lake
    frozen: FrozenReference
    registry: Registry

    def keep(self) -> None:
        """Learn all of it, so that later processes only read."""
        _ = self.judge, self.estimates

    @cached_property
    def estimates(self) -> Estimates:
        """What estimates performance without labels."""
        made = Estimates(
            self.monitor,
            self.frozen.grid,
            self.frozen,
            reference_rows=encode(
                reference_rows.sample(self.lake, self.monitor), self.monitor, self.frozen.grid
            ),
            max_rows=MOST_TRAINED,
        )
        made.day_errors = self._kept(
            "day_errors", DayErrors.from_json, DayErrors.to_json, lambda: made.day_errors
        )
        return made

    def estimated(self, day: dt.date, profile: Profile) -> list[Measurement]:
        """How well the day was predicted, as its counts and a sample of its rows let expect."""
        rows = reference_rows.day_rows(self.lake, self.monitor, day)
        encoded = encode(rows, self.monitor, self.frozen.grid)
        with one_thread():
            return self.estimates.measure(profile, rows=encoded)

    @cached_property
    def noise(self) -> Noise:
        """What chance alone makes of every metric."""
        return self._kept(
            "noise", Noise.from_json, Noise.to_json, lambda: Noise.learn(self.monitor, self.frozen)
        )

    @cached_property
    def importance(self) -> Importance:
        """How much the model's answers hang on each feature."""
        return self._kept("importance", Importance.from_json, Importance.to_json, self._importance)

    def _importance(self) -> Importance:
        model, why = self._model
        rows = reference_rows.sample(self.lake, self.monitor)
        with one_thread():
            try:
                return learn(self.monitor, rows, model, why_no_model=why)
            except ModelUnavailable as error:  # an endpoint that stopped answering meanwhile
                return learn(self.monitor, rows, None, why_no_model=str(error))

    def _kept(
        self,
        what: str,
        read: Callable[[bytes], T],
        written: Callable[[T], bytes],
        learn_it: Callable[[], T],
    ) -> T:
        """What was learnt before, or is learnt now and kept."""
        path = f"{reference.folder(self.monitor)}/{what}.{ALGORITHM_VERSION}.json"
        if self.lake.exists(path):
            return read(self.lake.read(path))
        learnt = learn_it()
        self.lake.write(path, written(learnt))
        return learnt

    @cached_property
    def judge(self) -> Judge:
        """What decides about the monitor's days."""
        return Judge.of(self.monitor, self.frozen, self.noise, self.importance)

    def with_effects(self, day: dt.date, verdicts: list[Verdict]) -> list[Verdict]:
        """The verdicts; those on the columns that matter most with what they do to predictions.

        As they are where the model cannot be asked or the day's rows are gone.
        """
        model, _ = self._model
        drifted = [v for v in verdicts if _is_drift(v)][:MOST_EXPLAINED]
        if model is None or not drifted:
            return verdicts
        rows = reference_rows.day_rows(self.lake, self.monitor, day, most=MOST_ROWS)
        with one_thread():
            effects = {v.subject: self._effect(model, rows, v.subject.column) for v in drifted}
        return [_with_effect(v, effects.get(v.subject)) for v in verdicts]

    def _effect(self, model: Model, rows: pa.Table, column: str) -> tuple[float, float] | None:
        """Mean change of the score and change of the share of positive decisions."""
        if not rows.num_rows or not self._reference_rows.num_rows or column not in model.features:
            return None
        try:
            change = prediction_change(
                model.predict,
                rows,
                self._reference_rows,
                column,
                np.random.default_rng(0),
                self.monitor.model.threshold,
            )
        except (ModelRefused, ModelUnavailable):
            return None
        return change.mean_absolute, change.decision_rate

    @cached_property
    def _reference_rows(self) -> pa.Table:
        return reference_rows.sample(self.lake, self.monitor, most=MOST_ROWS)

    @cached_property
    def _model(self) -> tuple[Model | None, str]:
        """The monitored model, or why it cannot be asked."""
        if self.monitor.model.uri is None:
            return None, "the monitor names no model"
        try:
            found = self.registry.model_of(self.monitor)
        except (ModelUnavailable, ModelRefused) as error:
            return None, str(error)
        return found, ""


def one_thread() -> AbstractContextManager[object]:
    """Hold scikit-learn to one thread.

    Days run side by side, a process per core, and threads of OpenMP that wait for one another cost
    17 times the time of one.
    """
    from threadpoolctl import threadpool_limits

    return threadpool_limits(1)


def _is_drift(verdict: Verdict) -> bool:
    subject = verdict.subject
    return (
        verdict.is_alert
        and subject.rule is Rule.DRIFT
        and subject.metric == "psi"
        and subject.segment == ALL
    )


def _with_effect(verdict: Verdict, effect: tuple[float, float] | None) -> Verdict:
    if effect is None:
        return verdict
    change, decisions = effect
    more = "more" if decisions > 0 else "fewer"
    text = f"{verdict.text}; by itself it changes scores by {change:.3f}"
    if decisions:
        text += f" and makes {100 * abs(decisions):.1f} points {more} positive decisions"
    return replace(
        verdict,
        text=text,
        prediction_change=change,
        details={**verdict.details, "decision_rate_change": decisions},
    )
