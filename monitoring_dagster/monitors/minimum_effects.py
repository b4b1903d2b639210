"""Minimum effects: how large a change has to be to count; who is told is `alerting`.

Only the shape. Thresholds are not part of a document: they follow from its false-alarm budget.
"""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from monitoring_dagster.monitors.agreement import Disagreement, Disagreements
from monitoring_dagster.monitors.section import Section

Deviations = Annotated[float, Field(gt=0, le=10)]
Points = Annotated[float, Field(gt=0, lt=1)]


class MinimumEffects(Section):
    """How large a change has to be before anybody is told, however certain it is."""

    important: Deviations = Field(
        default=0.2, description="Features that matter more than the average one, in σ."
    )
    other: Deviations = Field(default=0.3, description="The other features, in σ.")
    shares: Points = Field(
        default=0.02, description="Change of a share: of nulls, and of positive labels."
    )
    performance: Points = Field(
        default=0.01, description="Loss of a metric between 0 and 1; of errors, relative."
    )
    operations: Points = Field(default=0.1, description="Relative change of latency.")
    traffic: Points = Field(default=0.3, description="Relative change of the number of rows.")

    @model_validator(mode="after")
    def _important_is_finer(self) -> Self:
        if self.important > self.other:
            raise Disagreements(
                [
                    Disagreement(
                        ("important",),
                        f"important ({self.important}) is above other ({self.other}); important "
                        "features are watched at least as closely: lower it, or raise other",
                    )
                ]
            )
        return self
