"""Objectives: what a monitored model owes, and what falling short of it costs.

Only their shapes; whether a metric exists is `metrics/catalogue.py`, whether an objective is met
`decisions/slo.py`.
"""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from monitoring_dagster.monitors.scalars import ColumnName, Currency, Finite, Name
from monitoring_dagster.monitors.section import Section


class Kpi(Section):
    """What a unit of shortfall costs the business."""

    name: str = Field(min_length=1, max_length=200, description="What is lost, in plain words.")
    cost_per_unit: Annotated[float, Field(gt=0, allow_inf_nan=False)] = Field(
        description="Cost of one whole unit of the metric for one day."
    )
    currency: Currency = Field(description="ISO 4217 code, such as EUR.")


class Slo(Section):
    """A service level objective: a metric, a bound, and the share of good days in a window."""

    name: Name = Field(description="Name of the objective, once per monitor.")
    metric: Name = Field(description="The metric, such as roc_auc or latency_p95.")
    at_least: Finite | None = Field(default=None, description="The metric must not lie below it.")
    at_most: Finite | None = Field(default=None, description="The metric must not lie above it.")
    column: ColumnName | None = Field(default=None, description="For metrics of a column.")
    segment: str | None = Field(
        default=None, description="Such as `carrier=UA`; the whole traffic if not."
    )
    target: Annotated[float, Field(gt=0, lt=1)] = Field(
        default=0.95, description="Share of good days in the window."
    )
    window_days: Annotated[int, Field(ge=1, le=366)] = Field(
        default=28, description="Length of the rolling window."
    )
    kpi: Kpi | None = Field(default=None, description="What a unit of shortfall costs.")

    @model_validator(mode="after")
    def _one_bound(self) -> Self:
        if (self.at_least is None) == (self.at_most is None):
            raise ValueError("give either at_least or at_most")
        return self
