"""Retraining: why a new model is trained, on what, and what it must show before it takes over.

Only the shapes. Whether evidence is there is decided in the room `retraining`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from monitoring_dagster.monitors.agreement import Disagreement, Disagreements
from monitoring_dagster.monitors.scalars import Days, Finite, FunctionName, Name, Share
from monitoring_dagster.monitors.section import Section

Ratio = Annotated[float, Field(ge=1, le=100)]
Margin = Annotated[float, Field(ge=0, lt=1)]


class WindowKind(StrEnum):
    """How the days that a model is trained on are chosen; the newest are left for validation."""

    EXPANDING = "expanding"
    SLIDING = "sliding"
    SINCE_CHANGE = "since_change"
    RECENT = "recent"


class When(Section):
    """Reasons to retrain; each rests on verdicts or on the calendar, never on drift alone."""

    harm: bool = Field(
        default=True, description="Errors are proven to have risen, for another reason than inputs."
    )
    exhausted: bool = Field(
        default=True,
        description="An objective of performance is used up, for another reason than inputs.",
    )
    max_age_days: Days | None = Field(
        default=None,
        description="The agreement on retraining frequency: the champion is older than this.",
    )
    new_labels: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="So many labelled rows have matured since it was trained."
    )


class TrainingWindow(Section):
    """Which matured days a model is trained on, and which are kept for validation."""

    kind: WindowKind = Field(
        default=WindowKind.EXPANDING,
        description="All days; the last `days`; those since the change; or all, weighted.",
    )
    days: Annotated[int, Field(ge=1, le=3_650)] = Field(
        default=365, description="For sliding: days of training."
    )
    half_life_days: Annotated[int, Field(ge=1, le=3_650)] = Field(
        default=60, description="For recent: a row of this age weighs half."
    )
    validation_days: Annotated[int, Field(ge=1, le=365)] = Field(
        default=28, description="The newest matured days: never trained on, decide at the gate."
    )


class Limits(Section):
    """What a training may take before it is ended."""

    minutes: Annotated[float, Field(gt=0, le=10_080)] = Field(
        default=60.0, description="Of wall clock, with start and saving."
    )
    memory_mb: Annotated[int, Field(ge=512)] = Field(default=8_192, description="Megabytes.")


class GateRules(Section):
    """What a challenger must show on days that neither model was trained on."""

    primary: str | None = Field(
        default=None,
        description="The metric to be better on: roc_auc, log_loss or mae by default, by the task.",
    )
    better_by: Margin = Field(default=0.0, description="By how much it must surely be better.")
    guards: tuple[str, ...] = Field(
        default=(), strict=False, description="Metrics that must not become worse; e.g. log_loss."
    )
    margin: Margin = Field(
        default=0.01, description="What may be lost on a guard, on calibration or in a segment."
    )
    latency_ratio: Ratio = Field(default=1.5, description="At most so many times as slow.")
    newest_days: Annotated[int, Field(ge=1, le=90)] = Field(
        default=7, description="The last days of validation, on which it must not be worse."
    )
    negative_flips: Share = Field(
        default=0.1,
        description="At most this share of what the champion had right may become wrong.",
    )


class Retraining(Section):
    """When and how a new model is trained, and when it may replace the champion."""

    trainer: FunctionName | None = Field(
        default=None, description="`package.module:function`; nothing is trained without one."
    )
    parameters: dict[Name, bool | int | Finite | str] = Field(
        default_factory=dict[Name, bool | int | Finite | str],
        description="Handed to the trainer as they are.",
    )
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = Field(
        default=0, description="The same data, parameters and seed give the same model."
    )
    when: When = When()
    window: TrainingWindow = TrainingWindow()
    limits: Limits = Limits()
    gate: GateRules = GateRules()
    cooldown_days: Days = Field(default=14, description="Days after a retraining without another.")
    per_quarter: Annotated[int, Field(ge=0, le=100)] = Field(
        default=4, description="Retrainings of a calendar quarter at most."
    )
    minimum_labels: Annotated[int, Field(ge=1)] = Field(
        default=1_000, description="Labelled rows without which nothing is trained."
    )
    shadow_days: Days = Field(
        default=0, description="Days that a challenger answers unheard before it is decided on."
    )
    decide_within_hours: Annotated[float, Field(gt=0)] = Field(
        default=72.0, description="The agreement: from the incident to the decision."
    )

    @model_validator(mode="after")
    def _half_life_is_for_recent(self) -> Self:
        window = self.window
        given = {
            "days": (WindowKind.SLIDING, "sliding"),
            "half_life_days": (WindowKind.RECENT, "recent"),
        }
        for name, (kind, word) in given.items():
            is_given = getattr(window, name) != TrainingWindow.model_fields[name].default
            if is_given and window.kind is not kind:
                raise Disagreements(
                    [
                        Disagreement(
                            ("window", name),
                            f"{name} is for kind {word}, and the kind is {window.kind}; "
                            "leave it out or change the kind",
                        )
                    ]
                )
        return self
