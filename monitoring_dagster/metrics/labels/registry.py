"""The catalogue of label metrics.

What a metric computes is in the file of its name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from monitoring_dagster.metrics.labels.label_coverage import label_coverage
from monitoring_dagster.metrics.labels.label_delay import label_delay_p50, label_delay_p90
from monitoring_dagster.metrics.labels.labelled import labelled
from monitoring_dagster.metrics.labels.predictions import predictions
from monitoring_dagster.metrics.measurement import Estimate
from monitoring_dagster.profiles.outcomes import LabelCounts

Metric = Callable[[LabelCounts], Estimate]

COUNTS: Mapping[str, Metric] = {
    "predictions": predictions,
    "labelled": labelled,
    "label_coverage": label_coverage,
}

DELAYS: Mapping[str, Metric] = {
    "label_delay_p50": label_delay_p50,
    "label_delay_p90": label_delay_p90,
}
"""Owed where the labels carry the time of their arrival."""

REGISTRY: Mapping[str, Metric] = {**COUNTS, **DELAYS}
